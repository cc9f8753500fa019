//! The output layer's nonlinearity, loss and error.

use burn::tensor::{Tensor, activation, backend::Backend};

/// A bounded nonlinearity that brings values into the range of the scaled images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Squash {
    /// A squashing into (-1, 1).
    Tanh,
    /// A squashing into (0, 1).
    Sigmoid,
}

impl Squash {
    /// Squashes each value of a tensor of any shape.
    pub fn apply<B: Backend, const D: usize>(self, values: Tensor<B, D>) -> Tensor<B, D> {
        match self {
            Self::Tanh => values.tanh(),
            Self::Sigmoid => activation::sigmoid(values),
        }
    }

    /// Returns the slope where the squashed value is `output`, for a tensor of any shape.
    pub fn slope<B: Backend, const D: usize>(self, output: Tensor<B, D>) -> Tensor<B, D> {
        match self {
            Self::Tanh => (output.clone() * output).neg().add_scalar(1.0),
            Self::Sigmoid => output.clone() * output.neg().add_scalar(1.0),
        }
    }
}

/// The loss of an output against its target, with its gradient.
#[derive(Clone, Debug)]
pub struct OutputError<B: Backend> {
    /// The mean loss over the batch, without weight decay, `[trials]`.
    pub loss: Tensor<B, 1>,
    /// The gradient d(mean loss) / d(logits), `[trials, batch, outputs]`; contains the factor 1 / batch.
    pub error: Tensor<B, 3>,
    /// The number of misclassified examples in the batch, `[trials]`; `None` for reconstruction.
    pub mistakes: Option<Tensor<B, 1>>,
}
