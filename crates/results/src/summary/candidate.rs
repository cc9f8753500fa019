//! The configurations of a summary with the values that their trials measured.

use history::History;
use settings::{Configuration, Metric, Split};
use spec::{EpochRule, Summarize};
use tuner::{
    Outcome,
    ranking::{self, Ranking},
};

use crate::{
    error::Error,
    trial::{self, PlannedTrial, TrialResult},
};

/// A configuration with its trials.
pub(super) struct Candidate<'a> {
    /// Name of the train stage.
    pub(super) stage: &'a str,
    pub(super) configuration: &'a Configuration,
    /// One trial per seed, in the order of the file.
    pub(super) trials: Vec<Measured<'a>>,
}

/// A trial with the values that the summary uses.
pub(super) struct Measured<'a> {
    pub(super) planned: &'a PlannedTrial,
    /// The trial's result and history, if it is finished.
    pub(super) done: Option<(TrialResult, History)>,
    /// The epoch chosen by the epoch rule, if the trial has a finite value there.
    pub(super) epoch: Option<u32>,
    /// The reported metric at that epoch.
    pub(super) value: Option<f64>,
    /// The ranking metric at that epoch.
    pub(super) ranked_by: Option<f64>,
    /// The reported quantity on the test split at that epoch, if the trial measured it.
    pub(super) test: Option<f64>,
}

/// Reads the trials of every configuration of the stages, and ranks the configurations.
pub(super) fn read<'a>(
    summarize: &'a Summarize,
    trials: &[&'a [PlannedTrial]],
) -> Result<(Vec<Candidate<'a>>, Ranking), Error> {
    let mut candidates = Vec::new();
    for (train, planned) in summarize.trains().zip(trials) {
        for seeds in planned.chunk_by(|one, other| one.trial.configuration == other.trial.configuration) {
            candidates.push(Candidate {
                stage: &train.name,
                configuration: &seeds[0].trial.configuration,
                trials: seeds.iter().map(|planned| measured(summarize, planned)).collect::<Result<_, _>>()?,
            });
        }
    }
    let ranked_by =
        |candidate: &Candidate<'_>| candidate.trials.iter().map(|trial| trial.ranked_by).collect();
    let values: Vec<ranking::Values> = candidates.iter().map(ranked_by).collect();
    let configurations: Vec<&Configuration> =
        candidates.iter().map(|candidate| candidate.configuration).collect();
    let ranking = ranking::rank(&configurations, &values, &summarize.best_per);
    Ok((candidates, ranking))
}

fn measured<'a>(summarize: &Summarize, planned: &'a PlannedTrial) -> Result<Measured<'a>, Error> {
    let mut measured =
        Measured { planned, done: None, epoch: None, value: None, ranked_by: None, test: None };
    let Some(artifact) = &planned.artifact else { return Ok(measured) };
    let result = planned.result()?.cloned().expect("a trial with an artifact has a result");
    let history = trial::history(artifact)?;
    let epoch = match (&result.outcome, &summarize.epoch) {
        (Outcome::Diverged { .. }, _) => None,
        (_, EpochRule::Final) => history.last(&summarize.metric).map(|(epoch, _)| epoch),
        (_, EpochRule::Best) => history.best(summarize.ranking_metric()).map(|(epoch, _)| epoch),
        (_, EpochRule::BestBy(metric)) => history.best(metric).map(|(epoch, _)| epoch),
        (_, EpochRule::At { epoch }) => Some(*epoch),
    };
    measured.value = epoch.and_then(|epoch| finite_at(&history, epoch, &summarize.metric));
    if let (Some(epoch), Some(_)) = (epoch, measured.value) {
        measured.epoch = Some(epoch);
        measured.ranked_by = finite_at(&history, epoch, summarize.ranking_metric());
        measured.test = test_metric(summarize).and_then(|metric| finite_at(&history, epoch, &metric));
    }
    measured.done = Some((result, history));
    Ok(measured)
}

/// Returns the value of `metric` at `epoch`. A value that is not finite does not count, even if the trial has not diverged.
fn finite_at(history: &History, epoch: u32, metric: &Metric) -> Option<f64> {
    history.at(epoch, metric).filter(|value| value.is_finite())
}

/// Returns the reported quantity on the test split. There is none without a holdout, or if the table is ranked by it or reports it.
pub(super) fn test_metric(summarize: &Summarize) -> Option<Metric> {
    let has_holdout = summarize.trains().all(|train| train.dataset.settings.holdout > 0.0);
    let test = match summarize.metric {
        Metric::Loss(split) if split != Split::Test => Metric::Loss(Split::Test),
        Metric::ErrorRate(split) if split != Split::Test => Metric::ErrorRate(Split::Test),
        _ => return None,
    };
    (has_holdout && *summarize.ranking_metric() != test).then_some(test)
}
