//! Size of the parameters: `weight_norm` and `bias_norm`, Frobenius norms before the update.

use kernels::Kernels;
use settings::{Place, Quantity};

use super::{hidden_layers, readings};
use crate::{
    Inspection, Reading,
    weight_gradients::{norm, norm_of_weights},
};

const WEIGHT: Quantity = Quantity::named("weight_norm");
const BIAS: Quantity = Quantity::named("bias_norm");

pub(super) fn measure<B: Kernels>(inspection: &Inspection<'_, B>) -> Vec<Reading<B>> {
    let network = inspection.network;
    hidden_layers()
        .zip(&network.hidden)
        .chain([(Place::Output, &network.output)])
        .flat_map(|(place, layer)| {
            let bias = layer.bias.as_ref().map(|bias| (BIAS, norm(&bias.value)));
            readings(place, [(WEIGHT, norm_of_weights(&layer.weight.value))].into_iter().chain(bias))
        })
        .collect()
}
