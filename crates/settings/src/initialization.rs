//! Initial weights and feedback matrices.

use serde::{Deserialize, Serialize};

/// The distribution of a random `[rows, columns]` matrix; rows are its inputs (fan-in), columns its outputs (fan-out).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Initialization {
    /// Orthonormal rows or columns, whichever are fewer (Saxe et al. 2014, arXiv:1312.6120).
    Orthogonal,
    /// Normal with variance 1 / fan-in, truncated at two standard deviations (LeCun et al. 1998; Keras' `lecun_normal`).
    LecunNormal,
    /// Uniform with variance 1 / fan-in.
    LecunUniform,
    /// Normal with variance 2 / (fan-in + fan-out), truncated at two standard deviations (Glorot & Bengio 2010).
    GlorotNormal,
    /// Uniform with variance 2 / (fan-in + fan-out).
    GlorotUniform,
    /// Normal with variance 2 / fan-in, truncated at two standard deviations (He et al. 2015, arXiv:1502.01852).
    HeNormal,
    /// Uniform with variance 2 / fan-in.
    HeUniform,
    /// Uniform from -1 to 1, divided by the root of the fan-in; biases, too. PyTorch's linear layers start like this.
    TorchDefault,
    /// Normal with this standard deviation, not truncated.
    ///
    /// Allowed: above 0. Example: `0.1`.
    Normal(f64),
    /// Normal with a variance of this number / (fan-in + fan-out), not truncated; biases, too. With 1, it is that of Akrout et al. (2019,
    /// arXiv:1904.05391).
    ///
    /// Allowed: above 0. Example: `1.0`.
    FanNormal(f64),
    /// Uniform from minus this number to this number.
    ///
    /// Allowed: above 0. Example: `0.1`.
    Uniform(f64),
    /// A matrix of zeros.
    Zeros,
    /// For weights: products of the feedback matrices, with which DFA equals backpropagation above the first layer; that layer is
    /// orthogonal (Refinetti et al. 2021, arXiv:2011.12428). For feedback: products of the initial weights above, with which DFA begins
    /// as the backpropagation of a linear network. Matrices between layers are aligned where they are equal to the weights.
    Aligned,
}

impl Initialization {
    /// Returns the name in tables and folders.
    pub fn name(self) -> String {
        match self {
            Self::Orthogonal => "orthogonal".into(),
            Self::LecunNormal => "lecun-normal".into(),
            Self::LecunUniform => "lecun-uniform".into(),
            Self::GlorotNormal => "glorot-normal".into(),
            Self::GlorotUniform => "glorot-uniform".into(),
            Self::HeNormal => "he-normal".into(),
            Self::HeUniform => "he-uniform".into(),
            Self::TorchDefault => "torch-default".into(),
            Self::Normal(deviation) => format!("normal{deviation}"),
            Self::FanNormal(share) => format!("fan-normal{share}"),
            Self::Uniform(limit) => format!("uniform{limit}"),
            Self::Zeros => "zeros".into(),
            Self::Aligned => "aligned".into(),
        }
    }

    /// Returns the allowed values in words if a setting is not allowed.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        match *self {
            Self::Normal(size) | Self::FanNormal(size) | Self::Uniform(size)
                if !(size > 0.0 && size.is_finite()) =>
            {
                Some("a number above 0 in `Normal(0.1)`, `FanNormal(1.0)` and `Uniform(0.1)`")
            }
            _ => None,
        }
    }
}
