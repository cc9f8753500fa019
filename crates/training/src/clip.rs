//! Gradients that are scaled down to a largest norm of all of them together (Pascanu et al. 2013, arXiv:1211.5063).
//!
//! The gradients are computed for their norm alone: the update scales the deltas that they are made from.

use std::ops::Range;

use algorithms::{RuleGroup, pass::Forward};
use burn::tensor::Tensor;
use kernels::{Kernels, part};
use model::{Layer, LayerUpdate};
use settings::Precision;

/// Returns the factor on the gradients of each trial, from the `largest` norms, both `[trials, 1, 1]`, and sums of squared gradients,
/// each `[trials]`. The small number in the denominator is PyTorch's.
pub(crate) fn factors<B: Kernels>(largest: &Tensor<B, 3>, squares: Vec<Tensor<B, 1>>) -> Tensor<B, 3> {
    let square = squares.into_iter().reduce(|sum, square| sum + square).expect("there is an output layer");
    let factors = largest.clone() / square.sqrt().add_scalar(1e-6).reshape(largest.dims());
    // `clamp` turns NaN into a number. A norm without limit changes nothing, whatever the gradient is.
    let factors = factors.clone().mask_fill(factors.greater_elem(1.0), 1.0);
    factors.mask_fill(largest.clone().greater_elem(f32::MAX), 1.0)
}

/// Returns the sum of the squared gradients of the output layer, which is the last one, and of hidden layers that are `learning`, with
/// the L2 terms of both kinds.
pub(crate) fn squares_of_layers<B: Kernels>(
    layers: &[Layer<B>],
    updates: &[LayerUpdate<'_, B>],
    learning: &Range<usize>,
    decay_of_hidden: Option<&Tensor<B, 3>>,
    decay_of_output: Option<&Tensor<B, 3>>,
) -> Option<Tensor<B, 1>> {
    let squares = layers.iter().zip(updates).enumerate().filter_map(|(index, (layer, update))| {
        let is_hidden = index + 1 < layers.len();
        let decay = if is_hidden { decay_of_hidden } else { decay_of_output };
        (!is_hidden || learning.contains(&index)).then(|| update.gradient_square(layer, decay))
    });
    squares.reduce(|sum, square| sum + square)
}

/// Returns the sum of the squared gradients of feedback that learns; `None` if no feedback learns.
pub(crate) fn squares_of_feedback<B: Kernels>(
    groups: &[RuleGroup<B>],
    forward: &Forward<B>,
    deltas: &[Vec<Tensor<B, 3>>],
    decay: Option<&Tensor<B, 3>>,
) -> Option<Tensor<B, 1>> {
    let device = deltas.iter().flatten().next()?.device();
    let of_groups = groups.iter().zip(deltas).map(|(group, deltas)| {
        let decay = decay.map(|decay| part(decay, &group.trials));
        let layers = forward.traces.iter().zip(&group.feedback).zip(deltas);
        let none = Tensor::zeros([group.trials.len()], &device);
        layers.fold(none, |sum, ((trace, weight), delta)| {
            let input = part(&trace.activation, &group.trials).into();
            let gradient = B::weight_gradient(&input, delta, Precision::Full);
            let gradient = gradient.with_decay(weight, decay.as_ref());
            sum + B::weights_inner_product(&gradient, &gradient)
        })
    });
    Some(Tensor::cat(of_groups.collect(), 0))
}
