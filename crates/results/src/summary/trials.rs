//! The trials of a summary, and those of the searches that chose its configurations.

use spec::{Summarize, Train};

use super::candidate::{Candidate, within_budget};
use crate::trial::PlannedTrial;

/// The trials behind the tables of a summary, finished or not.
pub struct Trials<'a> {
    /// The trials of each of the summary's stages.
    pub stages: Vec<&'a [PlannedTrial]>,
    pub(super) searched: Vec<Searched<'a>>,
}

/// A configuration that was tried before the configurations of a stage were chosen.
pub(super) struct Searched<'a> {
    /// The name of the dataset of the stage whose configurations were chosen.
    pub(super) dataset: &'a str,
    /// The configuration with its trials, which are not read.
    pub(super) candidate: Candidate<'a>,
}

impl<'a> Trials<'a> {
    /// Returns the trials of `summarize`, or none while the configurations of one of its stages are not chosen. `trials_of` returns the
    /// trials of a stage, or none while its configurations are not chosen.
    pub fn of(
        summarize: &'a Summarize,
        trials_of: impl Fn(&Train) -> Option<&'a [PlannedTrial]>,
    ) -> Option<Self> {
        let stages = summarize.trains().map(&trials_of).collect::<Option<_>>()?;
        let mut searched = Vec::new();
        for train in &summarize.of {
            search(train, &train.dataset.name, &trials_of, &mut searched)?;
        }
        Some(Self { stages, searched })
    }

    /// Returns the trials of all searches, in the order of the stages; some of them several times.
    pub(super) fn of_searches(&self) -> impl Iterator<Item = &'a PlannedTrial> {
        self.searched.iter().flat_map(|searched| &searched.candidate.trials).map(|trial| trial.planned)
    }
}

/// Adds the configurations from which those of `train` were chosen, and those from which they were chosen in turn.
fn search<'a>(
    train: &'a Train,
    dataset: &'a str,
    trials_of: &impl Fn(&Train) -> Option<&'a [PlannedTrial]>,
    searched: &mut Vec<Searched<'a>>,
) -> Option<()> {
    let Some(chooser) = train.grid.points.chosen_by() else { return Some(()) };
    let trials: Vec<&[PlannedTrial]> = chooser.trains().map(trials_of).collect::<Option<_>>()?;
    let (candidates, _) = within_budget(chooser, &trials);
    let is_chosen_from = |candidate: &Candidate<'_>| train.chosen_from().any(|stage| candidate.is_of(stage));
    let candidates = candidates.into_iter().filter(is_chosen_from);
    searched.extend(candidates.map(|candidate| Searched { dataset, candidate }));
    train.chosen_from().try_for_each(|stage| search(stage, dataset, trials_of, searched))
}
