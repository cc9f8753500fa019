//! Which units tell nothing? `dead_unit_fraction`: the share of a hidden layer's units that say the same to every example
//! of a batch, like a rectified unit that is never active or a tanh that is stuck at 1. A batch of one example tells nothing.

use model::Kernels;

use super::{hidden_layers, readings};
use crate::{Gauge, Inspection, Reading, StepInEpoch};
use settings::{Quantity, Sampled};

const DEAD: Quantity = Quantity::named("dead_unit_fraction");

/// Outputs that differ by less count as the same.
const SAME: f64 = 1e-6;

pub(super) struct DeadUnits(pub Sampled);

impl<B: Kernels> Gauge<B> for DeadUnits {
    fn looks_at(&self, step: StepInEpoch) -> bool {
        self.0.includes(step.step)
    }

    fn inspect(&self, inspection: &Inspection<'_, B>) -> Vec<Reading<B>> {
        hidden_layers()
            .zip(inspection.traces())
            .flat_map(|(place, trace)| {
                let output = &trace.activation;
                let [trials, batch, _] = output.dims();
                let range = output.clone().max_dim(1) - output.clone().min_dim(1);
                // NaN is below nothing; the mean times 0 brings it back.
                let nothing = output.clone().mean_dim(1).mean_dim(2).mul_scalar(0.0);
                let share = (range.lower_elem(SAME).float().mean_dim(2) + nothing).reshape([trials]);
                readings(place, (batch > 1).then_some((DEAD, share)))
            })
            .collect()
    }
}
