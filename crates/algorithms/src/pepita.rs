//! PEPITA: a second forward pass on an input that the output error changes; each layer learns from the difference of its two outputs
//! (Dellaferrera & Kreiman 2022, arXiv:2201.11665).
//!
//! With the error *e'* = batch *e* of an example (the authors' *p* - *y*, for softmax cross-entropy), the second input is *x'* = *x* + *e'* *F*^T. A hidden
//! layer with the outputs *h* and *h'* of the two passes, both after dropout, learns with its input of the second pass and the delta (*h* - *h'*) /
//! batch: there is no derivative of the activation. The output layer learns from the second pass' own error. Both passes have the same dropout
//! masks, those of the input included, and the weights from before the update.
//!
//! The authors' networks have no biases (`bias: [false], output_bias: [false]`). Where there are some, they learn like weights of an input that is always 1.
//! The authors scale *F* by 0.05, and so does this program: *F* is 0.05 times what `feedback` draws, in the authors' case `HeUniform`.
//! Batch norm is not defined for the rule. Golden vectors: `cls_pepita_*`.

use burn::tensor::Tensor;
use kernels::{Kernels, Weights};
use settings::Precision;

/// Returns the input of the second pass, `[trials, batch, inputs]`, from that of the first, `[trials or 1, batch, inputs]`, the error at
/// the logits, `[trials, batch, outputs]`, and F, `[trials, inputs, outputs]`.
pub(crate) fn second_input<B: Kernels>(
    input: Tensor<B, 3>,
    error: &Tensor<B, 3>,
    feedback: &Weights<B>,
) -> Tensor<B, 3> {
    let [_, batch, _] = error.dims();
    let of_each_example = error.clone().mul_scalar(batch as f64);
    B::dense_transposed(&of_each_example, feedback, Precision::Full) + input
}
