//! Alignment of a rule with backpropagation.
//!
//! `bp_cosine` is the cosine of the angle between a hidden layer's weight gradient and backpropagation's for the same pass,
//! weight decay included in both. `bp_cosine_signal` is that of the error signals at the layer's output (Nøkland 2016,
//! arXiv:1609.01596: learning needs an angle below 90 degrees). Both are 1 for backpropagation. `bp_angle` and `bp_angle_signal`
//! are the angles in degrees. A step in which one of the two vectors is exactly zero is left out of an epoch's mean.

use kernels::Kernels;

use super::{Cosine, cosines, hidden_layers};
use crate::{
    Inspection, Reading,
    weight_gradients::{GradientSpace, cosine_between},
};

const WEIGHTS: Cosine = Cosine::named("bp_cosine", "bp_angle");
const SIGNALS: Cosine = Cosine::named("bp_cosine_signal", "bp_angle_signal");

pub(super) fn measure<B: Kernels>(inspection: &Inspection<'_, B>) -> Vec<Reading<B>> {
    let layers = inspection.network.hidden.iter().zip(inspection.traces());
    let Some(exact) = inspection.exact_signals() else { return Vec::new() };
    let signals = inspection.layer_signals().iter().zip(exact);
    hidden_layers()
        .zip(layers.zip(signals))
        .flat_map(|(place, ((layer, trace), (own, exact)))| {
            let weight = &layer.weight.value;
            let decay = inspection.weight_decay(place);
            let both = [own, exact];
            let [own_gradient, exact_gradient] = if own.second_input.is_some() {
                both.map(|signal| {
                    let space = GradientSpace::of_gradients(signal.input(&trace.input), weight, decay);
                    space.gradient(&signal.delta.preactivation)
                })
            } else {
                let space = GradientSpace::new(&trace.input, weight, decay, 2);
                both.map(|signal| space.gradient(&signal.delta.preactivation))
            };
            let signals = cosine_between(&own.signal, &exact.signal);
            cosines(place, [(WEIGHTS, own_gradient.cosine(&exact_gradient)), (SIGNALS, signals)])
        })
        .collect()
}
