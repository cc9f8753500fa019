//! Direct feedback alignment: the output error through fixed random matrices
//! (Nøkland 2016, arXiv:1609.01596, eq. 7).

use burn::tensor::Tensor;
use kernels::Kernels;

use crate::rule::{FeedbackRule, Hidden, Teaching};

/// signal = e F^T.
pub struct Dfa;

impl<B: Kernels> FeedbackRule<B> for Dfa {
    fn teach(&self, hidden: &Hidden<B>, error: &Tensor<B, 3>) -> Teaching<B> {
        Teaching::by_signal(hidden.project_back(error))
    }

    fn loss(&self, hidden: &Hidden<B>, error: &Tensor<B, 3>) -> Tensor<B, 1> {
        hidden.linear_loss(error)
    }
}
