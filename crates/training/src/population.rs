//! What a population is made of.

use algorithms::Algorithm;
use model::{Architecture, Initialization, Squash};
use serde::{Deserialize, Serialize};
use tracker::Tracker;

/// Trials of one shape and one rule, which train in lock-step as one tensor program.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    /// Of every network.
    pub architecture: Architecture,
    /// The rule that teaches every network.
    pub algorithm: Algorithm,
    /// Brings values into the range of the scaled images, for losses in target space.
    pub squash: Squash,
    /// How forward weights start.
    pub first_weights: FirstWeights,
    /// How feedback matrices are drawn; absent where the rule has none.
    pub feedback: Option<Initialization>,
    /// At most so many epochs.
    pub epochs: u32,
    /// Examples of a training batch; a last batch that would be shorter is dropped.
    pub batch_size: usize,
    /// What is measured beside losses and error rates. Changes nothing of what is learned.
    pub trackers: Vec<Tracker>,
    /// What the trials differ in.
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
    /// Seed of every random stream.
    pub seed: u64,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// Share of hidden units dropped in training, 0 to below 1.
    pub dropout: f64,
    /// L2 coefficient of all weight matrices.
    pub weight_decay: f64,
}
