//! A trainable tensor with its optimizer state.

use burn::tensor::{Int, Tensor, backend::Backend};

/// A trainable tensor and what its optimizer remembers of it.
#[derive(Clone, Debug)]
pub struct Parameter<B: Backend> {
    /// `[trials, inputs, outputs]` for weights, `[trials, 1, units]` for everything that a unit has one of.
    pub value: Tensor<B, 3>,
    /// Running moments of the gradient, of the value's shape.
    pub moments: Moments<B>,
}

/// Adam's running averages of a gradient and of its square, each of the parameter's shape.
#[derive(Clone, Debug)]
pub struct Moments<B: Backend> {
    /// Average of the gradient.
    pub first: Tensor<B, 3>,
    /// Average of the squared gradient.
    pub second: Tensor<B, 3>,
}

impl<B: Backend> Parameter<B> {
    /// A parameter before its first update.
    #[must_use]
    pub fn new(value: Tensor<B, 3>) -> Self {
        let zeros = value.zeros_like();
        Self { value, moments: Moments { first: zeros.clone(), second: zeros } }
    }

    /// Keeps only the trials at `positions`, in that order.
    #[must_use]
    pub fn select(self, positions: &Tensor<B, 1, Int>) -> Self {
        let pick = |tensor: Tensor<B, 3>| tensor.select(0, positions.clone());
        Self {
            value: pick(self.value),
            moments: Moments { first: pick(self.moments.first), second: pick(self.moments.second) },
        }
    }
}
