//! How often the state of a trial in progress is written.

use serde::Deserialize;

/// When a trial's state is written, in addition to when the trial is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub enum CheckpointRule {
    /// Only when the trial is interrupted.
    Never,
    /// After a number of epochs or minutes.
    Every(Interval),
}

/// The distance between two writes. With both fields, the state is written after whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// The number of epochs.
    ///
    /// Allowed: at least 1. Example: `5`.
    #[serde(default)]
    pub epochs: Option<u32>,
    /// The number of minutes. The state is written after the first epoch that ends later than that.
    ///
    /// Allowed: at least 0. Example: `5.0`.
    #[serde(default)]
    pub minutes: Option<f64>,
}

impl Default for CheckpointRule {
    /// Five minutes: a shorter trial is faster to repeat than to save.
    fn default() -> Self {
        Self::Every(Interval { epochs: None, minutes: Some(5.0) })
    }
}

impl CheckpointRule {
    /// Returns whether the state is due, `epochs` and `minutes` after it was last written.
    pub fn is_due(self, epochs: u32, minutes: f64) -> bool {
        match self {
            Self::Never => false,
            Self::Every(Interval { epochs: after_epochs, minutes: after_minutes }) => {
                after_epochs.is_some_and(|after| epochs >= after)
                    || after_minutes.is_some_and(|after| minutes >= after)
            }
        }
    }

    /// Returns the problem of a rule that is not allowed.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_due_by_epochs_or_minutes() {
        let rule = CheckpointRule::Every(Interval { epochs: Some(3), minutes: Some(1.0) });
        assert!(rule.is_due(3, 0.0) && rule.is_due(1, 1.0) && !rule.is_due(2, 0.9));
        assert!(!CheckpointRule::Never.is_due(1000, 1000.0));
        assert!(CheckpointRule::default().is_due(1, 5.0) && !CheckpointRule::default().is_due(1000, 4.9));
    }
}
