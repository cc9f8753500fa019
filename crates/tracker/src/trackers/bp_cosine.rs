//! Does a rule's update point where backpropagation's would?
//!
//! `bp_cosine` is the cosine of the angle between a hidden layer's weight gradient and the one that backpropagation has
//! for the same pass, weight decay included in both; `bp_cosine_signal` the same of the teaching signals at the layer's
//! output (Nøkland 2016, arXiv:1609.01596: learning needs an angle below 90 degrees). Both are 1 for backpropagation.

use model::Kernels;

use super::{hidden_layers, readings};
use crate::{
    Gauge, Inspection, Reading, StepInEpoch,
    weight_gradients::{GradientSpace, cosine, norm},
};
use settings::{Quantity, Sampled};

const WEIGHTS: Quantity = Quantity::named("bp_cosine");
const SIGNALS: Quantity = Quantity::named("bp_cosine_signal");

pub(super) struct BpCosine(pub Sampled);

impl<B: Kernels> Gauge<B> for BpCosine {
    fn looks_at(&self, step: StepInEpoch) -> bool {
        self.0.includes(step.step)
    }

    fn inspect(&self, inspection: &Inspection<'_, B>) -> Vec<Reading<B>> {
        let layers = inspection.network.hidden.iter().zip(inspection.traces());
        let taught = inspection.taught().iter().zip(inspection.exactly_taught());
        hidden_layers()
            .zip(layers.zip(taught))
            .flat_map(|(place, ((layer, trace), (taught, exact)))| {
                let weight = &layer.weight.value;
                let space = GradientSpace::new(&trace.input, weight, inspection.weight_decay, 2);
                let [own, bp] = [taught, exact].map(|taught| space.gradient(&taught.delta.preactivation));
                let weights = cosine(own.inner_product(&bp), own.norm(), bp.norm());
                let signals = B::inner_product(&taught.signal, &exact.signal);
                let signals = cosine(signals, norm(&taught.signal), norm(&exact.signal));
                readings(place, [(WEIGHTS, weights), (SIGNALS, signals)])
            })
            .collect()
    }
}
