//! Local losses with classifiers that learn: each hidden layer follows the cross-entropy of a linear classifier on its output, and so does
//! the classifier (the prediction loss of Nøkland & Eidnes 2019, arXiv:1901.06656; the layer loss of Mono-Forward, arXiv:2501.09238).
//!
//! The loss is a mean over the batch, unlike that of [`LocalLoss`](crate::local_loss::LocalLoss), whose classifiers are fixed and which is
//! summed. Classifiers have no bias; the authors' have one. The network predicts with its output layer; Mono-Forward predicts with the last classifier.
//! The classifier's gradient takes the layer's output before dropout. Golden vectors: `cls_pred_*`.

use burn::tensor::Tensor;
use kernels::Kernels;
use settings::Loss;

use crate::rule::{FeedbackRule, Hidden, Teaching};

/// signal = (softmax(h F) - y) F^T / batch; the gradient of F is h^T (softmax(h F) - y) / batch.
pub struct LearnedClassifier;

impl<B: Kernels> FeedbackRule<B> for LearnedClassifier {
    fn teach(&self, hidden: &Hidden<B>, target: &Tensor<B, 3>) -> Teaching<B> {
        let error = B::output_error(Loss::SoftmaxCrossEntropy, &hidden.projection(), target).error;
        Teaching { signal: hidden.project_back(&error), feedback_delta: Some(error) }
    }

    fn loss(&self, hidden: &Hidden<B>, target: &Tensor<B, 3>) -> Tensor<B, 1> {
        let [_, batch, _] = hidden.activation.dims();
        B::output_error(Loss::SoftmaxCrossEntropy, &hidden.projection(), target).loss.mul_scalar(batch as f64)
    }
}
