//! The objective of the output layer: the global loss and its exact error.

use burn::tensor::{Tensor, activation, backend::Backend};

use kernels::{Activated, Kernels, OutputError, Squash};
use settings::Loss;

/// The global loss, with the output nonlinearity that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objective {
    /// A loss against one-hot targets.
    Classification(Loss),
    /// The mean squared error of the squashed output against the input itself.
    Reconstruction(Squash),
}

impl Objective {
    /// Returns the network's output; `logits` and the output are `[trials, batch, outputs]`.
    pub fn output<B: Backend>(self, logits: Tensor<B, 3>) -> Tensor<B, 3> {
        match self {
            Self::Classification(Loss::SoftmaxCrossEntropy) => activation::softmax(logits, 2),
            Self::Classification(Loss::SigmoidCrossEntropy) => activation::sigmoid(logits),
            Self::Classification(Loss::MeanSquaredError) => logits,
            Self::Reconstruction(squash) => squash.apply(logits),
        }
    }

    /// Computes loss and error of `logits` (`[trials, batch, outputs]`) against `target` (`[trials or 1, batch, outputs]`).
    pub fn error<B: Kernels>(self, logits: &Tensor<B, 3>, target: &Tensor<B, 3>) -> OutputError<B> {
        let [_, batch, outputs] = logits.dims();
        match self {
            Self::Classification(loss) => B::output_error(loss, logits, target),
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
