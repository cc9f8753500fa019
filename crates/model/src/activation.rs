//! Elementwise nonlinearities of hidden layers, each with its slope.

use burn::tensor::{Tensor, activation, backend::Backend};
use serde::{Deserialize, Serialize};

/// The nonlinearity of every hidden layer of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Activation {
    /// tanh(v).
    Tanh,
    /// max(v, 0), with slope 1 at 0.
    Relu,
    /// v sigmoid(v) (Ramachandran et al. 2017, arXiv:1710.05941).
    Swish,
    /// v, or 0.2 v below 0, with slope 0.2 at 0.
    LeakyRelu,
}

/// Slope of [`Activation::LeakyRelu`] at and below 0.
pub const LEAK: f64 = 0.2;

/// What an activation makes of its preactivation.
#[derive(Clone, Debug)]
pub struct Activated<B: Backend> {
    /// `[trials, batch, units]`.
    pub output: Tensor<B, 3>,
    /// d output / d preactivation, `[trials, batch, units]`.
    pub slope: Tensor<B, 3>,
}

impl Activation {
    /// Is the output bounded? Rules that push an activation without limit (DRTP) need it to be.
    #[must_use]
    pub fn is_bounded(self) -> bool {
        self == Self::Tanh
    }

    /// The activation alone; `preactivation` is `[trials, batch, units]`.
    pub fn apply<B: Backend>(self, preactivation: Tensor<B, 3>) -> Tensor<B, 3> {
        match self {
            Self::Tanh => preactivation.tanh(),
            // Not `clamp_min`: the CPU's turns NaN into 0 and hides a network that has died.
            Self::Relu => preactivation.clone().mask_fill(preactivation.lower_elem(0.0), 0.0),
            Self::Swish => preactivation.clone() * activation::sigmoid(preactivation),
            Self::LeakyRelu => {
                let below = preactivation.clone().mul_scalar(LEAK);
                let positive = preactivation.clone().greater_elem(0.0);
                below.mask_where(positive, preactivation)
            }
        }
    }

    /// The activation and its slope; `preactivation` is `[trials, batch, units]`.
    pub fn apply_with_slope<B: Backend>(self, preactivation: Tensor<B, 3>) -> Activated<B> {
        match self {
            Self::Tanh => {
                let output = preactivation.tanh();
                let slope = output.clone().powi_scalar(2).neg().add_scalar(1.0);
                Activated { output, slope }
            }
            Self::Relu => Activated {
                slope: preactivation.clone().greater_equal_elem(0.0).float(),
                output: self.apply(preactivation),
            },
            Self::Swish => {
                let gate = activation::sigmoid(preactivation.clone());
                let output = preactivation * gate.clone();
                // d/dv v s(v) = s + v s (1 - s) = s + h (1 - s).
                let slope = gate.clone() + output.clone() * gate.neg().add_scalar(1.0);
                Activated { output, slope }
            }
            Self::LeakyRelu => Activated {
                slope: preactivation
                    .clone()
                    .greater_elem(0.0)
                    .float()
                    .mul_scalar(1.0 - LEAK)
                    .add_scalar(LEAK),
                output: self.apply(preactivation),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;

    #[test]
    fn no_activation_hides_that_a_network_has_died() {
        for activation in [Activation::Tanh, Activation::Relu, Activation::Swish, Activation::LeakyRelu] {
            let dead = Tensor::<Flex, 3>::full([1, 1, 1], f32::NAN, &Default::default());
            assert!(activation.apply(dead.clone()).into_scalar().is_nan(), "{activation:?}");
            assert!(activation.apply_with_slope(dead).output.into_scalar().is_nan(), "{activation:?}");
        }
    }
}
