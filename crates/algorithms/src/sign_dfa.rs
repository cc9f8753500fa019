//! Direct feedback alignment of the error's sign, sDFA: a layer learns in which direction each output is wrong, and not how much
//! (Frenkel, Lefebvre & Bol 2021, arXiv:1909.01311). The sign of an error of exactly 0 is 0.
//!
//! The signal is not divided by the batch, as in the authors' code. Golden vectors: `cls_sdfa_*`.

use burn::tensor::Tensor;
use kernels::Kernels;

use crate::rule::{FeedbackRule, Hidden, Teaching};

/// signal = sign(e) F^T.
pub struct SignDfa;

impl<B: Kernels> FeedbackRule<B> for SignDfa {
    fn teach(&self, hidden: &Hidden<B>, error: &Tensor<B, 3>) -> Teaching<B> {
        Teaching::by_signal(hidden.project_back(&error.clone().sign()))
    }

    fn loss(&self, hidden: &Hidden<B>, error: &Tensor<B, 3>) -> Tensor<B, 1> {
        hidden.linear_loss(&error.clone().sign())
    }
}
