//! Initial weights and feedback matrices.

use serde::{Deserialize, Serialize};

/// The distribution of a random matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Initialization {
    /// Orthonormal rows or columns, whichever are fewer (Saxe et al. 2014, arXiv:1312.6120).
    Orthogonal,
    /// Normal with variance 1 / rows, truncated at two standard deviations (LeCun et al. 1998; Keras' `lecun_normal`).
    LecunNormal,
}

impl Initialization {
    /// Returns the name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Orthogonal => "orthogonal",
            Self::LecunNormal => "lecun-normal",
        }
    }
}

/// The initial forward weights. Biases start at zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WeightInitialization {
    /// Independent matrices drawn as [`Initialization::Orthogonal`].
    Orthogonal,
    /// Independent matrices drawn as [`Initialization::LecunNormal`].
    LecunNormal,
    /// Products of the feedback matrices, with which DFA equals backpropagation above the first layer; that layer is orthogonal.
    Aligned,
}

impl WeightInitialization {
    /// Returns the name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Orthogonal => "orthogonal",
            Self::LecunNormal => "lecun-normal",
            Self::Aligned => "aligned",
        }
    }
}
