//! Error backpropagation, the baseline: the error signal of a layer is the next layer's delta times its transposed
//! weights (Rumelhart, Hinton & Williams 1986, Nature 323:533, eq. 7).

use burn::tensor::Tensor;
use kernels::{Kernels, Weights};
use model::Delta;
use settings::Precision;

/// Returns the signal at a layer's output after dropout, delta W^T (`[trials, batch, units]`), from the delta of the layer
/// above and its `weight` W in the forward pass, `[trials, units, units above]`.
pub fn signal<B: Kernels>(delta: &Delta<B>, weight: &Weights<B>, precision: Precision) -> Tensor<B, 3> {
    B::dense_transposed(&delta.preactivation, weight, precision)
}
