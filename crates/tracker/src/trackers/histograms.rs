//! How are values distributed? Histograms of every layer's weights, outputs and weight gradients (weight decay included),
//! over the last batch of an epoch.

use burn::tensor::Tensor;
use model::{Input, Kernels};
use settings::{Place, Precision, SampledEpochs};

use super::{hidden_layers, host};
use crate::{Gauge, Inspection, StepInEpoch};
use history::{Exhibit, Histogram};

pub(super) struct Histograms(pub SampledEpochs);

impl<B: Kernels> Gauge<B> for Histograms {
    fn looks_at(&self, step: StepInEpoch) -> bool {
        step.step + 1 == step.steps && self.0.includes(step.epoch)
    }

    fn exhibit(&self, inspection: &Inspection<'_, B>) -> Vec<Vec<Exhibit>> {
        let network = inspection.network;
        let [trials, _, _] = network.output.weight.value.dims();
        let mut exhibits = vec![Vec::new(); trials];
        let mut add = |place: Place, name: &str, values: Tensor<B, 3>| {
            for (exhibits, values) in exhibits.iter_mut().zip(host(values)) {
                let tag = format!("{place}/{name}");
                exhibits.extend(Histogram::of(&values).map(|histogram| Exhibit::histogram(tag, histogram)));
            }
        };
        let gradient = |weight: &Tensor<B, 3>, input: &Input<B>, delta: &Tensor<B, 3>| {
            let gradient = B::weight_gradient(input, delta, Precision::Full);
            match inspection.weight_decay {
                Some(decay) => gradient + weight.clone() * decay.clone(),
                None => gradient,
            }
        };
        let layers = network.hidden.iter().zip(inspection.traces()).zip(inspection.taught());
        for (place, ((layer, trace), taught)) in hidden_layers().zip(layers) {
            let weight = &layer.weight.value;
            add(place, "weights", weight.clone());
            add(place, "activations", trace.activation.clone());
            add(place, "weight_gradients", gradient(weight, &trace.input, &taught.delta.preactivation));
        }
        let weight = &network.output.weight.value;
        add(Place::Output, "weights", weight.clone());
        add(Place::Output, "weight_gradients", gradient(weight, inspection.top(), inspection.error()));
        exhibits
    }
}
