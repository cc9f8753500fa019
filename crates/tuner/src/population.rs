//! From trials to populations.

use algorithms::Algorithm;
use data::{ImageShape, Scaling};
use model::{Architecture, Precision};
use tracker::Tracker;
use training::{Population, TrialSettings};

use crate::{Configuration, Task, task::squash};

/// One configuration with one seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// What is trained.
    pub configuration: Configuration,
    /// Where its random numbers come from.
    pub seed: u64,
}

/// What all trials of a stage have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// What networks are asked to do.
    pub task: Task,
    /// At most so many epochs.
    pub epochs: u32,
    /// Examples of a training batch.
    pub batch_size: u32,
    /// Of products with the weights.
    pub precision: Precision,
    /// What is measured beside losses and error rates.
    pub trackers: Vec<Tracker>,
}

/// Indices of `trials` in groups that can train as one tensor program under `schedule`, each of at most `largest`, in the order
/// of the first trial of each. Within a group, trials of one rule stand together.
#[must_use]
pub fn populations(trials: &[Trial], schedule: &Schedule, largest: usize) -> Vec<Vec<usize>> {
    let fit = if schedule.trackers.is_empty() { have_one_shape } else { take_the_same_steps };
    let mut shapes: Vec<Vec<usize>> = Vec::new();
    for (index, trial) in trials.iter().enumerate() {
        let fits = |group: &&mut Vec<usize>| fit(&trials[group[0]].configuration, &trial.configuration);
        match shapes.iter_mut().find(fits) {
            Some(group) => group.push(index),
            None => shapes.push(vec![index]),
        }
    }
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for mut shape in shapes {
        // So that hardly a group has several rules: a step of theirs copies a little.
        let rule = |index: usize| trials[index].configuration.algorithm;
        let mut rules: Vec<Algorithm> = Vec::new();
        for &index in &shape {
            if !rules.contains(&rule(index)) {
                rules.push(rule(index));
            }
        }
        shape.sort_by_key(|&index| rules.iter().position(|known| *known == rule(index)));
        groups.extend(shape.chunks(largest.max(1)).map(<[usize]>::to_vec));
    }
    groups.sort_by_key(|group| group.iter().min().copied());
    groups
}

/// May two configurations share a tensor program? Whatever is a number, or a matrix of equal shape, may differ.
fn have_one_shape(one: &Configuration, other: &Configuration) -> bool {
    let Configuration { learning_rate, dropout, weight_decay, algorithm, feedback, weights, .. } = *other;
    let one =
        Configuration { learning_rate, dropout, weight_decay, algorithm, feedback, weights, ..one.clone() };
    *other == one
}

/// Would two configurations take equal steps, but for the numbers in them? Trackers measure steps: of one rule, and one that
/// drops nothing makes no masks, one that decays nothing adds none.
fn take_the_same_steps(one: &Configuration, other: &Configuration) -> bool {
    have_one_shape(one, other)
        && one.algorithm == other.algorithm
        && (one.dropout > 0.0) == (other.dropout > 0.0)
        && (one.weight_decay > 0.0) == (other.weight_decay > 0.0)
}

/// The population of `trials`, which have one shape, on images of `shape` and `classes` classes.
#[must_use]
pub fn population(
    trials: &[&Trial],
    schedule: &Schedule,
    shape: ImageShape,
    classes: usize,
    scaling: Scaling,
) -> Population {
    let Configuration { hidden, activation, batch_norm, bias, .. } = trials[0].configuration.clone();
    let outputs = match schedule.task {
        Task::Classification => classes,
        Task::Reconstruction => shape.pixels(),
    };
    Population {
        architecture: Architecture {
            inputs: shape.pixels(),
            hidden: hidden.into_iter().map(|units| units as usize).collect(),
            outputs,
            activation,
            batch_norm,
            bias,
            objective: schedule.task.objective(scaling),
        },
        squash: squash(scaling),
        precision: schedule.precision,
        epochs: schedule.epochs,
        batch_size: schedule.batch_size as usize,
        trackers: schedule.trackers.clone(),
        trials: trials
            .iter()
            .map(|trial| TrialSettings {
                algorithm: trial.configuration.algorithm,
                first_weights: trial.configuration.weights,
                feedback: trial.configuration.feedback,
                seed: trial.seed,
                learning_rate: trial.configuration.learning_rate,
                dropout: trial.configuration.dropout,
                weight_decay: trial.configuration.weight_decay,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use algorithms::TargetLoss;
    use model::{Activation, Initialization};
    use training::FirstWeights;

    use super::*;

    fn trial(algorithm: Algorithm, hidden: &[u32], dropout: f64, seed: u64) -> Trial {
        let configuration = Configuration {
            algorithm,
            hidden: hidden.into(),
            activation: Activation::Tanh,
            batch_norm: false,
            bias: true,
            weights: FirstWeights::Orthogonal,
            feedback: algorithm.uses_feedback().then_some(Initialization::Orthogonal),
            learning_rate: 0.001,
            dropout,
            weight_decay: 0.0,
        };
        Trial { configuration, seed }
    }

    fn schedule(trackers: Vec<Tracker>) -> Schedule {
        Schedule {
            task: Task::default(),
            epochs: 1,
            batch_size: 1,
            precision: Precision::default(),
            trackers,
        }
    }

    /// Two shapes, three rules, with and without dropout, in turn.
    fn trials() -> Vec<Trial> {
        let rules = [Algorithm::Backprop, Algorithm::Dfa, Algorithm::LocalLoss(TargetLoss::CrossEntropy)];
        let of_rule = |(index, algorithm): (usize, Algorithm)| {
            let dropout = [0.0, 0.5][index % 2];
            [[8, 8], [9, 8]].map(|hidden| trial(algorithm, &hidden, dropout, index as u64))
        };
        rules.into_iter().cycle().take(12).enumerate().flat_map(of_rule).collect()
    }

    fn rules_of(group: &[usize], trials: &[Trial]) -> Vec<Algorithm> {
        let mut rules: Vec<Algorithm> =
            group.iter().map(|&index| trials[index].configuration.algorithm).collect();
        rules.dedup();
        rules
    }

    #[test]
    fn trials_of_one_shape_share_a_population_and_those_of_one_rule_stand_together() {
        let trials = trials();
        let groups = populations(&trials, &schedule(Vec::new()), usize::MAX);
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [12, 12]);
        assert!(groups.iter().all(|group| rules_of(group, &trials).len() == 3), "{groups:?}");
        let groups = populations(&trials, &schedule(Vec::new()), 5);
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 5, 5, 2, 2]);
        let mut all = groups.concat();
        all.sort_unstable();
        assert_eq!(all, (0..24).collect::<Vec<_>>());
    }

    #[test]
    fn trackers_look_at_trials_that_take_equal_steps() {
        let trials = trials();
        let groups = populations(&trials, &schedule(vec![Tracker::Throughput]), usize::MAX);
        assert_eq!(groups.len(), 2 * 3 * 2, "shapes, rules, with and without dropout");
        assert!(groups.iter().all(|group| rules_of(group, &trials).len() == 1), "{groups:?}");
    }

    #[test]
    fn one_by_one_trials_keep_their_order() {
        let trials = trials();
        let groups = populations(&trials, &schedule(Vec::new()), 1);
        assert_eq!(groups.concat(), (0..24).collect::<Vec<_>>());
    }
}
