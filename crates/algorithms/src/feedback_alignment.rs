//! Feedback alignment: backpropagation with a fixed random matrix in place of each layer's transposed weights, the output layer's too
//! (Lillicrap et al. 2016, Nature Communications 7:13276, eq. 3).
//!
//! The layer's own dropout mask applies, as in backpropagation. Golden vectors: `cls_fa_*`.

use kernels::{Kernels, Weights};

use crate::rule::BackwardWeights;

/// The matrix of a layer is its feedback, G = F.
pub struct FeedbackAlignment;

impl<B: Kernels> BackwardWeights<B> for FeedbackAlignment {
    fn matrix(&self, _: &Weights<B>, feedback: Option<&Weights<B>>) -> Weights<B> {
        feedback.expect("the rule has feedback").clone()
    }
}
