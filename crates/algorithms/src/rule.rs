//! The contract of a learning rule: the values that a hidden layer's error signal is computed from.
//!
//! The moment at which the signal is known decides how much a training step keeps in memory, so it is part of the type.

use burn::tensor::{Tensor, backend::Backend};
use kernels::{Kernels, OptimizerStep, Weights};
use settings::Precision;

use crate::forward_forward::ForwardForward;

/// A learning rule, by the moment at which the error signal of a hidden layer is known.
pub enum Rule<B: Kernels> {
    /// Computed from the layer's output and the target, as soon as the layer has run: the layer learns before the next one
    /// runs, and its activations are dropped.
    Local(Box<dyn FeedbackRule<B>>),
    /// Computed from the layer's output and the output error: layers keep their activations until the error is known, and learn
    /// in any order.
    OutputError(Box<dyn FeedbackRule<B>>),
    /// Computed from the delta of the layer above: layers keep their activations and learn from the top down. The delta goes through the
    /// forward weights, which is backpropagation, or through other matrices.
    LayerAbove(Option<Box<dyn BackwardWeights<B>>>),
    /// The difference of the layer's outputs in two passes, the second one on an input that the rule makes from the first input and the output
    /// error: layers keep their outputs until the second pass reaches them, and learn while it goes on.
    SecondPass(SecondInput<B>),
    /// Computed from the layer's outputs for examples with their own and with another label in the input, as soon as the layer has run, like
    /// [`Local`](Self::Local).
    Contrast(ForwardForward),
    /// Zero: hidden layers do not learn.
    Untrained,
}

/// Returns the input of the second pass, `[trials, batch, inputs]`, from that of the first before dropout, `[trials or 1, batch, inputs]`, the
/// error at the logits, `[trials, batch, outputs]`, and the feedback matrix, `[trials, inputs, outputs]`.
pub type SecondInput<B> = fn(Tensor<B, 3>, &Tensor<B, 3>, &Weights<B>) -> Tensor<B, 3>;

/// A hidden layer, as a rule with feedback sees it.
pub struct Hidden<'a, B: Backend> {
    /// The layer's output before dropout, `[trials, batch, units]`.
    pub activation: &'a Tensor<B, 3>,
    /// The layer's feedback matrix F, `[trials, units, outputs]`.
    pub feedback: &'a Weights<B>,
}

/// Computes error signals from the layer's own output and values in target space: the target in [`Rule::Local`], the error at
/// the logits in [`Rule::OutputError`].
pub trait FeedbackRule<B: Kernels>: Send + Sync {
    /// Returns the layer's signal for a target or an error of `[trials or 1, batch, outputs]`. Called once per layer and step.
    fn teach(&self, hidden: &Hidden<B>, target_or_error: &Tensor<B, 3>) -> Teaching<B>;

    /// Returns the loss summed over the batch, `[trials]`; its gradient, or that of its mean, is the signal. Called by trackers.
    fn loss(&self, hidden: &Hidden<B>, target_or_error: &Tensor<B, 3>) -> Tensor<B, 1>;
}

/// The values that a hidden layer, and its feedback matrix where it learns, are taught by.
pub struct Teaching<B: Backend> {
    /// d(local loss) / d(activation), `[trials, batch, units]`.
    pub signal: Tensor<B, 3>,
    /// The delta of the feedback matrix F, `[trials or 1, batch, outputs]`: the gradient of F is `h^T` times this. `None` where F is fixed.
    pub feedback_delta: Option<Tensor<B, 3>>,
}

impl<B: Backend> Teaching<B> {
    /// Creates the teaching of a layer whose feedback is fixed.
    pub fn by_signal(signal: Tensor<B, 3>) -> Self {
        Self { signal, feedback_delta: None }
    }
}

/// Computes the matrices through which a delta goes down in place of the forward weights.
pub trait BackwardWeights<B: Kernels>: Send + Sync {
    /// Returns the matrix in place of `weight`, the weights of the layer above, from them and from the lower layer's `feedback`; all
    /// are `[trials, units, units above]`. Called once per layer and step.
    fn matrix(&self, weight: &Weights<B>, feedback: Option<&Weights<B>>) -> Weights<B>;

    /// Returns a layer's `feedback` after an optimizer step of the rule's trials.
    fn after_step(&self, feedback: Weights<B>, _step: &OptimizerStep<B>) -> Weights<B> {
        feedback
    }
}

impl<B: Kernels> Rule<B> {
    /// Returns the loss whose gradient a hidden layer's signal is, as a mean over examples that come in batches of
    /// `training_batch`, `[trials]`; absent where the rule has none. `target` and `error` (at the logits) are
    /// `[trials or 1, examples, outputs]`.
    ///
    /// DFA's error is itself a mean over the batch, so its local loss is divided by the batch twice, as in the golden
    /// vectors. Examples that come in larger batches, as in validation, give the same value.
    pub fn mean_local_loss(
        &self,
        hidden: &Hidden<B>,
        target: &Tensor<B, 3>,
        error: &Tensor<B, 3>,
        training_batch: usize,
    ) -> Option<Tensor<B, 1>> {
        let [_, examples, _] = hidden.activation.dims();
        match self {
            Self::Local(rule) => Some(rule.loss(hidden, target).div_scalar(examples as f64)),
            Self::OutputError(rule) => {
                // The error that these examples have in a training batch: a rule need not be linear in it.
                let error = error.clone().mul_scalar(examples as f64 / training_batch as f64);
                Some(rule.loss(hidden, &error).div_scalar(examples as f64))
            }
            Self::LayerAbove(_) | Self::SecondPass(_) | Self::Contrast(_) | Self::Untrained => None,
        }
    }
}

impl<B: Kernels> Hidden<'_, B> {
    /// Returns the activation in target space, `h F`, `[trials, batch, outputs]`.
    pub fn projection(&self) -> Tensor<B, 3> {
        B::dense(&self.activation.clone().into(), self.feedback, None, Precision::Full)
    }

    /// Projects a signal from target space (`[trials or 1, batch, outputs]`) back to the layer, `s F^T`,
    /// `[trials, batch, units]`.
    pub fn project_back(&self, signal: &Tensor<B, 3>) -> Tensor<B, 3> {
        B::dense_transposed(signal, self.feedback, Precision::Full)
    }

    /// Returns the linear loss `sum_b s_b . (h F)_b` of a fixed signal in target space, `[trials]`.
    pub fn linear_loss(&self, signal: &Tensor<B, 3>) -> Tensor<B, 1> {
        B::inner_product(&self.projection(), signal)
    }
}
