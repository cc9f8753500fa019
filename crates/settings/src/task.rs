//! The task of a network.

use serde::{Deserialize, Serialize};

use crate::Loss;

/// The task that a network learns on images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// Predict the class of an image.
    #[default]
    Classification,
    /// Reproduce the input image.
    Reconstruction,
}

impl Task {
    /// Returns the name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Reconstruction => "reconstruction",
        }
    }

    /// Returns the approximate `loss` of an untrained network: equal probabilities for `classes`, outputs of 0, or an empty image.
    pub fn chance_loss(self, loss: Loss, classes: usize) -> f64 {
        match (self, loss) {
            (Self::Classification, Loss::SoftmaxCrossEntropy) => (classes as f64).ln(),
            (Self::Classification, Loss::SigmoidCrossEntropy) => 2.0_f64.ln(),
            (Self::Classification, Loss::MeanSquaredError) => 1.0 / classes as f64,
            // Scaled pixels are between -1 and 1.
            (Self::Reconstruction, _) => 1.0,
        }
    }
}
