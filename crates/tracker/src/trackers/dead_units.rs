//! Constant units: `dead_unit_fraction`, the share of a hidden layer's units with the same output for every example of a
//! batch, like a ReLU that is never active or a tanh that is stuck at 1. Absent for batches of one example.

use kernels::Kernels;
use settings::Quantity;

use super::{hidden_layers, readings};
use crate::{Inspection, Reading};

const DEAD: Quantity = Quantity::named("dead_unit_fraction");

/// The difference below which outputs count as the same.
const SAME: f64 = 1e-6;

pub(super) fn measure<B: Kernels>(inspection: &Inspection<'_, B>) -> Vec<Reading<B>> {
    hidden_layers()
        .zip(inspection.traces())
        .flat_map(|(place, trace)| {
            let output = &trace.activation;
            let [trials, batch, _] = output.dims();
            let range = output.clone().max_dim(1) - output.clone().min_dim(1);
            // A comparison with NaN is false; adding the mean times 0 makes the share NaN again.
            let zero_or_nan = output.clone().mean_dim(1).mean_dim(2).mul_scalar(0.0);
            let share = (range.lower_elem(SAME).float().mean_dim(2) + zero_or_nan).reshape([trials]);
            readings(place, (batch > 1).then_some((DEAD, share)))
        })
        .collect()
}
