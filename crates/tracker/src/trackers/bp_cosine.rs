//! Alignment of a rule with backpropagation.
//!
//! `bp_cosine` is the cosine of the angle between a hidden layer's weight gradient and backpropagation's for the same pass,
//! weight decay included in both. `bp_cosine_signal` is that of the error signals at the layer's output (Nøkland 2016,
//! arXiv:1609.01596: learning needs an angle below 90 degrees). Both are 1 for backpropagation.

use kernels::Kernels;
use settings::Quantity;

use super::{hidden_layers, readings};
use crate::{
    Inspection, Reading,
    weight_gradients::{GradientSpace, cosine, norm},
};

const WEIGHTS: Quantity = Quantity::named("bp_cosine");
const SIGNALS: Quantity = Quantity::named("bp_cosine_signal");

pub(super) fn measure<B: Kernels>(inspection: &Inspection<'_, B>) -> Vec<Reading<B>> {
    let layers = inspection.network.hidden.iter().zip(inspection.traces());
    let signals = inspection.layer_signals().iter().zip(inspection.exact_signals());
    hidden_layers()
        .zip(layers.zip(signals))
        .flat_map(|(place, ((layer, trace), (own, exact)))| {
            let weight = &layer.weight.value;
            let space = GradientSpace::new(&trace.input, weight, inspection.weight_decay(place), 2);
            let [own_gradient, exact_gradient] =
                [own, exact].map(|signal| space.gradient(&signal.delta.preactivation));
            let weights = cosine(
                own_gradient.inner_product(&exact_gradient),
                own_gradient.norm(),
                exact_gradient.norm(),
            );
            let signals = B::inner_product(&own.signal, &exact.signal);
            let signals = cosine(signals, norm(&own.signal), norm(&exact.signal));
            readings(place, [(WEIGHTS, weights), (SIGNALS, signals)])
        })
        .collect()
}
