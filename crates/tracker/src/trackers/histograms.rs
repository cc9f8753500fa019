//! Distributions: histograms of every layer's weights, outputs and weight gradients (weight decay included), over the last
//! batch of an epoch.

use burn::tensor::Tensor;
use history::{Exhibit, Histogram};
use model::{Input, Kernels};
use settings::{Place, Precision};

use super::{hidden_layers, host};
use crate::Inspection;

pub(super) fn exhibits<B: Kernels>(inspection: &Inspection<'_, B>) -> Vec<Vec<Exhibit>> {
    let network = inspection.network;
    let [trials, _, _] = network.output.weight.value.dims();
    let mut exhibits = vec![Vec::new(); trials];
    let layers = network.hidden.iter().zip(inspection.traces()).zip(inspection.layer_signals());
    for (place, ((layer, trace), signal)) in hidden_layers().zip(layers) {
        let weight = &layer.weight.value;
        let gradient = weight_gradient(inspection, weight, &trace.input, &signal.delta.preactivation);
        add(&mut exhibits, place, "weights", weight.clone());
        add(&mut exhibits, place, "activations", trace.activation.clone());
        add(&mut exhibits, place, "weight_gradients", gradient);
    }
    let weight = &network.output.weight.value;
    let gradient = weight_gradient(inspection, weight, inspection.top(), inspection.error());
    add(&mut exhibits, Place::Output, "weights", weight.clone());
    add(&mut exhibits, Place::Output, "weight_gradients", gradient);
    exhibits
}

/// Returns the gradient of `weight`, `[trials, inputs, units]`, weight decay included.
fn weight_gradient<B: Kernels>(
    inspection: &Inspection<'_, B>,
    weight: &Tensor<B, 3>,
    input: &Input<B>,
    delta: &Tensor<B, 3>,
) -> Tensor<B, 3> {
    let gradient = B::weight_gradient(input, delta, Precision::Full);
    match inspection.weight_decay {
        Some(decay) => gradient + weight.clone() * decay.clone(),
        None => gradient,
    }
}

/// Adds a histogram of each trial's values, where they have one.
fn add<B: Kernels>(exhibits: &mut [Vec<Exhibit>], place: Place, name: &str, values: Tensor<B, 3>) {
    for (exhibits, values) in exhibits.iter_mut().zip(host(values)) {
        let tag = format!("{place}/{name}");
        exhibits.extend(Histogram::of(&values).map(|histogram| Exhibit::histogram(tag, histogram)));
    }
}
