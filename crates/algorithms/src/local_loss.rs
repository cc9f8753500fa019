//! Local losses: a fixed random classifier projects every hidden layer into target space, p = h F, and the layer follows
//! the gradient of the loss there, (dL/dp) F^T
//! (Mostafa, Ramesh & Cauwenberghs 2018, arXiv:1711.06756, with classifiers that do not learn).

use burn::tensor::Tensor;
use kernels::{Activated, Kernels, Squash};
use settings::{Loss, TargetLoss};

use crate::rule::{FeedbackRule, Hidden};

/// A local loss, summed over the batch.
pub struct LocalLoss {
    pub loss: TargetLoss,
    /// The nonlinearity of the mean squared error's prediction, also where targets are labels.
    pub squash: Squash,
}

impl<B: Kernels> FeedbackRule<B> for LocalLoss {
    fn signal(&self, hidden: &Hidden<B>, target: &Tensor<B, 3>) -> Tensor<B, 3> {
        let projection = hidden.projection();
        let [_, _, outputs] = projection.dims();
        hidden.project_back(&match self.loss {
            TargetLoss::CrossEntropy => B::softmax_error(projection, target),
            TargetLoss::MeanSquaredError => {
                let Activated { output, slope } = B::squash(self.squash, projection);
                ((output - target.clone()) * slope).mul_scalar(2.0 / outputs as f64)
            }
        })
    }

    fn loss(&self, hidden: &Hidden<B>, target: &Tensor<B, 3>) -> Tensor<B, 1> {
        let projection = hidden.projection();
        let [_, batch, _] = projection.dims();
        match self.loss {
            TargetLoss::CrossEntropy => {
                B::output_error(Loss::SoftmaxCrossEntropy, &projection, target).loss.mul_scalar(batch as f64)
            }
            TargetLoss::MeanSquaredError => {
                let difference = B::squash(self.squash, projection).output - target.clone();
                B::mean_square(&difference).mul_scalar(batch as f64)
            }
        }
    }
}
