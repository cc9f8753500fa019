//! Which trials may train in one population?

use settings::{Algorithm, TrainingSettings, Trial};

/// Indices of `trials` in groups that can train as one tensor program under `training`, each of at most `largest`, in the order
/// of the first trial of each. Within a group, trials of one rule stand together.
#[must_use]
pub(crate) fn populations(trials: &[Trial], training: &TrainingSettings, largest: usize) -> Vec<Vec<usize>> {
    let is_tracked = !training.trackers.is_empty();
    let mut shapes: Vec<Vec<usize>> = Vec::new();
    for (index, trial) in trials.iter().enumerate() {
        let fits = |group: &&mut Vec<usize>| {
            trials[group[0]].configuration.may_share_population(&trial.configuration, is_tracked)
        };
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

#[cfg(test)]
mod tests {

    use settings::{Configuration, Precision, TargetLoss, Task, Tracker};

    use super::*;

    fn trial(algorithm: Algorithm, hidden: &[u32], dropout: f64, seed: u64) -> Trial {
        let configuration = Configuration { dropout, ..Configuration::new(algorithm, hidden, 0.001) };
        Trial { configuration, seed }
    }

    fn training(trackers: Vec<Tracker>) -> TrainingSettings {
        TrainingSettings {
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
    fn trackers_look_at_trials_that_take_equal_steps() {
        let trials = trials();
        let groups = populations(&trials, &training(vec![Tracker::Throughput]), usize::MAX);
        assert_eq!(groups.len(), 2 * 3 * 2, "shapes, rules, with and without dropout");
        assert!(groups.iter().all(|group| rules_of(group, &trials).len() == 1), "{groups:?}");
    }

    #[test]
    fn one_by_one_trials_keep_their_order() {
        let trials = trials();
        let groups = populations(&trials, &training(Vec::new()), 1);
        assert_eq!(groups.concat(), (0..24).collect::<Vec<_>>());
    }
}
