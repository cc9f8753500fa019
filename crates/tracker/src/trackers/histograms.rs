//! How are values distributed? Histograms of every layer's weights, outputs and weight gradients, over the last batch of
//! an epoch.

use burn::tensor::Tensor;
use model::Kernels;

use super::{SampledEpochs, hidden_layers};
use crate::{Exhibit, Gauge, Histogram, Inspection, Occasion, Place};

pub(super) struct Histograms(pub SampledEpochs);

impl<B: Kernels> Gauge<B> for Histograms {
    fn looks_at(&self, occasion: Occasion) -> bool {
        occasion.step + 1 == occasion.steps && self.0.looks_at(occasion.epoch)
    }

    fn exhibit(&self, inspection: &Inspection<'_, B>) -> Vec<Vec<Exhibit>> {
        let network = inspection.network;
        let [trials, _, _] = network.output.weight.value.dims();
        let mut exhibits = vec![Vec::new(); trials];
        let mut add = |place: Place, name: &str, values: &Tensor<B, 3>| {
            let data = values.to_data().convert::<f32>();
            let values = data.as_slice::<f32>().expect("the data was converted to f32");
            for (exhibits, values) in exhibits.iter_mut().zip(values.chunks_exact(values.len() / trials)) {
                exhibits.extend(
                    Histogram::of(values)
                        .map(|histogram| Exhibit::histogram(format!("{place}/{name}"), histogram)),
                );
            }
        };
        let layers = network.hidden.iter().zip(inspection.traces()).zip(inspection.taught());
        for (place, ((layer, trace), taught)) in hidden_layers().zip(layers) {
            add(place, "weights", &layer.weight.value);
            add(place, "activations", &trace.activation);
            add(place, "weight_gradients", &B::weight_gradient(&trace.input, &taught.delta.preactivation));
        }
        add(Place::Output, "weights", &network.output.weight.value);
        add(Place::Output, "weight_gradients", &B::weight_gradient(inspection.top(), inspection.error()));
        exhibits
    }
}
