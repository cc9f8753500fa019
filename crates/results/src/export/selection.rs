//! Which trials of a pipeline are meant, and where each goes.

use settings::Trial;

use super::{Choice, ExportError, Wanted};
use crate::{
    Error,
    summary::{self, Winner},
    trial::PlannedTrial,
};
use spec::{EpochRule, Pipeline, Stage, Summarize, Train};
use store::Artifact;

/// A finished trial that is wanted.
pub(super) struct Selected<'a> {
    pub(super) train: &'a Train,
    pub(super) planned: &'a PlannedTrial,
    pub(super) artifact: &'a Artifact,
    /// What its configuration is the best of, where winners are wanted.
    pub(super) best_of: Option<String>,
    /// Below the folder of the export, parts separated by `/`.
    pub(super) folder: String,
}

/// What is wanted of a pipeline, as far as it is there.
#[derive(Default)]
pub(super) struct Selection<'a> {
    pub(super) finished: Vec<Selected<'a>>,
    pub(super) unfinished: Vec<&'a Trial>,
    /// What one has to know of the choice.
    pub(super) notes: Vec<String>,
}

/// A train stage with its trials; none where its configurations are not chosen.
pub type StageTrials<'a> = (&'a Train, Option<&'a [PlannedTrial]>);

/// # Errors
/// If there are no winners, or a trial's files cannot be read.
pub(super) fn select<'a>(
    pipeline: &'a Pipeline,
    stages: &[StageTrials<'a>],
    wanted: &Wanted,
) -> Result<Selection<'a>, Error> {
    let summary = summary_of(pipeline, wanted)?;
    let mut selection = match &wanted.choice {
        Choice::Finished => finished(stages, summary),
        Choice::Best => winners(stages, required(pipeline, summary)?)?,
        Choice::BestPer(axes) => {
            let summary = Summarize { best_per: axes.clone(), ..required(pipeline, summary)?.clone() };
            winners(stages, &summary)?
        }
    };
    let is_wanted = |trial: &Trial| wanted.seeds.is_empty() || wanted.seeds.contains(&trial.seed);
    selection.finished.retain(|selected| is_wanted(&selected.planned.trial));
    selection.unfinished.retain(|trial| is_wanted(trial));
    Ok(selection)
}

/// The summary that is named, or the last; none where there is none.
fn summary_of<'a>(pipeline: &'a Pipeline, wanted: &Wanted) -> Result<Option<&'a Summarize>, ExportError> {
    let summaries: Vec<&Summarize> = pipeline
        .stages
        .iter()
        .filter_map(|stage| if let Stage::Summarize(summarize) = stage { Some(summarize) } else { None })
        .collect();
    match (&wanted.summary, &wanted.choice) {
        (Some(name), _) => {
            let unknown = || ExportError::UnknownSummary {
                pipeline: pipeline.name.clone(),
                name: name.clone(),
                known: summaries.iter().map(|summarize| summarize.name.clone()).collect(),
            };
            let named = summaries.iter().find(|summarize| summarize.name == *name);
            named.copied().ok_or_else(unknown).map(Some)
        }
        (None, Choice::Finished) => Ok(None),
        (None, Choice::Best | Choice::BestPer(_)) => Ok(summaries.last().copied()),
    }
}

fn required<'a>(pipeline: &Pipeline, summary: Option<&'a Summarize>) -> Result<&'a Summarize, ExportError> {
    summary.ok_or_else(|| ExportError::NoSummary { pipeline: pipeline.name.clone() })
}

/// Every finished trial of the stages, or of those that are summarized.
fn finished<'a>(stages: &[StageTrials<'a>], summary: Option<&Summarize>) -> Selection<'a> {
    let is_meant = |train: &Train| {
        summary.is_none_or(|summarize| summarize.of.iter().any(|meant| meant.name == train.name))
    };
    let stages: Vec<&StageTrials<'a>> = stages.iter().filter(|(train, _)| is_meant(train)).collect();
    let mut selection = Selection::default();
    for &&(train, trials) in &stages {
        let Some(trials) = trials else {
            let text = format!("{} is left out: its configurations are not chosen yet", train.name);
            selection.notes.push(text);
            continue;
        };
        for planned in trials {
            match &planned.artifact {
                None => selection.unfinished.push(&planned.trial),
                Some(artifact) => {
                    let folder = folder(&planned.trial);
                    // Two stages may train the same configuration on different images.
                    let folder = if stages.len() > 1 { format!("{}/{folder}", train.name) } else { folder };
                    selection.finished.push(Selected { train, planned, artifact, best_of: None, folder });
                }
            }
        }
    }
    selection
}

/// The winners of the summary, the best first.
fn winners<'a>(stages: &[StageTrials<'a>], summarize: &Summarize) -> Result<Selection<'a>, Error> {
    let mut of = Vec::new();
    for meant in &summarize.of {
        let (train, trials) =
            stages.iter().find(|(train, _)| train.name == meant.name).expect("checked with the file");
        let trials = trials.ok_or_else(|| ExportError::Waiting {
            summary: summarize.name.clone(),
            stage: train.name.clone(),
        })?;
        of.push((*train, trials));
    }
    let trials: Vec<&[PlannedTrial]> = of.iter().map(|(_, trials)| *trials).collect();
    let mut selection = Selection { notes: notes(summarize), ..Selection::default() };
    for Winner { best_of, stage, configuration, .. } in summary::winners(summarize, &trials)? {
        let (train, trials) =
            of.iter().find(|(train, _)| train.name == stage).expect("a winner is of one of the stages");
        // A winner's trials are all finished.
        let seeds = trials.iter().filter(|planned| planned.trial.configuration == configuration);
        selection.finished.extend(seeds.filter_map(|planned| {
            let (artifact, folder) = (planned.artifact.as_ref()?, folder(&planned.trial));
            Some(Selected { train, planned, artifact, best_of: Some(best_of.clone()), folder })
        }));
    }
    let unfinished = trials.into_iter().flatten().filter(|planned| planned.artifact.is_none());
    selection.unfinished = unfinished.map(|planned| &planned.trial).collect();
    if !selection.unfinished.is_empty() {
        selection.notes.push(format!(
            "the winners of {} are those of the trials that are finished: {} are not",
            summarize.name,
            selection.unfinished.len()
        ));
    }
    Ok(selection)
}

fn notes(summarize: &Summarize) -> Vec<String> {
    let is_of_another_epoch = summarize.epoch != EpochRule::Final;
    let text = format!(
        "{} ranks by another epoch than the last, and weights are those of the last: `model.json` says how good they are",
        summarize.name
    );
    is_of_another_epoch.then_some(text).into_iter().collect()
}

fn folder(trial: &Trial) -> String {
    format!("{}/seed-{}", trial.configuration.slug(), trial.seed)
}
