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
    /// The number of examples in a training batch; a last, shorter batch is dropped. Absent where each configuration has its own
    /// batch size.
    pub batch_size: Option<u32>,
    /// The precision of products with the weights.
    pub precision: Precision,
    /// Measurements in addition to losses and error rates. They do not change what is learned.
    pub trackers: Vec<Tracker>,
}

impl TrainingSettings {
    /// Returns the number of examples in a training batch of `configuration`: its own, or the one that all trials share.
    pub fn batch_size_of(&self, configuration: &Configuration) -> u32 {
        let batch_size = configuration.batch_size.or(self.batch_size);
        batch_size.expect("the stage or its grid has a batch size, checked with the file")
    }

    /// Returns `configuration` with its batch size, wherever the file gives it. Tables and selections read this form, so that they
    /// compare stages of which only some have the axis.
    pub fn completed(&self, configuration: &Configuration) -> Configuration {
        Configuration { batch_size: Some(self.batch_size_of(configuration)), ..configuration.clone() }
    }
}
