//! Statistics of hidden outputs over all units and examples of a batch: `activation_mean` and `activation_sd`,
//! `saturated_fraction` (the slope is less than 0.05 in size, so that almost no error signal passes) and `dead_fraction`
//! (the output is 0).

use burn::tensor::Tensor;
use kernels::Kernels;
use model::Trace;
use settings::Quantity;

use super::{hidden_layers, readings};
use crate::{Inspection, Reading};

const MEAN: Quantity = Quantity::named("activation_mean");
const DEVIATION: Quantity = Quantity::named("activation_sd");
const SATURATED: Quantity = Quantity::named("saturated_fraction");
const DEAD: Quantity = Quantity::named("dead_fraction");

/// The size below which a slope counts as 0. Tanh has this slope where its output is 0.975.
const NO_SLOPE: f64 = 0.05;
/// The size below which an output counts as 0.
const NO_OUTPUT: f64 = 1e-6;

pub(super) fn measure<B: Kernels>(inspection: &Inspection<'_, B>) -> Vec<Reading<B>> {
    let layers = hidden_layers().zip(inspection.traces());
    layers.flat_map(|(place, trace)| readings(place, statistics(trace))).collect()
}

fn statistics<B: Kernels>(trace: &Trace<B>) -> [(Quantity, Tensor<B, 1>); 4] {
    let output = flat(&trace.activation);
    let mean = output.clone().mean_dim(1);
    let centered = output.clone() - mean.clone();
    let deviation = (centered.clone() * centered).mean_dim(1).sqrt();
    // A comparison with NaN is false; adding the mean times 0 makes the share NaN again.
    let zero_or_nan = mean.clone().mul_scalar(0.0);
    let saturated = share_below(flat(trace.slope()), NO_SLOPE) + zero_or_nan.clone();
    let dead = share_below(output, NO_OUTPUT) + zero_or_nan;
    [(MEAN, mean), (DEVIATION, deviation), (SATURATED, saturated), (DEAD, dead)]
        .map(|(quantity, values)| (quantity, values.squeeze_dim(1)))
}

/// Returns the share of each trial's values that are smaller than `size` in size, `[trials, 1]`.
fn share_below<B: Kernels>(values: Tensor<B, 2>, size: f64) -> Tensor<B, 2> {
    values.abs().lower_elem(size).float().mean_dim(1)
}

/// Reshapes `[trials, batch, units]` to `[trials, batch * units]`.
fn flat<B: Kernels>(values: &Tensor<B, 3>) -> Tensor<B, 2> {
    let [trials, batch, units] = values.dims();
    values.clone().reshape([trials, batch * units])
}
