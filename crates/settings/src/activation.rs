//! Nonlinearities of hidden layers.

use serde::{Deserialize, Serialize};

/// The nonlinearity of every hidden layer of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Activation {
    /// The hyperbolic tangent, tanh(v).
    Tanh,
    /// max(v, 0), with slope 1 at 0.
    Relu,
    /// v sigmoid(v) (Ramachandran et al. 2017, arXiv:1710.05941).
    Swish,
    /// v, or 0.2 v below 0, with slope 0.2 at 0.
    LeakyRelu,
    /// The logistic function, 1 / (1 + exp(-v)).
    Sigmoid,
    /// v, or exp(v) - 1 at and below 0 (Clevert et al. 2016, arXiv:1511.07289).
    Elu,
}

impl Activation {
    pub const ALL: [Self; 6] =
        [Self::Tanh, Self::Relu, Self::Swish, Self::LeakyRelu, Self::Sigmoid, Self::Elu];

    /// Returns the name in tables and folders.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tanh => "tanh",
            Self::Relu => "relu",
            Self::Swish => "swish",
            Self::LeakyRelu => "leaky-relu",
            Self::Sigmoid => "sigmoid",
            Self::Elu => "elu",
        }
    }

    /// Whether the output is bounded. Rules that push an activation without limit (DRTP) need it to be.
    pub fn is_bounded(self) -> bool {
        matches!(self, Self::Tanh | Self::Sigmoid)
    }
}
