//! Early stopping by Keras' rule (`keras.callbacks.EarlyStopping`, mode `min`).

use serde::{Deserialize, Serialize};
use settings::Metric;

/// Stop a trial whose metric has not improved for some epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// Smaller is better; a loss or an error rate of `train` or `validation`.
    pub metric: Metric,
    /// An improvement is larger than this, in the metric's unit.
    ///
    /// Allowed: at least 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub min_delta: f64,
    /// The number of consecutive epochs without an improvement after which a trial stops.
    ///
    /// Example: `3`.
    pub patience: u32,
    /// The number of first epochs that are ignored.
    #[serde(default, skip_serializing_if = "is_none_skipped")]
    pub start_from_epoch: u32,
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

fn is_none_skipped(value: &u32) -> bool {
    *value == 0
}

/// The state of early stopping over the epochs of one trial.
#[derive(Clone, Debug)]
pub struct Patience<'a> {
    pub(crate) rule: &'a EarlyStopping,
    best: f64,
    waited: u32,
    epochs_seen: u32,
}

impl<'a> Patience<'a> {
    /// Creates the state before the first epoch.
    pub fn new(rule: &'a EarlyStopping) -> Self {
        Self { rule, best: f64::INFINITY, waited: 0, epochs_seen: 0 }
    }

    /// Takes the metric's value of the next epoch and returns whether the trial stops with it.
    pub fn is_exhausted_by(&mut self, value: f64) -> bool {
        let epoch = self.epochs_seen;
        self.epochs_seen += 1;
        if epoch < self.rule.start_from_epoch {
            return false;
        }
        self.waited += 1;
        if value + self.rule.min_delta < self.best {
            self.best = value;
            self.waited = 0;
            return false;
        }
        self.waited >= self.rule.patience && epoch > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use settings::Split;

    #[derive(Deserialize)]
    struct Case {
        values: Vec<Option<f64>>,
        patience: u32,
        start_from_epoch: u32,
        min_delta: f64,
        stopped_epoch: Option<usize>,
    }

    #[test]
    fn stops_where_keras_stops() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/early_stopping.json");
        let text = std::fs::read_to_string(file).expect("the golden vectors are part of the project");
        let cases: Vec<Case> = serde_json::from_str(&text).expect("early_stopping.json is a list of cases");
        assert!(cases.len() > 5, "only {} cases", cases.len());
        for (index, case) in cases.iter().enumerate() {
            let rule = EarlyStopping {
                metric: Metric::Loss(Split::Train),
                min_delta: case.min_delta,
                patience: case.patience,
                start_from_epoch: case.start_from_epoch,
            };
            let mut patience = Patience::new(&rule);
            let stopped =
                case.values.iter().position(|value| patience.is_exhausted_by(value.unwrap_or(f64::NAN)));
            assert_eq!(stopped, case.stopped_epoch, "case {index}");
        }
    }
}
