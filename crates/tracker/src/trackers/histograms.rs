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
    let layers = network.hidden.iter().chain([&network.output]);
    let places = hidden_layers().take(network.hidden.len()).chain([Place::Output]);
    let signals = inspection.inputs().zip(inspection.layer_signals());
    for (index, ((place, layer), (input, signal))) in places.zip(layers).zip(signals).enumerate() {
        let weight = &layer.weight.value;
        let gradient = B::weight_gradient(signal.input(input), &signal.delta.preactivation, Precision::Full);
        add(&mut exhibits, place, "weights", weight.plain());
        if let Some(trace) = inspection.traces().get(index) {
            add(&mut exhibits, place, "activations", trace.activation.clone());
        }
        add(&mut exhibits, place, "weight_gradients", inspection.with_decay(gradient, weight, place).plain());
    }
    exhibits
}

/// Adds a histogram of each trial's values, where they have one.
fn add<B: Kernels>(exhibits: &mut [Vec<Exhibit>], place: Place, name: &str, values: Tensor<B, 3>) {
    for (exhibits, values) in exhibits.iter_mut().zip(host(values)) {
        let tag = format!("{place}/{name}");
        exhibits.extend(Histogram::of(&values).map(|histogram| Exhibit::histogram(tag, histogram)));
    }
}
