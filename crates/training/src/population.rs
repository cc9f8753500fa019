//! The parts of a population.

use data::{ImageShape, Scaling};
use model::{Architecture, Objective, Squash};
use settings::{Configuration, Precision, Task, Tracker, TrainingSettings, Trial};

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
    pub trials: Vec<Trial>,
}

impl Population {
    /// Creates the population of `trials`, which may share one, on images of `shape` in `classes` classes.
    #[must_use]
    pub fn new(
        trials: &[&Trial],
        training: &TrainingSettings,
        shape: ImageShape,
        classes: usize,
        scaling: Scaling,
    ) -> Self {
        Self {
            architecture: architecture(&trials[0].configuration, training.task, shape, classes, scaling),
            squash: squash(scaling),
            precision: training.precision,
            epochs: training.epochs,
            batch_size: training.batch_size as usize,
            trackers: training.trackers.clone(),
            trials: trials.iter().copied().cloned().collect(),
        }
    }
}

/// Returns the architecture of a configuration's network for images of `shape` in `classes` classes.
#[must_use]
pub fn architecture(
    configuration: &Configuration,
    task: Task,
    shape: ImageShape,
    classes: usize,
    scaling: Scaling,
) -> Architecture {
    let Configuration { hidden, activation, batch_norm, bias, .. } = configuration;
    let (outputs, objective) = match task {
        Task::Classification => (classes, Objective::Classification),
        Task::Reconstruction => (shape.pixels(), Objective::Reconstruction(squash(scaling))),
    };
    Architecture {
        inputs: shape.pixels(),
        hidden: hidden.iter().map(|&units| units as usize).collect(),
        outputs,
        activation: *activation,
        batch_norm: *batch_norm,
        bias: *bias,
        objective,
    }
}

/// Returns the nonlinearity with the range of images scaled by `scaling`.
#[must_use]
pub fn squash(scaling: Scaling) -> Squash {
    match scaling {
        Scaling::Standard => Squash::Tanh,
        Scaling::ZeroOne | Scaling::Identity | Scaling::PerChannel(_) => Squash::Sigmoid,
    }
}
