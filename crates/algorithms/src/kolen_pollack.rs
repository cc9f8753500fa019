//! Kolen-Pollack learning: backpropagation through matrices B that get the same updates and the same decay as the forward weights W, so
//! that both approach each other (Kolen & Pollack 1994; Akrout et al. 2019, arXiv:1904.05391, algorithm 2).
//!
//! Equal updates cancel in the difference: `B_t - W_t = d_t (B_0 - W_0)`, and decoupled decay multiplies d by `1 - rate decay` in each step,
//! with every optimizer. So the rule keeps this difference in place of B, and computes no second update. It would not hold with an L2 term
//! in the gradient. The authors' logged runs have no decay, with which the difference stays as it is.
//!
//! The layer's own dropout mask applies, as in backpropagation. Golden vectors: `cls_kp_*`.

use kernels::{Kernels, OptimizerStep, Weights};

use crate::rule::BackwardWeights;

/// G = W + F, where F is the difference.
pub struct KolenPollack;

impl<B: Kernels> BackwardWeights<B> for KolenPollack {
    fn matrix(&self, weight: &Weights<B>, feedback: Option<&Weights<B>>) -> Weights<B> {
        let offset = feedback.expect("the rule has feedback");
        weight.with_values(weight.values.clone() + offset.values.clone())
    }

    fn after_step(&self, feedback: Weights<B>, step: &OptimizerStep<B>) -> Weights<B> {
        match &step.kept {
            Some(kept) => feedback.with_values(feedback.values.clone() * kept.clone()),
            None => feedback,
        }
    }
}
