//! The examples of a training step.

use burn::tensor::Tensor;
use kernels::{Input, Kernels};

#[derive(Clone, Debug)]
pub struct Batch<B: Kernels> {
    /// `[batch, inputs]` of each trial, or the rows of several labels of each example; trials that see the same examples share them.
    pub input: Input<B>,
    /// `[trials or 1, batch, outputs]`.
    pub target: Tensor<B, 3>,
}
