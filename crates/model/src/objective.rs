//! The objective of the output layer: the global loss and its exact error.

use burn::tensor::{Tensor, activation, backend::Backend};

use crate::{Activated, Kernels};

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

/// The global loss, with the output nonlinearity that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objective {
    /// Softmax and cross-entropy against one-hot targets.
    Classification,
    /// The mean squared error of the squashed output against the input itself.
    Reconstruction(Squash),
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

impl Objective {
    /// Returns the network's output; `logits` and the output are `[trials, batch, outputs]`.
    pub fn output<B: Backend>(self, logits: Tensor<B, 3>) -> Tensor<B, 3> {
        match self {
            Self::Classification => activation::softmax(logits, 2),
            Self::Reconstruction(squash) => squash.apply(logits),
        }
    }

    /// Computes loss and error of `logits` (`[trials, batch, outputs]`) against `target` (`[trials or 1, batch, outputs]`).
    pub fn error<B: Kernels>(self, logits: &Tensor<B, 3>, target: &Tensor<B, 3>) -> OutputError<B> {
        let [_, batch, outputs] = logits.dims();
        match self {
            Self::Classification => B::cross_entropy(logits, target),
            Self::Reconstruction(squash) => {
                let Activated { output, slope } = B::squash(squash, logits.clone());
                let difference = output - target.clone();
                let loss = B::mean_square(&difference);
                let error = (difference * slope).mul_scalar(2.0 / (batch * outputs) as f64);
                OutputError { loss, error, mistakes: None }
            }
        }
    }
}
