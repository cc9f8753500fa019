//! Elementwise nonlinearities of hidden layers, each with its slope.

use burn::tensor::{Tensor, activation::sigmoid, backend::Backend};
use settings::Activation;

/// The slope of [`Activation::LeakyRelu`] at and below 0.
pub const LEAK: f64 = 0.2;

/// The output and the slope of an activation, each `[trials, batch, units]`.
#[derive(Clone, Debug)]
pub struct Activated<B: Backend> {
    pub output: Tensor<B, 3>,
    /// The derivative d output / d preactivation.
    pub slope: Tensor<B, 3>,
}

/// Returns the output of `activation`; `preactivation` is `[trials, batch, units]`.
pub fn activate<B: Backend>(activation: Activation, preactivation: Tensor<B, 3>) -> Tensor<B, 3> {
    match activation {
        Activation::Tanh => preactivation.tanh(),
        // Not `clamp_min`: the CPU's turns NaN into 0 and hides a network that has died.
        Activation::Relu => preactivation.clone().mask_fill(preactivation.lower_elem(0.0), 0.0),
        Activation::Swish => preactivation.clone() * sigmoid(preactivation),
        Activation::LeakyRelu => {
            let below = preactivation.clone().mul_scalar(LEAK);
            let positive = preactivation.clone().greater_elem(0.0);
            below.mask_where(positive, preactivation)
        }
    }
}

/// Returns the output of `activation` and its slope; `preactivation` is `[trials, batch, units]`.
pub fn activate_with_slope<B: Backend>(activation: Activation, preactivation: Tensor<B, 3>) -> Activated<B> {
    match activation {
        Activation::Tanh => {
            let output = preactivation.tanh();
            let slope = output.clone().powi_scalar(2).neg().add_scalar(1.0);
            Activated { output, slope }
        }
        Activation::Relu => Activated {
            slope: preactivation.clone().greater_equal_elem(0.0).float(),
            output: activate(activation, preactivation),
        },
        Activation::Swish => {
            let gate = sigmoid(preactivation.clone());
            let output = preactivation * gate.clone();
            // d/dv v s(v) = s + v s (1 - s) = s + h (1 - s).
            let slope = gate.clone() + output.clone() * gate.neg().add_scalar(1.0);
            Activated { output, slope }
        }
        Activation::LeakyRelu => Activated {
            slope: preactivation.clone().greater_elem(0.0).float().mul_scalar(1.0 - LEAK).add_scalar(LEAK),
            output: activate(activation, preactivation),
        },
    }
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;

    #[test]
    fn no_activation_hides_that_a_network_has_died() {
        for activation in Activation::ALL {
            let dead = Tensor::<Flex, 3>::full([1, 1, 1], f32::NAN, &Default::default());
            assert!(activate(activation, dead.clone()).into_scalar().is_nan(), "{activation:?}");
            assert!(activate_with_slope(activation, dead).output.into_scalar().is_nan(), "{activation:?}");
        }
    }
}
