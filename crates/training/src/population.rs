//! What a population is made of.

use algorithms::Algorithm;
use model::{Architecture, Initialization, Precision, Squash};
use serde::{Deserialize, Serialize};
use tracker::Tracker;

/// Trials of one shape, which train in lock-step as one tensor program.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    /// Of every network.
    pub architecture: Architecture,
    /// Brings values into the range of the scaled images, for losses in target space.
    pub squash: Squash,
    /// Of products with the weights.
    pub precision: Precision,
    /// At most so many epochs.
    pub epochs: u32,
    /// Examples of a training batch; a last batch that would be shorter is dropped.
    pub batch_size: usize,
    /// What is measured beside losses and error rates. Changes nothing of what is learned. Trackers look at trials of one
    /// rule.
    pub trackers: Vec<Tracker>,
    /// What the trials differ in. Those of one rule stand together, or a step has more to do.
    pub trials: Vec<TrialSettings>,
}

/// How forward weights start. Biases start at zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FirstWeights {
    /// Drawn from streams of their own, [`Initialization::Orthogonal`].
    Orthogonal,
    /// Drawn from streams of their own, [`Initialization::LecunNormal`].
    LecunNormal,
    /// Equal to what the feedback matrices ask for; the first layer, which nothing asks, is drawn orthogonal.
    Aligned,
}

/// What a trial may have of its own within a population.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrialSettings {
    /// The rule that teaches the network.
    pub algorithm: Algorithm,
    /// How forward weights start.
    pub first_weights: FirstWeights,
    /// How feedback matrices are drawn; absent where the rule has none.
    pub feedback: Option<Initialization>,
    /// Seed of every random stream.
    pub seed: u64,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// Share of hidden units dropped in training, 0 to below 1.
    pub dropout: f64,
    /// L2 coefficient of all weight matrices.
    pub weight_decay: f64,
}
