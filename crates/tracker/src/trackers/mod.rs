//! The list of trackers. A new one is a file in this folder, and its lines here.

mod activations;
mod bp_cosine;
mod dead_units;
mod effective_rank;
mod energy;
mod goodness;
mod gradients;
mod histograms;
mod images;
mod local_loss;
mod memory;
mod throughput;
mod weight_alignment;
mod weights;

use burn::tensor::Tensor;
use kernels::Kernels;
use machine::energy::Share;

use settings::{Metric, Place, Quantity, Tracker};

use crate::{Measurement, Reading, Value};

pub fn measurements<B: Kernels>(tracker: Tracker) -> Vec<Measurement<B>> {
    match tracker {
        Tracker::BpCosine(sampled) => vec![Measurement::Step(sampled, bp_cosine::measure)],
        Tracker::WeightAlignment(sampled) => vec![Measurement::Step(sampled, weight_alignment::measure)],
        Tracker::LocalLoss(sampled) => vec![
            Measurement::Step(sampled, local_loss::measure_step),
            Measurement::Evaluation(local_loss::measure_evaluation),
        ],
        Tracker::Gradients(sampled) => vec![Measurement::Step(sampled, gradients::measure)],
        Tracker::Weights(sampled) => vec![Measurement::Step(sampled, weights::measure)],
        Tracker::Activations(sampled) => vec![Measurement::Step(sampled, activations::measure)],
        Tracker::DeadUnits(sampled) => vec![Measurement::Step(sampled, dead_units::measure)],
        Tracker::EffectiveRank(sampled) => vec![Measurement::Step(sampled, effective_rank::measure)],
        Tracker::Goodness(sampled) => vec![Measurement::Step(sampled, goodness::measure)],
        Tracker::Memory(sampled) => vec![Measurement::StepMemory(sampled, memory::measure)],
        Tracker::Throughput => vec![Measurement::Pace(throughput::measure)],
        Tracker::Energy => vec![Measurement::Meter(Box::new(energy::Energy(Share::open())))],
        Tracker::Histograms(epochs) => vec![Measurement::LastStepExhibits(epochs, histograms::exhibits)],
        Tracker::Images(epochs) => vec![Measurement::EvaluationExhibits(epochs, images::exhibits)],
    }
}

fn host<B: Kernels>(values: Tensor<B, 3>) -> Vec<Vec<f32>> {
    let [trials, _, _] = values.dims();
    let flat: Vec<f32> =
        values.into_data().convert::<f32>().into_vec().expect("the data was converted to f32");
    flat.chunks_exact(flat.len() / trials).map(<[f32]>::to_vec).collect()
}

/// Returns the names of the hidden layers, from the input up.
fn hidden_layers() -> impl Iterator<Item = Place> {
    (1..).map(Place::Layer)
}

fn readings<B: Kernels>(
    place: Place,
    values: impl IntoIterator<Item = (Quantity, Tensor<B, 1>)>,
) -> Vec<Reading<B>> {
    values
        .into_iter()
        .map(|(quantity, value)| Reading {
            metric: Metric::At { place, quantity },
            value: Value::PerTrial(value),
        })
        .collect()
}

/// The names of a cosine and of its angle.
#[derive(Clone)]
struct Cosine {
    cosine: Quantity,
    angle: Quantity,
}

impl Cosine {
    const fn named(cosine: &'static str, angle: &'static str) -> Self {
        Self { cosine: Quantity::named(cosine), angle: Quantity::named(angle) }
    }
}

/// Returns readings of cosines, `[trials]`, which are infinite where there is no angle.
fn cosines<B: Kernels>(
    place: Place,
    values: impl IntoIterator<Item = (Cosine, Tensor<B, 1>)>,
) -> Vec<Reading<B>> {
    values
        .into_iter()
        .map(|(Cosine { cosine, angle }, values)| Reading {
            metric: Metric::At { place, quantity: cosine },
            value: Value::Cosine { values, angle: Metric::At { place, quantity: angle } },
        })
        .collect()
}

/// Returns a reading at `place` that is the same for all trials.
fn common_reading<B: Kernels>(place: Place, quantity: Quantity, value: f64) -> Reading<B> {
    Reading { metric: Metric::At { place, quantity }, value: Value::Common(value) }
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
