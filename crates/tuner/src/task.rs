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
        Scaling::ZeroOne | Scaling::Identity => Squash::Sigmoid,
    }
}
