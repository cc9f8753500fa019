//! Size of the gradients: `weight_gradient_norm` and `bias_gradient_norm`, Frobenius norms, weight decay included. A bias in
//! front of batch norm has none.

use kernels::Kernels;
use model::Delta;
use settings::{Place, Quantity};

use super::{hidden_layers, readings};
use crate::{
    Inspection, Reading,
    weight_gradients::{GradientSpace, norm},
};

const WEIGHT: Quantity = Quantity::named("weight_gradient_norm");
const BIAS: Quantity = Quantity::named("bias_gradient_norm");

pub(super) fn measure<B: Kernels>(inspection: &Inspection<'_, B>) -> Vec<Reading<B>> {
    let error = Delta { preactivation: inspection.error().clone(), normalized: None };
    let traces = inspection.traces().iter().map(|trace| &trace.input).chain([inspection.top()]);
    let deltas = inspection.layer_signals().iter().map(|signal| &signal.delta).chain([&error]);
    let layers = inspection.network.hidden.iter().chain([&inspection.network.output]);
    let places = hidden_layers().take(inspection.network.hidden.len()).chain([Place::Output]);
    places
        .zip(layers)
        .zip(traces.zip(deltas))
        .flat_map(|((place, layer), (input, delta))| {
            let space = GradientSpace::new(input, &layer.weight.value, inspection.weight_decay(place), 1);
            let weight = space.gradient(&delta.preactivation).norm();
            let has_bias = layer.bias.is_some() && delta.normalized.is_none();
            let bias = has_bias.then(|| norm(&B::bias_gradient(&delta.preactivation)));
            readings(place, [(WEIGHT, weight)].into_iter().chain(bias.map(|bias| (BIAS, bias))))
        })
        .collect()
}
