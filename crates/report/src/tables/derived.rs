//! What several tables derive from a study.

use std::borrow::Cow;

use crate::study::{AxisValue, Configuration, Criterion, End, Row, Study, Trial};

impl Study {
    /// Train stages in the order of their best rows.
    pub(super) fn stages(&self) -> Vec<&str> {
        let mut stages = Vec::new();
        for row in &self.rows {
            if !stages.contains(&row.stage.as_str()) {
                stages.push(&row.stage);
            }
        }
        stages
    }

    /// The configuration, with its stage where there are several.
    pub(super) fn label<'study>(&self, row: &'study Row) -> Cow<'study, str> {
        let label = &row.configuration.label;
        let is_only_stage = self.rows.iter().all(|other| other.stage == row.stage);
        if is_only_stage { Cow::Borrowed(label) } else { Cow::Owned(format!("{}: {label}", row.stage)) }
    }

    /// The test quantity at the epoch that is reported.
    pub(super) fn test_criterion(&self) -> Option<Criterion> {
        self.test_metric.clone().map(|metric| Criterion { metric, epoch: self.reported.epoch.clone() })
    }

    /// Is anything compared with a baseline?
    pub(super) fn has_comparisons(&self) -> bool {
        self.rows.iter().any(|row| row.versus.is_some())
    }
}

impl Row {
    /// Seeds that gave a value.
    pub(super) fn count(&self) -> usize {
        self.value.map_or(0, |value| value.count)
    }

    /// `3`, or `2/3` where a seed gave no value.
    pub(super) fn count_of_seeds(&self) -> String {
        let count = self.count();
        if count == self.seeds { count.to_string() } else { format!("{count}/{}", self.seeds) }
    }

    /// The number of training steps at the end of an epoch.
    pub(super) fn step(&self, epoch: u32) -> Option<u64> {
        Some(self.steps_per_epoch? * u64::from(epoch))
    }

    /// Over the trials that were trained, to whatever end.
    pub(super) fn mean_epochs(&self) -> Option<f64> {
        let epochs: Vec<f64> = self.trials.iter().filter_map(Trial::epochs_trained).map(f64::from).collect();
        (!epochs.is_empty()).then(|| epochs.iter().sum::<f64>() / epochs.len() as f64)
    }
}

impl Trial {
    /// Absent where it has no result.
    pub(super) fn epochs_trained(&self) -> Option<u32> {
        match self.end {
            End::Missing | End::Failed(_) => None,
            End::Finished | End::Stopped | End::Diverged(_) => Some(self.epochs),
        }
    }
}

impl Configuration {
    /// Absent where the axis does not apply.
    pub(super) fn axis(&self, name: &str) -> Option<&AxisValue> {
        self.axes.iter().find(|(axis, _)| *axis == name)?.1.as_ref()
    }
}
