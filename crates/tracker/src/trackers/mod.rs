//! The one list of trackers. A new one is a file beside this one, and its lines here.

mod activations;
mod bp_cosine;
mod dead_units;
mod effective_rank;
mod energy;
mod gradients;
mod histograms;
mod images;
mod local_loss;
mod memory;
mod throughput;
mod weight_alignment;
mod weights;

use burn::tensor::Tensor;
use machine::energy::Share;
use model::Kernels;

use settings::{Metric, Place, Quantity, Tracker};

use crate::{Gauge, Reading, Value};

/// Returns the implementation of `tracker`.
#[must_use]
pub fn gauge<B: Kernels>(tracker: Tracker) -> Box<dyn Gauge<B>> {
    match tracker {
        Tracker::BpCosine(sampled) => Box::new(bp_cosine::BpCosine(sampled)),
        Tracker::WeightAlignment(sampled) => Box::new(weight_alignment::WeightAlignment(sampled)),
        Tracker::LocalLoss(sampled) => Box::new(local_loss::LocalLoss(sampled)),
        Tracker::Gradients(sampled) => Box::new(gradients::Gradients(sampled)),
        Tracker::Weights(sampled) => Box::new(weights::Weights(sampled)),
        Tracker::Activations(sampled) => Box::new(activations::Activations(sampled)),
        Tracker::DeadUnits(sampled) => Box::new(dead_units::DeadUnits(sampled)),
        Tracker::EffectiveRank(sampled) => Box::new(effective_rank::EffectiveRank(sampled)),
        Tracker::Memory(sampled) => Box::new(memory::Memory(sampled)),
        Tracker::Throughput => Box::new(throughput::Throughput),
        Tracker::Energy => Box::new(energy::Energy(Share::open())),
        Tracker::Histograms(sampled) => Box::new(histograms::Histograms(sampled)),
        Tracker::Images(sampled) => Box::new(images::Images(sampled)),
    }
}

/// The values of each trial, read from the device.
fn host<B: Kernels>(values: Tensor<B, 3>) -> Vec<Vec<f32>> {
    let [trials, _, _] = values.dims();
    let flat: Vec<f32> =
        values.into_data().convert::<f32>().into_vec().expect("the data was converted to f32");
    flat.chunks_exact(flat.len() / trials).map(<[f32]>::to_vec).collect()
}

/// The names of the hidden layers, from the input up.
fn hidden_layers() -> impl Iterator<Item = Place> {
    (1..).map(Place::Layer)
}

/// Values of each trial, measured at `place`.
fn readings<B: Kernels>(
    place: Place,
    values: impl IntoIterator<Item = (Quantity, Tensor<B, 1>)>,
) -> Vec<Reading<B>> {
    let reading =
        |(quantity, value)| Reading { metric: Metric::At { place, quantity }, value: Value::PerTrial(value) };
    values.into_iter().map(reading).collect()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn every_file_of_this_folder_is_a_tracker_of_the_list() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/trackers");
        let files = fs::read_dir(folder).expect("the tests run where the crate was built");
        let stems: BTreeSet<String> = files
            .map(|entry| entry.expect("the folder can be listed").path())
            .map(|path| path.file_stem().expect("it has a name").to_string_lossy().into_owned())
            .filter(|stem| stem != "mod")
            .collect();
        let listed: BTreeSet<String> =
            Tracker::all().iter().map(|tracker| snake_case(tracker.name())).collect();
        assert_eq!(stems, listed);
    }

    fn snake_case(name: &str) -> String {
        let mut snake = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !snake.is_empty() {
                snake.push('_');
            }
            snake.extend(letter.to_lowercase());
        }
        snake
    }
}
