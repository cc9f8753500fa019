//! A trial: one configuration with one seed.

use std::fmt;

use crate::{Configuration, Precision, Task, Tracker};

/// One configuration with one seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    pub configuration: Configuration,
    /// The seed of every random stream of the trial.
    pub seed: u64,
}

impl fmt::Display for Trial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} seed {}", self.configuration, self.seed)
    }
}

/// The settings that all trials of a stage share.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingSettings {
    pub task: Task,
    /// The number of epochs of a trial that does not end early.
    pub epochs: u32,
    /// The number of examples in a training batch; a last, shorter batch is dropped.
    pub batch_size: u32,
    /// The precision of products with the weights.
    pub precision: Precision,
    /// Measurements in addition to losses and error rates. They do not change what is learned.
    pub trackers: Vec<Tracker>,
}
