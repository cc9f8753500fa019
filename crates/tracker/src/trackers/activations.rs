//! What do hidden layers say? Over all units and examples of a batch: `activation_mean` and `activation_sd`,
//! `saturated_fraction` (the slope is less than 0.05 in size, so that next to no teaching signal passes) and
//! `dead_fraction` (the output is 0).

use burn::tensor::Tensor;
use model::{Kernels, Trace};

use super::{hidden_layers, readings};
use crate::{Gauge, Inspection, Reading, StepInEpoch};
use settings::{Quantity, Sampled};

const MEAN: Quantity = Quantity::named("activation_mean");
const DEVIATION: Quantity = Quantity::named("activation_sd");
const SATURATED: Quantity = Quantity::named("saturated_fraction");
const DEAD: Quantity = Quantity::named("dead_fraction");

/// Slopes below this size count as none; tanh has it where its output is 0.975.
const NO_SLOPE: f64 = 0.05;
/// Outputs below this size count as 0.
const NO_OUTPUT: f64 = 1e-6;

pub(super) struct Activations(pub Sampled);

impl<B: Kernels> Gauge<B> for Activations {
    fn looks_at(&self, step: StepInEpoch) -> bool {
        self.0.includes(step.step)
    }

    fn inspect(&self, inspection: &Inspection<'_, B>) -> Vec<Reading<B>> {
        let layers = hidden_layers().zip(inspection.traces());
        layers.flat_map(|(place, trace)| readings(place, statistics(trace))).collect()
    }
}

fn statistics<B: Kernels>(trace: &Trace<B>) -> [(Quantity, Tensor<B, 1>); 4] {
    let output = flat(&trace.activation);
    let mean = output.clone().mean_dim(1);
    let centered = output.clone() - mean.clone();
    let deviation = (centered.clone() * centered).mean_dim(1).sqrt();
    // NaN is below nothing; the mean times 0 brings it back.
    let share_below = |values: Tensor<B, 2>, size| {
        values.abs().lower_elem(size).float().mean_dim(1) + mean.clone().mul_scalar(0.0)
    };
    let saturated = share_below(flat(trace.slope()), NO_SLOPE);
    let dead = share_below(output, NO_OUTPUT);
    let of_trials = |values: Tensor<B, 2>| values.squeeze_dim(1);
    [
        (MEAN, of_trials(mean)),
        (DEVIATION, of_trials(deviation)),
        (SATURATED, of_trials(saturated)),
        (DEAD, of_trials(dead)),
    ]
}

/// `[trials, batch * units]`.
fn flat<B: Kernels>(values: &Tensor<B, 3>) -> Tensor<B, 2> {
    let [trials, batch, units] = values.dims();
    values.clone().reshape([trials, batch * units])
}
