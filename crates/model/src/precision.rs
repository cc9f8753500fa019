//! In which arithmetic matrix products run.

use serde::{Deserialize, Serialize};

/// The arithmetic of the products of a network with its weights. Everything else is single precision anyway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Precision {
    /// Single precision, 24 bits of mantissa.
    #[default]
    Full,
    /// Factors are rounded to 11 bits of mantissa (TF32), sums are single precision: what tensor cores of NVIDIA GPUs are fast at.
    Tf32,
}

impl Precision {
    /// For people.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Full => "full f32",
            Self::Tf32 => "TF32 products",
        }
    }
}
