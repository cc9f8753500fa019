//! What a network is asked to do.

use data::Scaling;
use model::{Objective, Squash};
use serde::{Deserialize, Serialize};

/// What a network is asked to do with an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// Name its class.
    #[default]
    Classification,
    /// Give it back.
    Reconstruction,
}

impl Task {
    /// About the loss of a network that knows nothing: of equal probabilities for `classes`, or of an empty image.
    #[must_use]
    pub fn chance_loss(self, classes: usize) -> f64 {
        match self {
            Self::Classification => (classes as f64).ln(),
            // Scaled pixels lie in -1 to 1.
            Self::Reconstruction => 1.0,
        }
    }

    /// What the output layer is asked for, for images scaled by `scaling`.
    #[must_use]
    pub fn objective(self, scaling: Scaling) -> Objective {
        match self {
            Self::Classification => Objective::Classification,
            Self::Reconstruction => Objective::Reconstruction(squash(scaling)),
        }
    }
}

/// The nonlinearity whose range holds images scaled by `scaling`.
#[must_use]
pub(crate) fn squash(scaling: Scaling) -> Squash {
    match scaling {
        Scaling::Standard => Squash::Tanh,
        Scaling::ZeroOne | Scaling::Identity | Scaling::PerChannel(_) => Squash::Sigmoid,
    }
}
