//! Losses of the output layer.

use serde::{Deserialize, Serialize};

/// The loss of a classification, with the output's nonlinearity. It is a mean over the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Loss {
    /// Cross-entropy of the softmax.
    #[default]
    SoftmaxCrossEntropy,
    /// Binary cross-entropy of the logistic function of each output, the mean over outputs.
    SigmoidCrossEntropy,
    /// Squared difference of each output from the one-hot label, the mean over outputs; the output is linear.
    MeanSquaredError,
}

impl Loss {
    /// Returns the name in tables and folders.
    pub fn name(self) -> &'static str {
        match self {
            Self::SoftmaxCrossEntropy => "softmax",
            Self::SigmoidCrossEntropy => "sigmoid-cross-entropy",
            Self::MeanSquaredError => "squared-error",
        }
    }
}
