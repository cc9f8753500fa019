//! What a trial goes on from after its process has died: the state of its network, and what was measured so far. Random
//! streams are counted by epoch and step, so nothing else is needed.

use std::collections::BTreeMap;

use model::checkpoint::{Array, from_bytes, to_bytes};
use serde::Deserialize;
use tracker::History;

/// When a trial's state is written, beside when it is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub enum CheckpointRule {
    /// Only when it is interrupted.
    Never,
    /// Now and then.
    Every(Interval),
}

/// How often: after whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// After so many epochs.
    ///
    /// Allowed: at least 1. Example: `5`.
    #[serde(default)]
    pub epochs: Option<u32>,
    /// After the first epoch that ends so many minutes after the last time.
    ///
    /// Allowed: at least 0. Example: `5.0`.
    #[serde(default)]
    pub minutes: Option<f64>,
}

impl Default for CheckpointRule {
    /// Trials that are shorter than this lose less than it costs to look after them.
    fn default() -> Self {
        Self::Every(Interval { epochs: None, minutes: Some(5.0) })
    }
}

impl CheckpointRule {
    /// Is it time, so many `epochs` and `minutes` after the last time?
    pub(crate) fn is_due(self, epochs: u32, minutes: f64) -> bool {
        match self {
            Self::Never => false,
            Self::Every(Interval { epochs: after_epochs, minutes: after_minutes }) => {
                after_epochs.is_some_and(|after| epochs >= after)
                    || after_minutes.is_some_and(|after| minutes >= after)
            }
        }
    }

    /// What is not allowed about it.
    pub(crate) fn problem(self) -> Option<String> {
        match self {
            Self::Never => None,
            Self::Every(Interval { epochs: None, minutes: None }) => {
                Some("`Every`: got nothing, allowed: `epochs`, `minutes` or both".into())
            }
            Self::Every(Interval { epochs: Some(0), .. }) => {
                Some("`epochs`: got 0, allowed: at least 1".into())
            }
            Self::Every(Interval { minutes: Some(minutes), .. })
                if !(minutes >= 0.0 && minutes.is_finite()) =>
            {
                Some(format!("`minutes`: got {minutes:?}, allowed: at least 0"))
            }
            Self::Every(_) => None,
        }
    }
}

/// A trial in the middle.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Saved {
    /// Of its network.
    pub(crate) state: Vec<Array>,
    /// Its epochs so far.
    pub(crate) history: History,
    /// What was measured of the machine in them.
    pub(crate) machine: History,
    /// Seconds that they took.
    pub(crate) seconds: f64,
}

/// Bump it when a state holds other arrays: checkpoints of earlier builds are none then.
const FORM_REVISION: u32 = 1;
const FORM: &str = "form";
const HISTORY: &str = "history";
const MACHINE: &str = "machine";
const SECONDS: &str = "seconds";

impl Saved {
    /// Epochs that are done.
    pub(crate) fn epochs(&self) -> u32 {
        self.history.epochs().last().map_or(0, |epoch| epoch.epoch)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let notes = BTreeMap::from([
            (FORM.to_owned(), FORM_REVISION.to_string()),
            (HISTORY.to_owned(), self.history.to_csv()),
            (MACHINE.to_owned(), self.machine.to_csv()),
            (SECONDS.to_owned(), self.seconds.to_string()),
        ]);
        to_bytes(&self.state, &notes)
    }

    /// None of bytes that are no checkpoint: then the trial begins anew.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (state, notes) = from_bytes(bytes)?;
        if *notes.get(FORM)? != FORM_REVISION.to_string() {
            return None;
        }
        let history = |name| History::from_csv(notes.get(name)?).ok();
        let seconds = notes.get(SECONDS)?.parse().ok()?;
        let saved = Self { state, history: history(HISTORY)?, machine: history(MACHINE)?, seconds };
        (saved.epochs() > 0).then_some(saved)
    }
}

#[cfg(test)]
mod tests {
    use tracker::{Epoch, Metric, Split};

    use super::*;

    #[test]
    fn a_trial_in_the_middle_survives_its_bytes() {
        let mut saved = Saved { seconds: 1.25, ..Saved::default() };
        saved.state.push(Array { name: "output/bias".into(), shape: vec![2], values: vec![0.1, -0.0] });
        for epoch in [1, 2] {
            let values = vec![(Metric::Loss(Split::Train), 0.1 + f64::from(epoch))];
            saved.history.push(Epoch { epoch, values }).expect("in order");
            saved.machine.push(Epoch { epoch, values: vec![] }).expect("in order");
        }
        assert_eq!(Saved::from_bytes(&saved.to_bytes()), Some(saved.clone()));
        assert_eq!(saved.epochs(), 2);
        assert_eq!(Saved::from_bytes(b"anything else"), None);
        assert_eq!(Saved::from_bytes(&Saved::default().to_bytes()), None, "nothing was done yet");
    }

    #[test]
    fn a_rule_is_due_by_epochs_or_minutes() {
        let rule = CheckpointRule::Every(Interval { epochs: Some(3), minutes: Some(1.0) });
        assert!(rule.is_due(3, 0.0) && rule.is_due(1, 1.0) && !rule.is_due(2, 0.9));
        assert!(!CheckpointRule::Never.is_due(1000, 1000.0));
        assert!(CheckpointRule::default().is_due(1, 5.0) && !CheckpointRule::default().is_due(1000, 4.9));
    }
}
