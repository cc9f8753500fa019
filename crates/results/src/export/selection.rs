//! The trials that an export selects, and the folder of each.

use settings::Trial;
use spec::{EpochRule, KeptWeights, Pipeline, Stage, Summarize, Train};
use store::Artifact;
use tuner::ranking::Best;

use super::wanted::{Choice, Wanted};
use crate::{
    error::Error,
    summary::{self, Winner},
    trial::PlannedTrial,
};

/// A selected trial that is finished.
pub(super) struct Selected<'a> {
    pub(super) train: &'a Train,
    pub(super) planned: &'a PlannedTrial,
    pub(super) artifact: &'a Artifact,
    /// The group that the configuration is the best of, if winners are requested.
    pub(super) best_of: Option<String>,
    /// The path below the export folder, its parts separated by `/`.
    pub(super) folder: String,
}

#[derive(Default)]
pub(super) struct Selection<'a> {
    pub(super) finished: Vec<Selected<'a>>,
    pub(super) unfinished: Vec<&'a Trial>,
    /// Remarks on the selection for the user.
    pub(super) notes: Vec<String>,
}

/// A train stage with its trials, which are absent while its configurations are not chosen.
pub type StageTrials<'a> = (&'a Train, Option<&'a [PlannedTrial]>);

pub(super) fn select<'a>(
    pipeline: &'a Pipeline,
    stages: &[StageTrials<'a>],
    wanted: &Wanted,
) -> Result<Selection<'a>, Error> {
    let summary = requested_summary(pipeline, wanted)?;
    let mut selection = match &wanted.choice {
        Choice::Finished => finished(stages, summary),
        Choice::Best | Choice::BestPer(_) => {
            let missing = || Error::NoSummary { pipeline: pipeline.name.clone() };
            let mut summary = summary.ok_or_else(missing)?.clone();
            if let Choice::BestPer(axes) = &wanted.choice {
                summary.best_per.clone_from(axes);
            }
            winners(stages, &summary)?
        }
    };
    if !wanted.seeds.is_empty() {
        selection.finished.retain(|selected| wanted.seeds.contains(&selected.planned.trial.seed));
        selection.unfinished.retain(|trial| wanted.seeds.contains(&trial.seed));
    }
    Ok(selection)
}

/// Returns the requested summary. Winners are by default those of the last summary.
fn requested_summary<'a>(pipeline: &'a Pipeline, wanted: &Wanted) -> Result<Option<&'a Summarize>, Error> {
    let stages = pipeline.stages.iter();
    let summaries: Vec<&Summarize> = stages
        .filter_map(
            |stage| if let Stage::Summarize(summarize) = stage { Some(summarize.as_ref()) } else { None },
        )
        .collect();
    match (&wanted.summary, &wanted.choice) {
        (None, Choice::Finished) => Ok(None),
        (None, Choice::Best | Choice::BestPer(_)) => Ok(summaries.last().copied()),
        (Some(name), _) => match summaries.iter().find(|summarize| summarize.name == *name) {
            Some(summary) => Ok(Some(summary)),
            None => Err(Error::UnknownSummary {
                pipeline: pipeline.name.clone(),
                name: name.clone(),
                known: summaries.iter().map(|summarize| summarize.name.clone()).collect(),
            }),
        },
    }
}

/// Selects every trial of the stages, or of those that `summary` is made from.
fn finished<'a>(stages: &[StageTrials<'a>], summary: Option<&Summarize>) -> Selection<'a> {
    let mut stages = stages.to_vec();
    if let Some(summary) = summary {
        stages.retain(|(train, _)| summary.trains().any(|summarized| summarized.name == train.name));
    }
    let mut selection = Selection::default();
    for &(train, trials) in &stages {
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

/// Selects the winners of the summary, the best first.
fn winners<'a>(stages: &[StageTrials<'a>], summarize: &Summarize) -> Result<Selection<'a>, Error> {
    let mut trains = Vec::new();
    let mut trials = Vec::new();
    for summarized in summarize.trains() {
        let stage = stages.iter().find(|(train, _)| train.name == summarized.name);
        let (train, known) = stage.expect("the file was checked");
        trains.push(*train);
        trials.push(known.ok_or_else(|| Error::SummaryWaits {
            summary: summarize.name.clone(),
            stage: train.name.clone(),
        })?);
    }
    let mut selection = Selection::default();
    let ranks_by = match &summarize.epoch {
        EpochRule::Final | EpochRule::MeanOfLast(1) => None,
        EpochRule::MeanOfLast(epochs) => Some(format!("the mean of the last {epochs} epochs")),
        EpochRule::Best | EpochRule::BestBy(_) | EpochRule::At { .. } => {
            Some("an epoch that need not be the last".to_owned())
        }
    };
    let chosen_by = match &summarize.epoch {
        EpochRule::Best => Some(summarize.ranking_metric()),
        EpochRule::BestBy(metric) => Some(metric),
        EpochRule::Final | EpochRule::At { .. } | EpochRule::MeanOfLast(_) => None,
    };
    let keeps = |train: &Train| match &train.keep_weights {
        KeptWeights::Last => chosen_by.is_none(),
        KeptWeights::Best(metric) => chosen_by == Some(metric),
    };
    let is_kept = chosen_by.is_some() && summarize.trains().all(keeps);
    if let Some(epochs) = ranks_by.filter(|_| !is_kept) {
        let kept = match summarize.trains().all(|train| train.keep_weights == KeptWeights::Last) {
            true => "those of the last epoch",
            false => "those that `keep_weights` names",
        };
        selection.notes.push(format!(
            "{} ranks by {epochs}, and the exported weights are {kept}: `model.json` states their values",
            summarize.name
        ));
    }
    let has_datasets = summarize.datasets().len() > 1;
    for (Winner { best_of, dataset, .. }, of_winner) in summary::winners(summarize, &trials, Best::ONE)? {
        for winning in of_winner {
            let (index, planned) = trials
                .iter()
                .enumerate()
                .find_map(|(index, of_stage)| {
                    Some((index, of_stage.iter().find(|it| std::ptr::eq(*it, winning))?))
                })
                .expect("a winner is from a summarized stage");
            // All trials of a winner are finished.
            let Some(artifact) = &planned.artifact else { continue };
            let folder = folder(&planned.trial);
            selection.finished.push(Selected {
                train: trains[index],
                planned,
                artifact,
                best_of: Some(best_of.clone()),
                // The same configuration may win on several datasets.
                folder: if has_datasets { format!("{dataset}/{folder}") } else { folder },
            });
        }
    }
    let unfinished = trials.into_iter().flatten().filter(|planned| planned.artifact.is_none());
    selection.unfinished = unfinished.map(|planned| &planned.trial).collect();
    if !selection.unfinished.is_empty() {
        selection.notes.push(format!(
            "the winners of {} are those of its finished trials: {} trials are not finished",
            summarize.name,
            selection.unfinished.len()
        ));
    }
    Ok(selection)
}

fn folder(trial: &Trial) -> String {
    format!("{}/seed-{}", trial.configuration.slug(), trial.seed)
}
