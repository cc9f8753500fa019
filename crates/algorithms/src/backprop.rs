//! Error backpropagation, the baseline: the error signal of a layer is the next layer's delta times its transposed
//! weights (Rumelhart, Hinton & Williams 1986, Nature 323:533, eq. 7).

use burn::tensor::Tensor;
use model::{Delta, Kernels};

use crate::rule::{Above, FromLayerAbove};

/// signal = delta W^T, with delta and W of the layer above.
pub struct Backprop;

impl<B: Kernels> FromLayerAbove<B> for Backprop {
    fn signal(&self, above: &Above<B>, delta: &Delta<B>) -> Tensor<B, 3> {
        B::dense_transposed(&delta.preactivation, &above.weight, above.precision)
    }
}
