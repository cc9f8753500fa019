//! The configurations that are compared, with what their trials measured.

use history::History;
use settings::{Configuration, Metric, Split};
use tuner::{Outcome, ranking};

use crate::{
    Error,
    trial::{self, PlannedTrial, TrialResult},
};
use spec::{EpochRule, Summarize};

/// A configuration with its trials.
pub(super) struct Candidate<'a> {
    /// Name of the train stage.
    pub(super) stage: &'a str,
    pub(super) configuration: &'a Configuration,
    /// By seed, in the order of the file.
    pub(super) trials: Vec<Tried<'a>>,
}

/// A trial with the values that count.
pub(super) struct Tried<'a> {
    pub(super) planned: &'a PlannedTrial,
    /// How it ended, and what it measured; absent where it has no result.
    pub(super) done: Option<(TrialResult, History)>,
    /// The epoch that counts, and the reported value there; absent where the trial gave none.
    pub(super) value: Option<(u32, f64)>,
    /// What ranks, at that epoch.
    pub(super) ranked_by: Option<f64>,
    /// The reported quantity on the test split at that epoch, where the trial measured it.
    pub(super) test: Option<f64>,
}

impl Candidate<'_> {
    /// What ranks, by seed.
    pub(super) fn ranking_values(&self) -> ranking::Values {
        self.trials.iter().map(|tried| tried.ranked_by).collect()
    }
}

/// Every configuration of the stages, with their trials read.
///
/// # Errors
/// If a trial's files cannot be read.
pub(super) fn read<'a>(
    summarize: &'a Summarize,
    trials: &[&'a [PlannedTrial]],
) -> Result<Vec<Candidate<'a>>, Error> {
    let mut candidates = Vec::new();
    for (train, planned) in summarize.of.iter().zip(trials) {
        for seeds in planned.chunk_by(|one, other| one.trial.configuration == other.trial.configuration) {
            candidates.push(Candidate {
                stage: &train.name,
                configuration: &seeds[0].trial.configuration,
                trials: seeds.iter().map(|planned| tried(summarize, planned)).collect::<Result<_, _>>()?,
            });
        }
    }
    Ok(candidates)
}

fn tried<'a>(summarize: &Summarize, planned: &'a PlannedTrial) -> Result<Tried<'a>, Error> {
    let Some(artifact) = &planned.artifact else {
        return Ok(Tried { planned, done: None, value: None, ranked_by: None, test: None });
    };
    let result = planned.result()?.cloned().expect("it is finished");
    let history = trial::history(artifact)?;
    let metric = &summarize.metric;
    let epoch = match (&result.outcome, &summarize.epoch) {
        (Outcome::Diverged { .. }, _) => None,
        (_, EpochRule::Final) => history.last(metric).map(|(epoch, _)| epoch),
        (_, EpochRule::Best) => history.best(summarize.ranking_metric()).map(|(epoch, _)| epoch),
        (_, EpochRule::BestBy(by)) => history.best(by).map(|(epoch, _)| epoch),
        (_, EpochRule::At { epoch }) => Some(*epoch),
    };
    // A loss that is no number is no result, whatever the trial's end says.
    let at = |metric: &Metric| {
        let measured = history.epochs().iter().find(|measured| Some(measured.epoch) == epoch)?;
        measured.value(metric).filter(|value| value.is_finite())
    };
    let value = epoch.zip(at(metric));
    let ranked_by = value.and_then(|_| at(summarize.ranking_metric()));
    let test = test_metric(summarize).and_then(|metric| value.and_then(|_| at(&metric)));
    Ok(Tried { planned, value, ranked_by, test, done: Some((result, history)) })
}

/// The reported quantity on the test split, where there is one that is neither chosen by nor reported already.
pub(super) fn test_metric(summarize: &Summarize) -> Option<Metric> {
    let has_holdout = summarize.of.iter().all(|train| train.dataset.holdout > 0.0);
    let test = match summarize.metric {
        Metric::Loss(split) if split != Split::Test => Metric::Loss(Split::Test),
        Metric::ErrorRate(split) if split != Split::Test => Metric::ErrorRate(Split::Test),
        _ => return None,
    };
    (has_holdout && *summarize.ranking_metric() != test).then_some(test)
}
