//! A population: trials that train together.

use data::{ImageShape, Scaling};
use kernels::Squash;
use model::{Architecture, Labeled, Objective, Wiring};
use settings::{Configuration, ForwardForward, Precision, Task, Tracker, TrainingSettings, Trial};

/// Trials of one shape, which train in lock-step as one tensor program.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    pub architecture: Architecture,
    /// The nonlinearity that maps values into the range of the scaled images, for losses in target space.
    pub squash: Squash,
    pub precision: Precision,
    /// The number of epochs of a trial that does not end early.
    pub epochs: u32,
    /// The number of examples in a training batch; a last, shorter batch is dropped.
    pub batch_size: usize,
    /// Measurements in addition to losses and error rates. They do not change the training. With trackers, all trials must
    /// have one rule.
    pub trackers: Vec<Tracker>,
    /// The trials. Those of one rule should be neighbors, because a step has more work to do with more groups.
    pub trials: Vec<Trial>,
}

impl Population {
    /// Creates the population of `trials`, which must be allowed to share one, on images of `shape` in `classes` classes.
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
            batch_size: training.batch_size_of(&trials[0].configuration) as usize,
            trackers: training.trackers.clone(),
            trials: trials.iter().copied().cloned().collect(),
        }
    }
}

/// Returns the architecture of a configuration's network for images of `shape` in `classes` classes.
pub fn architecture(
    configuration: &Configuration,
    task: Task,
    shape: ImageShape,
    classes: usize,
    scaling: Scaling,
) -> Architecture {
    let Configuration { hidden, activation, batch_norm, bias, output_bias, .. } = configuration;
    let (outputs, objective) = match task {
        Task::Classification => (classes, Objective::Classification(configuration.loss)),
        Task::Reconstruction => (shape.pixels(), Objective::Reconstruction(squash(scaling))),
    };
    Architecture {
        inputs: shape.pixels(),
        hidden: hidden.iter().map(|&units| units as usize).collect(),
        outputs,
        activation: *activation,
        batch_norm: *batch_norm,
        bias: *bias,
        output_bias: *output_bias,
        wiring: wiring(configuration),
        objective,
    }
}

/// Returns the connections of the layers of a configuration's network.
pub fn wiring(configuration: &Configuration) -> Wiring {
    match &configuration.forward_forward {
        None => Wiring::Chain,
        Some(ForwardForward { label, prediction, .. }) => {
            Wiring::Labeled(Labeled { place: *label, prediction: *prediction })
        }
    }
}

/// Returns the nonlinearity with the range of images scaled by `scaling`.
pub fn squash(scaling: Scaling) -> Squash {
    match scaling {
        Scaling::Standard => Squash::Tanh,
        Scaling::ZeroOne | Scaling::Identity | Scaling::PerChannel(_) => Squash::Sigmoid,
    }
}
