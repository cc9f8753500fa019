//! How large are the parameters? `weight_norm` and `bias_norm`: Frobenius norms, before the update.

use model::Kernels;

use super::{hidden_layers, readings};
use crate::{Gauge, Inspection, Reading, StepInEpoch, weight_gradients::norm};
use settings::{Place, Quantity, Sampled};

const WEIGHT: Quantity = Quantity::named("weight_norm");
const BIAS: Quantity = Quantity::named("bias_norm");

pub(super) struct Weights(pub Sampled);

impl<B: Kernels> Gauge<B> for Weights {
    fn looks_at(&self, step: StepInEpoch) -> bool {
        self.0.includes(step.step)
    }

    fn inspect(&self, inspection: &Inspection<'_, B>) -> Vec<Reading<B>> {
        let network = inspection.network;
        let hidden = hidden_layers().zip(&network.hidden);
        hidden
            .chain([(Place::Output, &network.output)])
            .flat_map(|(place, layer)| {
                let bias = layer.bias.as_ref().map(|bias| (BIAS, norm(&bias.value)));
                readings(place, [(WEIGHT, norm(&layer.weight.value))].into_iter().chain(bias))
            })
            .collect()
    }
}
