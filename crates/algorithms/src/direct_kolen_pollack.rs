//! Direct Kolen-Pollack learning: direct feedback alignment whose feedback matrices learn from the gradient that a linear classifier
//! on the layer would follow, with which forward weights and feedback approach each other (Webster, Choi & Ahn 2020, after Kolen & Pollack 1994).
//!
//! The feedback learns by the same optimizer, rate and decay as the weights; the authors' code gives it its own. Its gradient takes the
//! layer's output before dropout. Golden vectors: `cls_dkp_*`.

use burn::tensor::Tensor;
use kernels::Kernels;

use crate::rule::{FeedbackRule, Hidden, Teaching};

/// signal = e F^T; the gradient of F is h^T e.
pub struct DirectKolenPollack;

impl<B: Kernels> FeedbackRule<B> for DirectKolenPollack {
    fn teach(&self, hidden: &Hidden<B>, error: &Tensor<B, 3>) -> Teaching<B> {
        Teaching { signal: hidden.project_back(error), feedback_delta: Some(error.clone()) }
    }

    fn loss(&self, hidden: &Hidden<B>, error: &Tensor<B, 3>) -> Tensor<B, 1> {
        hidden.linear_loss(error)
    }
}
