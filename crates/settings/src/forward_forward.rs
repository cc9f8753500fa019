//! The settings of Forward-Forward. Its equations are in the crate `algorithms`.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The settings of `ForwardForward`, all with the values of the reference implementation (loeweX/Forward-Forward).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForwardForward {
    /// The place of the label in the network's input.
    #[serde(default, skip_serializing_if = "is_default")]
    pub label: LabelPlace,
    /// The wrong labels of negative examples.
    #[serde(default, skip_serializing_if = "is_default")]
    pub negatives: Negatives,
    /// The way in which validation and test examples are classified. Training reports the classifier in any case.
    #[serde(default, skip_serializing_if = "is_default")]
    pub prediction: Prediction,
    /// The epochs in which a hidden layer learns.
    #[serde(default, skip_serializing_if = "is_default")]
    pub order: LayerOrder,
    /// The weight of the loss that keeps the mean activities of a layer's units equal.
    ///
    /// Allowed: at least 0.
    #[serde(default = "peer_normalization")]
    pub peer_normalization: f64,
    /// The factor on the learning rate that gives the output layer's, which is the classifier.
    ///
    /// Allowed: above 0.
    #[serde(default = "classifier_factor")]
    pub classifier_rate: f64,
    /// The factor on weight decay, and on decoupled decay, that gives the output layer's.
    ///
    /// Allowed: at least 0.
    #[serde(default = "classifier_factor")]
    pub classifier_decay: f64,
}

/// The place of the label in the input of a Forward-Forward network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LabelPlace {
    /// In place of the first pixels, as many as there are classes.
    #[default]
    FirstInputs,
    /// In inputs of its own after the pixels, for images whose first pixels matter.
    Appended,
}

/// The wrong labels of negative examples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Negatives {
    /// Any other class, all equally likely.
    #[default]
    Uniform,
    /// The other class that the classifier finds most likely, the first one of equal ones. It takes another forward pass.
    Hardest,
}

/// The way in which a Forward-Forward network classifies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Prediction {
    /// By the classifier, with a neutral label in the input.
    #[default]
    Classifier,
    /// By the label with the largest sum of squared activities over the layers that the classifier reads: a forward pass for each
    /// class. The losses of validation and test take these sums as logits.
    Goodness,
}

/// The epochs in which a hidden layer learns. The classifier learns in all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayerOrder {
    /// Layers learn in all epochs.
    #[default]
    AtOnce,
    /// Layers learn in an equal share of the epochs each, from the first layer to the last. The schedule of the learning rate runs once in each share.
    OneAfterAnother,
}

/// The hidden layers that learn in an epoch, and the place of the epoch among those in which they do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerShare {
    /// The indices of the layers, from the input up.
    pub layers: Range<usize>,
    /// The epoch, from 1.
    pub epoch: u32,
    pub epochs: u32,
}

impl Default for ForwardForward {
    fn default() -> Self {
        Self::DEFAULT
    }
}

const fn peer_normalization() -> f64 {
    0.03
}

const fn classifier_factor() -> f64 {
    10.0
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl ForwardForward {
    pub(crate) const DEFAULT: Self = Self {
        label: LabelPlace::FirstInputs,
        negatives: Negatives::Uniform,
        prediction: Prediction::Classifier,
        order: LayerOrder::AtOnce,
        peer_normalization: peer_normalization(),
        classifier_rate: classifier_factor(),
        classifier_decay: classifier_factor(),
    };

    /// Returns the name in tables and folders: every setting that is not at its default.
    pub fn name(&self) -> String {
        let default = Self::DEFAULT;
        let numbers = [
            ("peer", self.peer_normalization, default.peer_normalization),
            ("rate", self.classifier_rate, default.classifier_rate),
            ("decay", self.classifier_decay, default.classifier_decay),
        ];
        let words = [
            ("appended", self.label == LabelPlace::Appended),
            ("hardest", self.negatives == Negatives::Hardest),
            ("goodness", self.prediction == Prediction::Goodness),
            ("one-after-another", self.order == LayerOrder::OneAfterAnother),
        ];
        let words = words.into_iter().filter(|(_, is_set)| *is_set).map(|(word, _)| word.to_owned());
        let numbers = numbers.into_iter().filter(|(_, value, default)| value != default);
        let parts: Vec<String> =
            words.chain(numbers.map(|(name, value, _)| format!("{name}{value}"))).collect();
        if parts.is_empty() { "default".into() } else { parts.join("-") }
    }

    /// Returns the allowed values in words if a setting is not allowed.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let is_number = |value: f64| value >= 0.0 && (value as f32).is_finite();
        let Self { peer_normalization, classifier_rate, classifier_decay, .. } = *self;
        if !is_number(peer_normalization) {
            Some("`peer_normalization` at least 0, at most 3.4e38")
        } else if !(is_number(classifier_rate) && classifier_rate > 0.0) {
            Some("`classifier_rate` above 0, at most 3.4e38")
        } else {
            (!is_number(classifier_decay)).then_some("`classifier_decay` at least 0, at most 3.4e38")
        }
    }

    /// Returns the share of `epoch` in a training of a network with this number of hidden layers, or `None` if all layers learn in all
    /// epochs. Layers for which there are too few `epochs` never learn.
    pub(crate) fn share(&self, hidden: usize, epoch: u32, epochs: u32) -> Option<LayerShare> {
        if self.order == LayerOrder::AtOnce {
            return None;
        }
        let before = |layer: usize| (layer as u64 * u64::from(epochs) / hidden as u64) as u32;
        let layer = (0..hidden).rfind(|&layer| before(layer) < epoch)?;
        let (first, end) = (before(layer), before(layer + 1));
        Some(LayerShare { layers: layer..layer + 1, epoch: epoch - first, epochs: end - first })
    }

    /// Whether trials with these settings take the same operations in a step.
    pub(crate) fn has_shape_of(&self, other: &Self) -> bool {
        let of_shape =
            |settings: &Self| Self { classifier_rate: 0.0, classifier_decay: 0.0, ..settings.clone() };
        of_shape(self) == of_shape(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_learn_in_equal_shares_one_after_another() {
        let settings = ForwardForward { order: LayerOrder::OneAfterAnother, ..ForwardForward::DEFAULT };
        let shares = |hidden, epochs: u32| -> Vec<(usize, u32, u32)> {
            let share = |epoch| settings.share(hidden, epoch, epochs).expect("one layer learns");
            (1..=epochs).map(share).map(|share| (share.layers.start, share.epoch, share.epochs)).collect()
        };
        assert_eq!(shares(2, 4), [(0, 1, 2), (0, 2, 2), (1, 1, 2), (1, 2, 2)]);
        assert_eq!(shares(3, 5), [(0, 1, 1), (1, 1, 2), (1, 2, 2), (2, 1, 2), (2, 2, 2)]);
        assert_eq!(shares(3, 2), [(1, 1, 1), (2, 1, 1)]);
        assert_eq!(ForwardForward::DEFAULT.share(3, 1, 5), None);
    }

    #[test]
    fn settings_at_their_defaults_are_left_out_and_named_default() {
        assert_eq!(ForwardForward::DEFAULT.name(), "default");
        let settings = ForwardForward {
            label: LabelPlace::Appended,
            negatives: Negatives::Hardest,
            classifier_rate: 2.0,
            ..ForwardForward::DEFAULT
        };
        assert_eq!(settings.name(), "appended-hardest-rate2");
        let read: ForwardForward = serde_json::from_str("{}").expect("every setting has a default");
        assert_eq!(read, ForwardForward::DEFAULT);
        assert!(!settings.has_shape_of(&ForwardForward::DEFAULT));
        assert!(ForwardForward { classifier_rate: 2.0, ..read }.has_shape_of(&ForwardForward::DEFAULT));
    }
}
