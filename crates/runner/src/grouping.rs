//! Which trials train together?

use data::Dataset;
use engine::Population;
use settings::{Device, Trial};

use spec::Train;

use crate::population::populations;

/// How many trials may train together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PopulationLimit {
    /// So many.
    Trials(usize),
    /// As many as need so many bytes together.
    Bytes(u64),
}

impl PopulationLimit {
    /// As `asked`, or what a `device` with so much `memory` is fastest with: a core trains one trial faster than several at
    /// once, a GPU wants to be full.
    pub(crate) fn on(device: Device, asked: Option<usize>, memory: u64) -> Self {
        match (asked, device) {
            (Some(trials), _) => Self::Trials(trials),
            (None, Device::Cpu) => Self::Trials(1),
            (None, Device::Cuda) => Self::Bytes(memory),
        }
    }

    /// Of trials that failed before: if they take the process with them again, few others go, too.
    pub(crate) fn of_suspects(device: Device) -> Self {
        match device {
            Device::Cpu => Self::Trials(1),
            Device::Cuda => Self::Trials(16),
        }
    }
}

/// Indices of `trials` in groups that train together.
pub(crate) fn groups(
    trials: &[Trial],
    train: &Train,
    dataset: &Dataset,
    device: Device,
    most: PopulationLimit,
) -> Vec<Vec<usize>> {
    let (largest, memory) = match most {
        PopulationLimit::Trials(largest) => (largest, u64::MAX),
        PopulationLimit::Bytes(memory) => (MOST_TOGETHER, memory),
    };
    let need = |group: &[usize]| {
        let members: Vec<&Trial> = group.iter().map(|&index| &trials[index]).collect();
        engine::memory_need(device, &population_of(&members, train, dataset)).peak()
    };
    let rule = |index: usize| trials[index].configuration.algorithm;
    populations(trials, &train.training, largest)
        .into_iter()
        .flat_map(|group| match most {
            PopulationLimit::Trials(_) => vec![group],
            PopulationLimit::Bytes(_) => by_rule(group, rule),
        })
        .flat_map(|group| evenly(&group, memory, need).map(<[usize]>::to_vec).collect::<Vec<_>>())
        .collect()
}

/// More trials than a GPU takes in one launch.
const MOST_TOGETHER: usize = u16::MAX as usize;
/// So many trials keep a GPU busy: with several rules among them, a step would only copy more.
const FULL: usize = 64;

/// The trials of each rule of a group, apart if all of them keep a GPU busy alone.
fn by_rule<T: PartialEq>(group: Vec<usize>, rule: impl Fn(usize) -> T) -> Vec<Vec<usize>> {
    let of_rules: Vec<Vec<usize>> =
        group.chunk_by(|one, next| rule(*one) == rule(*next)).map(<[usize]>::to_vec).collect();
    if of_rules.iter().all(|of_rule| of_rule.len() >= FULL) { of_rules } else { vec![group] }
}

/// `group` in the fewest parts of about equal size that each need at most `memory`; one by one, if even that is too much.
fn evenly(group: &[usize], memory: u64, need: impl Fn(&[usize]) -> u64) -> impl Iterator<Item = &[usize]> {
    let size = |parts: usize| group.len().div_ceil(parts);
    let fits = |parts: &usize| group.chunks(size(*parts)).all(|part| need(part) <= memory);
    let parts = (1..group.len()).find(fits).unwrap_or(group.len());
    group.chunks(size(parts))
}

/// The population of `trials`, which fit together.
pub(crate) fn population_of(trials: &[&Trial], train: &Train, dataset: &Dataset) -> Population {
    Population::new(trials, &train.training, dataset.shape(), dataset.classes(), dataset.scaling())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_apart_where_each_keeps_a_gpu_busy() {
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
        let sizes: Vec<usize> = evenly(&group, 12, need).map(<[usize]>::len).collect();
        assert_eq!(sizes, [4, 4, 2]);
    }

    #[test]
    fn a_group_is_cut_into_the_fewest_even_parts_that_fit() {
        let group: Vec<usize> = (0..10).collect();
        let sizes = |memory| -> Vec<usize> {
            evenly(&group, memory, |part| 3 + 2 * part.len() as u64).map(<[usize]>::len).collect()
        };
        assert_eq!(sizes(u64::MAX), [10]);
        assert_eq!(sizes(23), [10]);
        assert_eq!(sizes(22), [5, 5]);
        assert_eq!(sizes(12), [4, 4, 2]);
        assert_eq!(sizes(5), [1; 10]);
        assert_eq!(sizes(0), [1; 10], "what does not fit alone is found out alone");
    }
}
