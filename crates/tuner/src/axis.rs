//! The axes of a grid by name, and where a configuration lies on each.

use serde::{Deserialize, Serialize};

use crate::Configuration;

/// An axis of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Axis {
    /// The learning rule.
    Algorithm,
    /// Units of the hidden layers.
    Hidden,
    /// Their activation.
    Activation,
    /// With and without batch norm.
    BatchNorm,
    /// With and without biases.
    Bias,
    /// How forward weights start.
    Weights,
    /// How feedback matrices are drawn.
    Feedback,
    /// Adam's learning rate.
    LearningRate,
    /// Share of hidden units dropped in training.
    Dropout,
    /// L2 coefficient.
    WeightDecay,
}

/// Where a configuration lies on an axis.
#[derive(Clone, Debug, PartialEq)]
pub enum AxisPoint {
    /// A number.
    Number(f64),
    /// A name, `true` or `false`, or the units of the hidden layers.
    Text(String),
}

impl Axis {
    /// Every axis, in the order of tables.
    pub const ALL: [Self; 10] = [
        Self::Algorithm,
        Self::Hidden,
        Self::Activation,
        Self::BatchNorm,
        Self::Bias,
        Self::Weights,
        Self::Feedback,
        Self::LearningRate,
        Self::Dropout,
        Self::WeightDecay,
    ];

    /// As a column is called, and as a grid spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Algorithm => "algorithm",
            Self::Hidden => "hidden",
            Self::Activation => "activation",
            Self::BatchNorm => "batch_norm",
            Self::Bias => "bias",
            Self::Weights => "weights",
            Self::Feedback => "feedback",
            Self::LearningRate => "learning_rate",
            Self::Dropout => "dropout",
            Self::WeightDecay => "weight_decay",
        }
    }

    /// Where `configuration` lies; nowhere on an axis that does not apply to its rule.
    #[must_use]
    pub fn of(self, configuration: &Configuration) -> Option<AxisPoint> {
        let text = |text: String| Some(AxisPoint::Text(text));
        match self {
            Self::Algorithm => text(configuration.algorithm.name().into()),
            Self::Hidden => {
                text(configuration.hidden.iter().map(u32::to_string).collect::<Vec<_>>().join("-"))
            }
            Self::Activation => text(format!("{:?}", configuration.activation)),
            Self::BatchNorm => text(configuration.batch_norm.to_string()),
            Self::Bias => text(configuration.bias.to_string()),
            Self::Weights => text(format!("{:?}", configuration.weights)),
            Self::Feedback => text(format!("{:?}", configuration.feedback?)),
            Self::LearningRate => Some(AxisPoint::Number(configuration.learning_rate)),
            Self::Dropout => Some(AxisPoint::Number(configuration.dropout)),
            Self::WeightDecay => Some(AxisPoint::Number(configuration.weight_decay)),
        }
    }

    /// Where `configuration` lies, as part of a name: `dfa`, `batch_norm true`; empty where the axis does not apply.
    #[must_use]
    pub fn in_words(self, configuration: &Configuration) -> String {
        match (self, self.of(configuration)) {
            (_, None) => String::new(),
            (Self::Algorithm, Some(AxisPoint::Text(name))) => name,
            (_, Some(AxisPoint::Text(text))) => format!("{} {text}", self.name()),
            (_, Some(AxisPoint::Number(number))) => format!("{} {number}", self.name()),
        }
    }
}
