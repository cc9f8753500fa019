//! Groups trials into populations that train together.

use data::Dataset;
use engine::Population;
use settings::{Algorithm, Device, TrainingSettings, Trial};
use spec::Train;

/// The largest number of trials that a GPU launch supports.
const MOST_TOGETHER: usize = u16::MAX as usize;
/// The number of trials that keeps a GPU busy. A population of several rules costs additional copies in each step.
const FULL: usize = 64;

/// The largest allowed population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PopulationLimit {
    /// A number of trials.
    Trials(usize),
    /// The memory that its trials need together, in bytes.
    Bytes(u64),
}

impl PopulationLimit {
    /// Returns the user's limit, or the fastest one for `device`: a core trains one trial faster than several at once, a GPU needs
    /// a population that fills its `memory`.
    pub(crate) fn on(device: Device, from_user: Option<usize>, memory: u64) -> Self {
        match (from_user, device) {
            (Some(trials), _) => Self::Trials(trials),
            (None, Device::Cpu) => Self::Trials(1),
            (None, Device::Cuda) => Self::Bytes(memory),
        }
    }

    /// Returns the limit for trials that failed before. It is low, since a trial that ends the process again ends its whole
    /// population.
    pub(crate) fn after_failure(device: Device) -> Self {
        match device {
            Device::Cpu => Self::Trials(1),
            Device::Cuda => Self::Trials(16),
        }
    }
}

/// Returns the indices of `trials` in groups that train together.
pub(crate) fn groups(
    trials: &[Trial],
    train: &Train,
    dataset: &Dataset,
    device: Device,
    limit: PopulationLimit,
) -> Vec<Vec<usize>> {
    let memory = match limit {
        PopulationLimit::Trials(largest) => return populations(trials, &train.training, largest),
        PopulationLimit::Bytes(memory) => memory,
    };
    let mut groups = Vec::new();
    for group in populations(trials, &train.training, MOST_TOGETHER) {
        for group in by_rule(group, |index| trials[index].configuration.algorithm) {
            groups.extend(evenly(&group, memory, |part| {
                let members: Vec<&Trial> = part.iter().map(|&index| &trials[index]).collect();
                engine::memory_need(device, &population_of(&members, train, dataset)).peak()
            }));
        }
    }
    groups
}

/// Returns the indices of `trials` in groups that can train as one tensor program under `training`, each of at most `largest`, in
/// the order of the first trial of each group. Within a group, trials of one rule are adjacent.
fn populations(trials: &[Trial], training: &TrainingSettings, largest: usize) -> Vec<Vec<usize>> {
    let is_tracked = !training.trackers.is_empty();
    let mut shapes: Vec<Vec<usize>> = Vec::new();
    for (index, trial) in trials.iter().enumerate() {
        let group = shapes.iter_mut().find(|group| {
            trials[group[0]].configuration.may_share_population(&trial.configuration, is_tracked)
        });
        match group {
            Some(group) => group.push(index),
            None => shapes.push(vec![index]),
        }
    }
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for mut shape in shapes {
        // Sorted by rule, few groups have several rules, whose steps need additional copies.
        let mut rules: Vec<Algorithm> = Vec::new();
        for &index in &shape {
            if !rules.contains(&trials[index].configuration.algorithm) {
                rules.push(trials[index].configuration.algorithm);
            }
        }
        shape.sort_by_key(|&index| {
            rules.iter().position(|rule| *rule == trials[index].configuration.algorithm)
        });
        groups.extend(shape.chunks(largest.max(1)).map(<[usize]>::to_vec));
    }
    groups.sort_by_key(|group| group.iter().min().copied());
    groups
}

/// Splits a group by rule if the trials of every rule keep a GPU busy alone.
fn by_rule<T: PartialEq>(group: Vec<usize>, rule: impl Fn(usize) -> T) -> Vec<Vec<usize>> {
    let rules: Vec<Vec<usize>> =
        group.chunk_by(|one, next| rule(*one) == rule(*next)).map(<[usize]>::to_vec).collect();
    if rules.iter().all(|trials| trials.len() >= FULL) { rules } else { vec![group] }
}

/// Splits `group` into the fewest parts of about equal size that each need at most `memory`, or into single trials.
fn evenly(group: &[usize], memory: u64, need: impl Fn(&[usize]) -> u64) -> Vec<Vec<usize>> {
    for parts in 1..group.len() {
        let size = group.len().div_ceil(parts);
        if group.chunks(size).all(|part| need(part) <= memory) {
            return group.chunks(size).map(<[usize]>::to_vec).collect();
        }
    }
    group.iter().map(|&index| vec![index]).collect()
}

/// Returns the population of `trials`, which must fit together.
pub(crate) fn population_of(trials: &[&Trial], train: &Train, dataset: &Dataset) -> Population {
    Population::new(trials, &train.training, dataset.shape(), dataset.classes(), dataset.scaling())
}

#[cfg(test)]
mod tests {
    use settings::{AdamForm, Configuration, Optimizer, Precision, TargetLoss, Task, Tracker};

    use super::*;

    fn trial(algorithm: Algorithm, hidden: &[u32], dropout: f64, seed: u64) -> Trial {
        let configuration = Configuration { dropout, ..Configuration::new(algorithm, hidden, 0.001) };
        Trial { configuration, seed }
    }

    fn training(trackers: Vec<Tracker>) -> TrainingSettings {
        TrainingSettings {
            task: Task::default(),
            epochs: 1,
            batch_size: Some(1),
            precision: Precision::default(),
            trackers,
        }
    }

    /// Returns trials of two shapes and three rules, with and without dropout in turn.
    fn trials() -> Vec<Trial> {
        let rules = [Algorithm::Backprop, Algorithm::Dfa, Algorithm::LocalLoss(TargetLoss::CrossEntropy)];
        let mut trials = Vec::new();
        for (index, algorithm) in rules.into_iter().cycle().take(12).enumerate() {
            let dropout = [0.0, 0.5][index % 2];
            trials.extend([[8, 8], [9, 8]].map(|hidden| trial(algorithm, &hidden, dropout, index as u64)));
        }
        trials
    }

    fn rules_of(group: &[usize], trials: &[Trial]) -> Vec<Algorithm> {
        let mut rules: Vec<Algorithm> =
            group.iter().map(|&index| trials[index].configuration.algorithm).collect();
        rules.dedup();
        rules
    }

    #[test]
    fn trials_of_one_shape_share_a_population_in_which_trials_of_one_rule_are_adjacent() {
        let trials = trials();
        let groups = populations(&trials, &training(Vec::new()), usize::MAX);
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [12, 12]);
        assert!(groups.iter().all(|group| rules_of(group, &trials).len() == 3), "{groups:?}");
        let groups = populations(&trials, &training(Vec::new()), 5);
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 5, 5, 2, 2]);
        let mut all = groups.concat();
        all.sort_unstable();
        assert_eq!(all, (0..24).collect::<Vec<_>>());
    }

    #[test]
    fn tracked_trials_of_one_population_take_equal_steps() {
        let trials = trials();
        let groups = populations(&trials, &training(vec![Tracker::Throughput]), usize::MAX);
        assert_eq!(groups.len(), 2 * 3 * 2, "shapes, rules, with and without dropout");
        assert!(groups.iter().all(|group| rules_of(group, &trials).len() == 1), "{groups:?}");
    }

    #[test]
    fn trials_of_one_population_have_one_batch_size() {
        let sizes = [32, 64, 32, 64];
        let trials: Vec<Trial> = (0..)
            .zip(sizes)
            .map(|(seed, size)| {
                let Trial { configuration, seed } = trial(Algorithm::Dfa, &[8], 0.0, seed);
                Trial { configuration: Configuration { batch_size: Some(size), ..configuration }, seed }
            })
            .collect();
        let of_grid = TrainingSettings { batch_size: None, ..training(Vec::new()) };
        assert_eq!(populations(&trials, &of_grid, usize::MAX), [[0, 2], [1, 3]]);
    }

    #[test]
    fn trials_of_one_population_have_one_kind_of_optimizer_and_any_numbers() {
        let sgd = |momentum, nesterov| Optimizer::Sgd { momentum, nesterov };
        let adam = |beta_1, form| Optimizer::Adam { beta_1, beta_2: 0.999, epsilon: 1e-8, form };
        let rms_prop = |smoothing| Optimizer::RmsProp { smoothing, epsilon: smoothing / 10.0 };
        let (keras, paper) = (AdamForm::Keras, AdamForm::Paper);
        let trials = [
            [sgd(0.5, false), sgd(0.9, false)],
            [sgd(0.0, false), sgd(0.0, false)],
            [sgd(0.5, true), sgd(0.9, true)],
            [adam(0.8, keras), adam(0.9, keras)],
            [adam(0.8, paper), adam(0.9, paper)],
            [rms_prop(0.9), rms_prop(0.99)],
        ];
        let trials: Vec<Trial> = trials
            .into_iter()
            .flatten()
            .map(|optimizer| {
                let Trial { configuration, seed } = trial(Algorithm::Dfa, &[8], 0.0, 0);
                Trial { configuration: Configuration { optimizer, ..configuration }, seed }
            })
            .collect();
        for trackers in [Vec::new(), vec![Tracker::Throughput]] {
            let groups = populations(&trials, &training(trackers), usize::MAX);
            assert_eq!(groups, [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11]]);
        }
    }

    #[test]
    fn one_by_one_trials_keep_their_order() {
        let trials = trials();
        let groups = populations(&trials, &training(Vec::new()), 1);
        assert_eq!(groups.concat(), (0..24).collect::<Vec<_>>());
    }

    #[test]
    fn rules_train_separately_if_each_keeps_a_gpu_busy() {
        let group: Vec<usize> = (0..3 * FULL).collect();
        let sizes = |of_rule: usize| -> Vec<usize> {
            by_rule(group.clone(), |trial| trial / of_rule).iter().map(Vec::len).collect()
        };
        assert_eq!(sizes(FULL), [FULL; 3]);
        assert_eq!(sizes(FULL - 1), [3 * FULL], "a rule has too few");
        assert_eq!(sizes(3 * FULL), [3 * FULL]);
    }

    #[test]
    fn every_part_must_fit_not_only_the_first() {
        let group: Vec<usize> = (0..10).collect();
        // The last one needs most.
        let need = |part: &[usize]| part.iter().map(|trial| if *trial == 9 { 10 } else { 1 }).sum();
        let sizes: Vec<usize> = evenly(&group, 12, need).iter().map(Vec::len).collect();
        assert_eq!(sizes, [4, 4, 2]);
    }

    #[test]
    fn a_group_is_cut_into_the_fewest_even_parts_that_fit() {
        let group: Vec<usize> = (0..10).collect();
        let sizes = |memory| -> Vec<usize> {
            evenly(&group, memory, |part| 3 + 2 * part.len() as u64).iter().map(Vec::len).collect()
        };
        assert_eq!(sizes(u64::MAX), [10]);
        assert_eq!(sizes(23), [10]);
        assert_eq!(sizes(22), [5, 5]);
        assert_eq!(sizes(12), [4, 4, 2]);
        assert_eq!(sizes(5), [1; 10]);
        assert_eq!(sizes(0), [1; 10], "a trial that does not fit alone is a group of its own");
    }
}
