//! Size of the gradients: `weight_gradient_norm` and `bias_gradient_norm`, Frobenius norms, weight decay included. A bias in
//! front of batch norm has none.

use kernels::Kernels;
use settings::{Place, Quantity};

use super::{hidden_layers, readings};
use crate::{
    Inspection, Reading,
    weight_gradients::{GradientSpace, norm},
};

const WEIGHT: Quantity = Quantity::named("weight_gradient_norm");
const BIAS: Quantity = Quantity::named("bias_gradient_norm");

pub(super) fn measure<B: Kernels>(inspection: &Inspection<'_, B>) -> Vec<Reading<B>> {
    let layers = inspection.network.hidden.iter().chain([&inspection.network.output]);
    let places = hidden_layers().take(inspection.network.hidden.len()).chain([Place::Output]);
    places
        .zip(layers)
        .zip(inspection.inputs().zip(inspection.layer_signals()))
        .flat_map(|((place, layer), (input, signal))| {
            let (input, delta) = (signal.input(input), &signal.delta);
            let space = GradientSpace::new(input, &layer.weight.value, inspection.weight_decay(place), 1);
            let weight = space.gradient(&delta.preactivation).norm();
            let has_bias = layer.bias.is_some() && delta.normalized.is_none();
            let bias = has_bias.then(|| norm(&B::bias_gradient(&delta.preactivation)));
            readings(place, [(WEIGHT, weight)].into_iter().chain(bias.map(|bias| (BIAS, bias))))
        })
        .collect()
}
