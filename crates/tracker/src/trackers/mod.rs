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

use std::num::NonZeroU32;

use burn::tensor::Tensor;
use machine::energy::Share;
use model::Kernels;
use serde::{Deserialize, Serialize};

use crate::{Gauge, Metric, Place, Quantity, Reading, StepInEpoch, Value};

/// What is measured beside losses and error rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub enum Tracker {
    /// The angle between a rule's update and backpropagation's.
    BpCosine(Sampled),
    /// The angle between forward weights and the feedback.
    WeightAlignment(Sampled),
    /// The loss of each hidden layer.
    LocalLoss(Sampled),
    /// Norms of gradients.
    Gradients(Sampled),
    /// Norms of parameters.
    Weights(Sampled),
    /// Mean, deviation, saturation of hidden outputs.
    Activations(Sampled),
    /// Units that tell nothing.
    DeadUnits(Sampled),
    /// Directions that a hidden representation uses.
    EffectiveRank(Sampled),
    /// Bytes that a step holds.
    Memory(Sampled),
    /// Examples per second.
    Throughput,
    /// Joules of GPUs and processor packages; absent where no meter can be read.
    Energy,
    /// Distributions of weights, outputs and gradients.
    Histograms(SampledEpochs),
    /// First weights and reconstructions as pictures.
    Images(SampledEpochs),
}

impl Tracker {
    /// Every tracker at its defaults.
    #[must_use]
    pub fn all() -> [Self; 13] {
        let (steps, epochs) = (Sampled::default(), SampledEpochs::default());
        [
            Self::BpCosine(steps),
            Self::WeightAlignment(steps),
            Self::LocalLoss(steps),
            Self::Gradients(steps),
            Self::Weights(steps),
            Self::Activations(steps),
            Self::DeadUnits(steps),
            Self::EffectiveRank(steps),
            Self::Memory(steps),
            Self::Throughput,
            Self::Energy,
            Self::Histograms(epochs),
            Self::Images(epochs),
        ]
    }

    /// The tracker itself.
    #[must_use]
    pub fn gauge<B: Kernels>(self) -> Box<dyn Gauge<B>> {
        match self {
            Self::BpCosine(sampled) => Box::new(bp_cosine::BpCosine(sampled)),
            Self::WeightAlignment(sampled) => Box::new(weight_alignment::WeightAlignment(sampled)),
            Self::LocalLoss(sampled) => Box::new(local_loss::LocalLoss(sampled)),
            Self::Gradients(sampled) => Box::new(gradients::Gradients(sampled)),
            Self::Weights(sampled) => Box::new(weights::Weights(sampled)),
            Self::Activations(sampled) => Box::new(activations::Activations(sampled)),
            Self::DeadUnits(sampled) => Box::new(dead_units::DeadUnits(sampled)),
            Self::EffectiveRank(sampled) => Box::new(effective_rank::EffectiveRank(sampled)),
            Self::Memory(sampled) => Box::new(memory::Memory(sampled)),
            Self::Throughput => Box::new(throughput::Throughput),
            Self::Energy => Box::new(energy::Energy(Share::open())),
            Self::Histograms(sampled) => Box::new(histograms::Histograms(sampled)),
            Self::Images(sampled) => Box::new(images::Images(sampled)),
        }
    }

    /// Its name in a pipeline file.
    #[must_use]
    pub fn name(self) -> String {
        let text = format!("{self:?}");
        text.split('(').next().expect("a split gives at least one piece").to_owned()
    }
}

/// Which training steps a tracker looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sampled {
    /// The first step of an epoch, and every so many-th after it; 1 is every batch.
    #[serde(skip_serializing_if = "is_default_every")]
    pub every: NonZeroU32,
}

impl Default for Sampled {
    fn default() -> Self {
        Self { every: const { NonZeroU32::new(10).expect("it is 10") } }
    }
}

fn is_default_every(every: &NonZeroU32) -> bool {
    *every == Sampled::default().every
}

impl Sampled {
    fn looks_at(self, occasion: StepInEpoch) -> bool {
        occasion.step.is_multiple_of(u64::from(self.every.get()))
    }
}

/// Which epochs a tracker looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SampledEpochs {
    /// The first epoch, and every so many-th.
    #[serde(skip_serializing_if = "is_default_every_epochs")]
    pub every_epochs: NonZeroU32,
}

impl Default for SampledEpochs {
    fn default() -> Self {
        Self { every_epochs: const { NonZeroU32::new(5).expect("it is 5") } }
    }
}

fn is_default_every_epochs(every: &NonZeroU32) -> bool {
    *every == SampledEpochs::default().every_epochs
}

impl SampledEpochs {
    fn looks_at(self, epoch: u32) -> bool {
        epoch == 1 || epoch.is_multiple_of(self.every_epochs.get())
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
            Tracker::all().iter().map(|tracker| snake_case(&tracker.name())).collect();
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

    #[test]
    fn the_first_step_and_every_so_many_th_are_looked_at() {
        let sampled = |every| Sampled { every: NonZeroU32::new(every).expect("not 0") };
        let steps = |every: u32| -> Vec<u64> {
            let occasion = |step| StepInEpoch { epoch: 3, step, steps: 25 };
            (0..25).filter(|&step| sampled(every).looks_at(occasion(step))).collect()
        };
        assert_eq!(steps(10), [0, 10, 20]);
        assert_eq!(steps(1).len(), 25);
        let epochs = |every| SampledEpochs { every_epochs: NonZeroU32::new(every).expect("not 0") };
        assert_eq!((1..=11).filter(|&epoch| epochs(5).looks_at(epoch)).collect::<Vec<_>>(), [1, 5, 10]);
        assert_eq!((1..=3).filter(|&epoch| epochs(1).looks_at(epoch)).count(), 3);
    }
}
