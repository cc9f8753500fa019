//! Trainable tensors and Adam's moments.

use burn::tensor::{Int, Tensor, backend::Backend};

#[derive(Clone, Debug)]
pub struct Parameter<B: Backend> {
    /// The value: `[trials, inputs, outputs]` for weights, `[trials, 1, units]` for parameters of a unit.
    pub value: Tensor<B, 3>,
    pub moments: Moments<B>,
}

/// Adam's moving averages of a gradient and of its square, each of the parameter's shape.
#[derive(Clone, Debug)]
pub struct Moments<B: Backend> {
    pub first: Tensor<B, 3>,
    pub second: Tensor<B, 3>,
}

impl<B: Backend> Parameter<B> {
    /// Creates a parameter whose moments are zero.
    pub fn new(value: Tensor<B, 3>) -> Self {
        let zeros = value.zeros_like();
        Self { value, moments: Moments { first: zeros.clone(), second: zeros } }
    }

    /// Keeps only the trials at `positions`, in that order.
    pub fn select(self, positions: &Tensor<B, 1, Int>) -> Self {
        let [value, first, second] = [self.value, self.moments.first, self.moments.second]
            .map(|tensor| tensor.select(0, positions.clone()));
        Self { value, moments: Moments { first, second } }
    }
}
