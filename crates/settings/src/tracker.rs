//! Trackers, by name, and how often they measure. Their implementations are in the crate `tracker`.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::{Algorithm, FeedbackShape};

/// A measurement in addition to losses and error rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub enum Tracker {
    /// The cosine of the angle between a rule's update and backpropagation's.
    BpCosine(Sampled),
    /// The cosine of the angle between forward weights and feedback.
    WeightAlignment(Sampled),
    /// The local loss of each hidden layer.
    LocalLoss(Sampled),
    /// Norms of weight and bias gradients.
    Gradients(Sampled),
    /// Norms of weights and biases.
    Weights(Sampled),
    /// Mean, deviation and saturation of hidden outputs.
    Activations(Sampled),
    /// The share of hidden units with a constant output.
    DeadUnits(Sampled),
    /// The effective rank of hidden representations.
    EffectiveRank(Sampled),
    /// How each hidden layer of Forward-Forward tells examples with their own label from others.
    Goodness(Sampled),
    /// Bytes that a training step holds.
    Memory(Sampled),
    /// Training examples per second.
    Throughput,
    /// Joules of GPUs and processor packages; absent where no meter can be read.
    Energy,
    /// Distributions of weights, outputs and gradients.
    Histograms(SampledEpochs),
    /// Weights of the first layer and reconstructions as pictures.
    Images(SampledEpochs),
}

impl Tracker {
    /// Returns every tracker with default settings.
    pub fn all() -> [Self; 14] {
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
            Self::Goodness(steps),
            Self::Memory(steps),
            Self::Throughput,
            Self::Energy,
            Self::Histograms(epochs),
            Self::Images(epochs),
        ]
    }

    /// Returns the name in a pipeline file.
    pub fn name(self) -> &'static str {
        match self {
            Self::BpCosine(_) => "BpCosine",
            Self::WeightAlignment(_) => "WeightAlignment",
            Self::LocalLoss(_) => "LocalLoss",
            Self::Gradients(_) => "Gradients",
            Self::Weights(_) => "Weights",
            Self::Activations(_) => "Activations",
            Self::DeadUnits(_) => "DeadUnits",
            Self::EffectiveRank(_) => "EffectiveRank",
            Self::Goodness(_) => "Goodness",
            Self::Memory(_) => "Memory",
            Self::Throughput => "Throughput",
            Self::Energy => "Energy",
            Self::Histograms(_) => "Histograms",
            Self::Images(_) => "Images",
        }
    }
}

impl Tracker {
    /// Returns the names of the quantities that it measures.
    pub fn quantities(self) -> &'static [&'static str] {
        match self {
            Self::BpCosine(_) => &["bp_cosine", "bp_angle", "bp_cosine_signal", "bp_angle_signal"],
            Self::WeightAlignment(_) => &["weight_alignment", "weight_alignment_angle"],
            Self::LocalLoss(_) => &["local_loss_train", "local_loss_validation"],
            Self::Gradients(_) => &["weight_gradient_norm", "bias_gradient_norm"],
            Self::Weights(_) => &["weight_norm", "bias_norm"],
            Self::Activations(_) => {
                &["activation_mean", "activation_sd", "saturated_fraction", "dead_fraction"]
            }
            Self::DeadUnits(_) => &["dead_unit_fraction"],
            Self::EffectiveRank(_) => &["effective_rank"],
            Self::Goodness(_) => {
                &["goodness_positive", "goodness_negative", "goodness_accuracy", "goodness_loss", "peer_loss"]
            }
            Self::Memory(_) => &["activation_bytes"],
            Self::Throughput => &["examples_per_second"],
            Self::Energy => &["energy_gpu_joules", "energy_cpu_joules"],
            Self::Histograms(_) | Self::Images(_) => &[],
        }
    }

    /// Whether it measures anything while a network learns by `algorithm`.
    pub fn applies_to(self, algorithm: Algorithm) -> bool {
        match self {
            Self::BpCosine(_) => algorithm.trains_hidden_layers() && !algorithm.reads_labels(),
            Self::WeightAlignment(_) => algorithm.aligns_feedback() || algorithm.computes_backward_weights(),
            Self::LocalLoss(_) => algorithm.feedback() == Some(FeedbackShape::Target),
            Self::Goodness(_) => algorithm.reads_labels(),
            _ => true,
        }
    }

    /// Returns the revision of the values. Increase it when equal training gives other values: trials with the tracker are then trained
    /// again, and no others.
    pub fn revision(self) -> u32 {
        match self {
            // 2: norms have no lower bound, and steps without an angle are left out.
            Self::BpCosine(_) | Self::WeightAlignment(_) | Self::Gradients(_) => 2,
            _ => 1,
        }
    }
}

/// The training steps that a tracker measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sampled {
    /// The interval in steps, from the first step of each epoch; 1 is every batch.
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
    /// Whether the step is measured; `step` counts from 0 in each epoch.
    pub fn includes(self, step: u64) -> bool {
        step.is_multiple_of(u64::from(self.every.get()))
    }
}

/// The epochs that a tracker measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SampledEpochs {
    /// The interval in epochs; the first epoch is measured too.
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
    /// Whether the epoch is measured; `epoch` counts from 1.
    pub fn includes(self, epoch: u32) -> bool {
        epoch == 1 || epoch.is_multiple_of(self.every_epochs.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_and_every_nth_are_included() {
        let sampled = |every| Sampled { every: NonZeroU32::new(every).expect("not 0") };
        let steps =
            |every: u32| -> Vec<u64> { (0..25).filter(|&step| sampled(every).includes(step)).collect() };
        assert_eq!(steps(10), [0, 10, 20]);
        assert_eq!(steps(1).len(), 25);
        let epochs = |every| SampledEpochs { every_epochs: NonZeroU32::new(every).expect("not 0") };
        assert_eq!((1..=11).filter(|&epoch| epochs(5).includes(epoch)).collect::<Vec<_>>(), [1, 5, 10]);
        assert_eq!((1..=3).filter(|&epoch| epochs(1).includes(epoch)).count(), 3);
    }
}
