//! Local losses: a fixed random classifier projects every hidden layer into target space, p = h F, and the layer follows
//! the gradient of the loss there, (dL/dp) F^T
//! (Mostafa, Ramesh & Cauwenberghs 2018, arXiv:1711.06756, with classifiers that do not learn).

use burn::tensor::Tensor;
use kernels::{Activated, Kernels, Squash};
use settings::Loss;

use crate::rule::{FeedbackRule, Hidden, Teaching};

/// A local loss, summed over the batch.
pub enum LocalLoss {
    CrossEntropy,
    /// The mean over outputs, with the nonlinearity of the prediction, also where targets are labels.
    MeanSquaredError(Squash),
}

impl<B: Kernels> FeedbackRule<B> for LocalLoss {
    fn teach(&self, hidden: &Hidden<B>, target: &Tensor<B, 3>) -> Teaching<B> {
        let projection = hidden.projection();
        let [_, _, outputs] = projection.dims();
        let error = match self {
            Self::CrossEntropy => B::softmax_error(projection, target),
            Self::MeanSquaredError(squash) => {
                let Activated { output, slope } = B::squash(*squash, projection);
                ((output - target.clone()) * slope).mul_scalar(2.0 / outputs as f64)
            }
        };
        Teaching::by_signal(hidden.project_back(&error))
    }

    fn loss(&self, hidden: &Hidden<B>, target: &Tensor<B, 3>) -> Tensor<B, 1> {
        let projection = hidden.projection();
        let [_, batch, _] = projection.dims();
        match self {
            Self::CrossEntropy => {
                B::output_error(Loss::SoftmaxCrossEntropy, &projection, target).loss.mul_scalar(batch as f64)
            }
            Self::MeanSquaredError(squash) => {
                let difference = B::squash(*squash, projection).output - target.clone();
                B::mean_square(&difference).mul_scalar(batch as f64)
            }
        }
    }
}
