//! The configurations of a summary with the values that their trials measured.

use std::{cmp::Reverse, collections::HashMap, ops::RangeInclusive};

use history::History;
use settings::{Configuration, Metric, Split, TrainingSettings};
use spec::{EpochRule, Summarize, Train};
use tuner::{
    Outcome,
    ranking::{self, Best, Ranking},
};

use crate::{
    error::Error,
    trial::{self, PlannedTrial, TrialResult},
};

/// A configuration with its trials.
pub(super) struct Candidate<'a> {
    /// The stage that trains it, the first one if several do. The last rung that it has reached.
    pub(super) train: &'a Train,
    /// All stages of the summary that train it.
    pub(super) trains: Vec<&'a Train>,
    pub(super) configuration: &'a Configuration,
    /// The configuration with the batch size that the stage may give.
    pub(super) completed: Configuration,
    /// One trial for each seed, in the order of the file.
    pub(super) trials: Vec<Measured<'a>>,
    /// The rung at which halving dropped it; absent if it has reached the last one.
    pub(super) dropped: Option<Dropped>,
}

/// The rung at which successive halving dropped a configuration.
pub(super) struct Dropped {
    /// The number of epochs that it was trained.
    pub(super) epochs: u32,
    /// Its place in its group, from 1, and the mean that it was ranked by; absent if not all its seeds have a value.
    pub(super) place: Option<(usize, f64)>,
    /// The number of configurations of its group.
    pub(super) of: usize,
    /// The number of them that may go on.
    pub(super) go_on: usize,
}

/// A trial with the values that the summary uses.
pub(super) struct Measured<'a> {
    pub(super) planned: &'a PlannedTrial,
    /// The trial's result and history, if it is finished.
    pub(super) done: Option<(TrialResult, History)>,
    /// The epoch that the values are from. Absent if the trial has no value, and for means over several epochs: none of them
    /// has these values.
    pub(super) epoch: Option<u32>,
    /// The reported metric at the epochs of the epoch rule.
    pub(super) value: Option<f64>,
    /// The ranking metric at the same epochs.
    pub(super) ranked_by: Option<f64>,
    /// The reported quantity on the test split at the same epochs, if the trial measured it.
    pub(super) test: Option<f64>,
}

/// The configurations that count, ranked.
pub(super) struct Ranked<'a> {
    pub(super) candidates: Vec<Candidate<'a>>,
    pub(super) ranking: Ranking,
    /// The number of configurations beyond the budget that were trained.
    pub(super) left_out: usize,
}

/// Reads the trials of every configuration that counts, ranks the configurations, and finds the `best` of each group.
pub(super) fn read<'a>(
    summarize: &'a Summarize,
    trials: &[&'a [PlannedTrial]],
    best: Best,
) -> Result<Ranked<'a>, Error> {
    let (mut candidates, beyond) = within_budget(summarize, trials);
    for measured in candidates.iter_mut().flat_map(|candidate| &mut candidate.trials) {
        measured.read(summarize)?;
    }
    add_dropped(summarize, trials, &mut candidates)?;
    let ranking = rank(summarize, &candidates, best);
    Ok(Ranked {
        ranking,
        candidates,
        left_out: beyond.iter().filter(|candidate| candidate.was_trained()).count(),
    })
}

/// Returns the configurations that count, and those beyond the budget of each rule and dataset; their trials are not read.
pub(super) fn within_budget<'a>(
    summarize: &'a Summarize,
    trials: &[&'a [PlannedTrial]],
) -> (Vec<Candidate<'a>>, Vec<Candidate<'a>>) {
    let mut counts: HashMap<(&str, &str), u32> = HashMap::new();
    candidates(summarize, trials).into_iter().partition(|candidate| {
        let count =
            counts.entry((candidate.dataset(), candidate.configuration.algorithm.name())).or_default();
        *count += 1;
        // Halving chose from all of its configurations.
        candidate.trains.iter().any(|train| !train.rungs.is_empty())
            || summarize.budget.is_none_or(|budget| *count <= budget.get())
    })
}

/// Marks the configurations that did not go on to the last rung of their stage, and removes their values, which cannot be compared with those
/// of more epochs.
fn add_dropped<'a>(
    summarize: &'a Summarize,
    trials: &[&'a [PlannedTrial]],
    candidates: &mut [Candidate<'a>],
) -> Result<(), Error> {
    let stages: Vec<(&Train, &[PlannedTrial])> = summarize.trains().zip(trials.iter().copied()).collect();
    for pair in stages.windows(2) {
        let [(rung, planned), (next, _)] = *pair else { continue };
        let Some((chooser, best)) = next.goes_on_from(rung) else { continue };
        let Ranked { candidates: of_rung, ranking, .. } = read(chooser, &[planned], best)?;
        let sizes = ranking::group_sizes(of_rung.iter().map(|it| &it.completed), &chooser.best_per);
        let mut places: HashMap<String, usize> = HashMap::new();
        for &index in &ranking.order {
            let completed = &of_rung[index].completed;
            let group = ranking::group(completed, &chooser.best_per);
            let of = sizes[&group];
            let place = places.entry(group).or_default();
            *place += 1;
            let is_meant = |candidate: &&mut Candidate<'a>| {
                candidate.train.name == rung.name && candidate.completed == *completed
            };
            let Some(candidate) = candidates.iter_mut().find(is_meant) else { continue };
            candidate.dropped = Some(Dropped {
                epochs: rung.training.epochs,
                place: ranking.means[index].map(|mean| (*place, mean)),
                of,
                go_on: best.of(of),
            });
            for trial in &mut candidate.trials {
                (trial.epoch, trial.value, trial.ranked_by, trial.test) = (None, None, None, None);
            }
        }
    }
    Ok(())
}

/// Returns every configuration of the stages, in the order of the stages and of their grids. Of a configuration that went on from rung to
/// rung, only the last trials are there.
fn candidates<'a>(summarize: &'a Summarize, trials: &[&'a [PlannedTrial]]) -> Vec<Candidate<'a>> {
    let mut candidates: Vec<Candidate<'a>> = Vec::new();
    for ((whole, train), planned) in summarize.stages().zip(trials) {
        for seeds in planned.chunk_by(|one, other| one.trial.configuration == other.trial.configuration) {
            let completed = train.training.completed(&seeds[0].trial.configuration);
            let goes_on = |other: &Candidate<'a>| train.goes_on_from(other.train).is_some();
            // A trial of a rung is no result by itself.
            let is_of_halving = |train: &Train| train.rung_before().is_some() || train.name != whole.name;
            let is_alike = |other: &Candidate<'a>| {
                !is_of_halving(train) && other.is_of(other.train) && trains_alike(other.train, train)
            };
            let same =
                |other: &Candidate<'a>| other.completed == completed && (goes_on(other) || is_alike(other));
            let position = candidates.iter().position(same).unwrap_or_else(|| {
                let configuration = &seeds[0].trial.configuration;
                let (trains, trials) = (Vec::new(), Vec::new());
                candidates.push(Candidate { train, trains, configuration, completed, trials, dropped: None });
                candidates.len() - 1
            });
            let candidate = &mut candidates[position];
            if goes_on(candidate) {
                candidate.train = train;
                candidate.trials.clear();
            }
            if !candidate.is_of(whole) {
                candidate.trains.push(whole);
            }
            let known = &mut candidate.trials;
            for planned in seeds {
                if known.iter().all(|other| other.planned.trial.seed != planned.trial.seed) {
                    known.push(Measured::of(planned));
                }
            }
        }
    }
    candidates
}

impl<'a> Candidate<'a> {
    /// Returns the name of its dataset's stage.
    pub(super) fn dataset(&self) -> &'a str {
        &self.train.dataset.name
    }

    /// Returns the name of its stage, or the names joined by `+` if there are several.
    pub(super) fn stages(&self) -> String {
        self.trains.iter().map(|train| train.name.as_str()).collect::<Vec<_>>().join("+")
    }

    /// Whether one of its trials is finished.
    fn was_trained(&self) -> bool {
        self.trials.iter().any(|trial| trial.planned.artifact.is_some())
    }

    /// Whether the stage trains it.
    pub(super) fn is_of(&self, train: &Train) -> bool {
        self.trains.iter().any(|other| other.name == train.name)
    }
}

/// Whether a configuration and a seed are the same trial in both stages.
fn trains_alike(one: &Train, other: &Train) -> bool {
    // Each configuration has its batch size when two of them are compared.
    let settings = |train: &Train| TrainingSettings { batch_size: None, ..train.training.clone() };
    one.dataset.name == other.dataset.name
        && settings(one) == settings(other)
        && one.early_stopping == other.early_stopping
        && one.keep_weights == other.keep_weights
        && one.divergence_factor == other.divergence_factor
}

/// Ranks the candidates of each dataset, one dataset after the other.
fn rank(summarize: &Summarize, candidates: &[Candidate<'_>], best: Best) -> Ranking {
    let datasets = summarize.datasets();
    let mut all = Ranking {
        order: Vec::new(),
        means: vec![None; candidates.len()],
        best_of: vec![None; candidates.len()],
    };
    for dataset in &datasets {
        let of_dataset = |index: &usize| candidates[*index].dataset() == *dataset;
        let indices: Vec<usize> = (0..candidates.len()).filter(of_dataset).collect();
        let configurations: Vec<&Configuration> =
            indices.iter().map(|&index| &candidates[index].completed).collect();
        let ranked_by = |&index: &usize| candidates[index].trials.iter().map(|it| it.ranked_by).collect();
        let values: Vec<ranking::Values> = indices.iter().map(ranked_by).collect();
        let Ranking { order, means, best_of } =
            ranking::rank(&configurations, &values, &summarize.best_per, best);
        let mut order: Vec<usize> = order.into_iter().map(|position| indices[position]).collect();
        // Configurations that went further come first.
        order.sort_by_key(|&index| {
            let dropped = candidates[index].dropped.as_ref();
            dropped.map(|dropped| {
                (Reverse(dropped.epochs), dropped.place.map_or(usize::MAX, |(place, _)| place))
            })
        });
        all.order.extend(order);
        for ((&index, mean), best_of) in indices.iter().zip(means).zip(best_of) {
            all.means[index] = mean;
            all.best_of[index] = best_of;
        }
    }
    all
}

impl<'a> Measured<'a> {
    /// Returns a trial whose files are not read yet.
    fn of(planned: &'a PlannedTrial) -> Self {
        Self { planned, done: None, epoch: None, value: None, ranked_by: None, test: None }
    }

    /// Reads the trial's files, if it is finished.
    fn read(&mut self, summarize: &Summarize) -> Result<(), Error> {
        let Some(artifact) = &self.planned.artifact else { return Ok(()) };
        let result = self.planned.result()?.cloned().expect("a trial with an artifact has a result");
        let history = trial::history(artifact)?;
        let has_diverged = matches!(result.outcome, Outcome::Diverged { .. });
        let epochs = if has_diverged { None } else { epochs(summarize, &history) };
        let value = |metric: &Metric| mean_at(&history, epochs.clone()?, metric);
        self.value = value(&summarize.metric);
        if self.value.is_some() {
            self.epoch =
                epochs.as_ref().filter(|epochs| epochs.start() == epochs.end()).map(|one| *one.end());
            self.ranked_by = value(summarize.ranking_metric());
            self.test = test_metric(summarize).and_then(|metric| value(&metric));
        }
        self.done = Some((result, history));
        Ok(())
    }
}

/// Returns the epochs of a trial that count.
fn epochs(summarize: &Summarize, history: &History) -> Option<RangeInclusive<u32>> {
    let epoch = match &summarize.epoch {
        EpochRule::Final => history.last(&summarize.metric)?.0,
        EpochRule::Best => history.best(summarize.ranking_metric())?.0,
        EpochRule::BestBy(metric) => history.best(metric)?.0,
        EpochRule::At { epoch } => *epoch,
        EpochRule::MeanOfLast(count) => {
            let last = history.epochs().last()?.epoch;
            return Some(last.saturating_sub(*count) + 1..=last);
        }
    };
    Some(epoch..=epoch)
}

/// Returns the mean of `metric` over `epochs`, if each of them has a finite value. A value that is not finite does not count,
/// even if the trial has not diverged.
fn mean_at(history: &History, epochs: RangeInclusive<u32>, metric: &Metric) -> Option<f64> {
    let finite_at = |epoch| history.at(epoch, metric).filter(|value| value.is_finite());
    let values: Vec<f64> = epochs.map(finite_at).collect::<Option<_>>()?;
    Some(values.iter().sum::<f64>() / values.len() as f64)
}

/// Returns the reported quantity on the test split. There is none if no trial can have one, or if the table is ranked by it or reports it.
pub(super) fn test_metric(summarize: &Summarize) -> Option<Metric> {
    let has_holdout = summarize.trains().all(|train| train.dataset.settings.may_have_test_split());
    let test = match summarize.metric {
        Metric::Loss(split) if split != Split::Test => Metric::Loss(Split::Test),
        Metric::ErrorRate(split) if split != Split::Test => Metric::ErrorRate(Split::Test),
        _ => return None,
    };
    (has_holdout && *summarize.ranking_metric() != test).then_some(test)
}

#[cfg(test)]
mod tests {
    use history::Epoch;

    use super::*;

    const METRIC: Metric = Metric::ErrorRate(Split::Test);

    fn summarize(epoch: EpochRule) -> Summarize {
        Summarize {
            name: "report".into(),
            of: Vec::new(),
            metric: METRIC,
            epoch,
            rank_by: None,
            best_per: Vec::new(),
            budget: None,
            baseline: None,
            compare_within: Vec::new(),
            pivot: None,
            expect: Vec::new(),
            publications: Vec::new(),
        }
    }

    fn value(values: &[f64], epoch: EpochRule) -> Option<f64> {
        let mut history = History::default();
        for (epoch, value) in (1..).zip(values) {
            history.push(Epoch { epoch, values: vec![(METRIC, *value)] }).expect("epochs in order");
        }
        mean_at(&history, epochs(&summarize(epoch), &history)?, &METRIC)
    }

    /// Golden vectors, computed in Python.
    #[test]
    fn a_mean_of_the_last_epochs_is_over_those_that_ran_and_needs_finite_values() {
        const NAN: f64 = f64::NAN;
        let long = [48.1, 47.9, 50.25, 46.5, 47.75, 47.0, 46.25, 46.0, 45.5, 45.75, 45.25, 45.5];
        let golden: [(&[f64], u32, Option<f64>); 8] = [
            (&[5.0, 4.0, 3.0, 2.0], 2, Some(2.5)),
            (&[5.0, 4.0, 3.0, 2.0], 1, Some(2.0)),
            (&[5.0, 4.0, 3.0], 3, Some(4.0)),
            (&[7.0, 1.0], 10, Some(4.0)),
            (&[9.5], 10, Some(9.5)),
            (&[1.5, NAN, 2.0, 4.0], 2, Some(3.0)),
            (&[1.5, 2.0, NAN, 4.0], 3, None),
            (&long, 10, Some(46.575)),
        ];
        for (values, epochs, mean) in golden {
            assert_eq!(value(values, EpochRule::MeanOfLast(epochs)), mean, "{values:?}");
        }
        assert_eq!(value(&[1.0, f64::INFINITY], EpochRule::MeanOfLast(2)), None);
        assert_eq!(value(&[], EpochRule::MeanOfLast(2)), None);
    }

    #[test]
    fn other_rules_take_the_value_of_one_epoch() {
        let values = [3.0, 1.0, f64::NAN, 2.0];
        assert_eq!(value(&values, EpochRule::Final), Some(2.0));
        assert_eq!(value(&values, EpochRule::Best), Some(1.0));
        assert_eq!(value(&values, EpochRule::BestBy(Metric::Loss(Split::Test))), None);
        assert_eq!(value(&values, EpochRule::At { epoch: 1 }), Some(3.0));
        assert_eq!(value(&values, EpochRule::At { epoch: 3 }), None);
        assert_eq!(value(&values, EpochRule::At { epoch: 5 }), None);
    }
}
