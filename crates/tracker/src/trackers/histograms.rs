//! Distributions: histograms of every layer's weights, outputs and weight gradients (weight decay included), over the last
//! batch of an epoch.

use burn::tensor::Tensor;
use history::{Exhibit, Histogram};
use kernels::Kernels;
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
        let gradient = B::weight_gradient(&trace.input, &signal.delta.preactivation, Precision::Full);
        add(&mut exhibits, place, "weights", weight.plain());
        add(&mut exhibits, place, "activations", trace.activation.clone());
        add(&mut exhibits, place, "weight_gradients", inspection.with_decay(gradient, weight, place).plain());
    }
    let weight = &network.output.weight.value;
    let gradient = B::weight_gradient(inspection.top(), inspection.error(), Precision::Full);
    add(&mut exhibits, Place::Output, "weights", weight.plain());
    let gradient = inspection.with_decay(gradient, weight, Place::Output);
    add(&mut exhibits, Place::Output, "weight_gradients", gradient.plain());
    exhibits
}

/// Adds a histogram of each trial's values, where they have one.
fn add<B: Kernels>(exhibits: &mut [Vec<Exhibit>], place: Place, name: &str, values: Tensor<B, 3>) {
    for (exhibits, values) in exhibits.iter_mut().zip(host(values)) {
        let tag = format!("{place}/{name}");
        exhibits.extend(Histogram::of(&values).map(|histogram| Exhibit::histogram(tag, histogram)));
    }
}
