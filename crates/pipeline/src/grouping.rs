//! Which trials train together?

use data::Dataset;
use engine::{Device, Population};
use tuner::{Trial, population, populations};

use crate::stages::Train;

/// How many trials may train together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Most {
    /// So many.
    Trials(usize),
    /// As many as need so many bytes together.
    Bytes(u64),
}

impl Most {
    /// As `asked`, or what a `device` with so much `memory` is fastest with: a core trains one trial faster than several at
    /// once, a GPU wants to be full.
    pub(crate) fn on(device: Device, asked: Option<usize>, memory: u64) -> Self {
        match (asked, device) {
            (Some(trials), _) => Self::Trials(trials),
            (None, Device::Cpu) => Self::Trials(1),
            (None, Device::Cuda) => Self::Bytes(memory),
        }
    }
}

/// Indices of `trials` in groups that train together.
pub(crate) fn groups(trials: &[Trial], train: &Train, dataset: &Dataset, most: Most) -> Vec<Vec<usize>> {
    let (largest, memory) = match most {
        Most::Trials(largest) => (largest, u64::MAX),
        Most::Bytes(memory) => (usize::MAX, memory),
    };
    let need = |group: &[usize]| {
        let members: Vec<&Trial> = group.iter().map(|&index| &trials[index]).collect();
        engine::memory_need(&population_of(&members, train, dataset)).peak()
    };
    populations(trials, &train.schedule, largest)
        .into_iter()
        .flat_map(|group| evenly(&group, memory, need).map(<[usize]>::to_vec).collect::<Vec<_>>())
        .collect()
}

/// `group` in the fewest parts of about equal size that each need at most `memory`; one by one, if even that is too much.
fn evenly(group: &[usize], memory: u64, need: impl Fn(&[usize]) -> u64) -> impl Iterator<Item = &[usize]> {
    let size = |parts: usize| group.len().div_ceil(parts);
    let fits = |parts: &usize| need(&group[..size(*parts)]) <= memory;
    let parts = (1..group.len()).find(fits).unwrap_or(group.len());
    group.chunks(size(parts))
}

/// The population of `trials`, which fit together.
pub(crate) fn population_of(trials: &[&Trial], train: &Train, dataset: &Dataset) -> Population {
    population(trials, &train.schedule, dataset.shape(), dataset.classes(), dataset.scaling())
}

#[cfg(test)]
mod tests {
    use super::*;

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
