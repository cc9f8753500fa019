//! Direct random target projection: the one-hot target through fixed random matrices, known before the forward pass
//! ends (Frenkel, Lefebvre & Bol 2021, arXiv:1909.01311).
//!
//! The sign is plus, as in the predecessor of this program: descent lowers h F at the label. Random feedback has no
//! preferred sign, so this is the paper's rule with -F.

use burn::tensor::Tensor;
use kernels::Kernels;

use crate::rule::{FeedbackRule, Hidden, Teaching};

/// signal = y F^T.
pub struct Drtp;

impl<B: Kernels> FeedbackRule<B> for Drtp {
    fn teach(&self, hidden: &Hidden<B>, target: &Tensor<B, 3>) -> Teaching<B> {
        Teaching::by_signal(hidden.project_back(target))
    }

    fn loss(&self, hidden: &Hidden<B>, target: &Tensor<B, 3>) -> Tensor<B, 1> {
        hidden.linear_loss(target)
    }
}
