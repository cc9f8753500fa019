//! Error backpropagation, the baseline (Rumelhart, Hinton & Williams 1986, Nature 323).

use burn::tensor::Tensor;
use model::{Delta, Kernels};

use crate::rule::{Above, FromLayerAbove};

/// signal = delta of the layer above through its own weights.
pub struct Backprop;

impl<B: Kernels> FromLayerAbove<B> for Backprop {
    fn signal(&self, above: &Above<B>, delta: &Delta<B>) -> Tensor<B, 3> {
        B::dense_transposed(&delta.preactivation, &above.weight, above.precision)
    }
}
