//! The arithmetic of matrix products.

use serde::{Deserialize, Serialize};

/// The arithmetic of a network's products with its weights. Everything else is single precision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Precision {
    /// Single precision, 24 bits of mantissa.
    #[default]
    Full,
    /// Factors rounded to 11 bits of mantissa (TF32), sums in single precision: the tensor cores of NVIDIA GPUs.
    Tf32,
}

impl Precision {
    /// Returns the name in tables and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full f32",
            Self::Tf32 => "TF32 products",
        }
    }
}
