//! The task of a network.

use serde::{Deserialize, Serialize};

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

    /// Returns the approximate loss of an untrained network: equal probabilities for `classes`, or an empty image.
    pub fn chance_loss(self, classes: usize) -> f64 {
        match self {
            Self::Classification => (classes as f64).ln(),
            // Scaled pixels are between -1 and 1.
            Self::Reconstruction => 1.0,
        }
    }
}
