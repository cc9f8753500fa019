//! From trials to populations.

use data::{ImageShape, Scaling};
use model::Architecture;
use tracker::Tracker;
use training::{Population, TrialSettings};

use crate::{Configuration, Task, task::squash};

/// One configuration with one seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// What is trained.
    pub configuration: Configuration,
    /// Where its random numbers come from.
    pub seed: u64,
}

/// What all trials of a stage have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// What networks are asked to do.
    pub task: Task,
    /// At most so many epochs.
    pub epochs: u32,
    /// Examples of a training batch.
    pub batch_size: u32,
    /// What is measured beside losses and error rates.
    pub trackers: Vec<Tracker>,
}

/// Indices of `trials` in groups that can train as one tensor program, each of at most `largest`, in the order of the
/// first trial of each.
#[must_use]
pub fn populations(trials: &[Trial], largest: usize) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, trial) in trials.iter().enumerate() {
        let fits = |group: &&mut Vec<usize>| {
            group.len() < largest && have_one_shape(&trials[group[0]].configuration, &trial.configuration)
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

/// May two configurations share a tensor program? Values that are a number per trial may differ.
fn have_one_shape(one: &Configuration, other: &Configuration) -> bool {
    let Configuration { learning_rate, dropout, weight_decay, .. } = *other;
    // A step that drops nothing makes no masks, one that decays nothing adds none: what is measured of it would differ.
    let steps_are_alike =
        (one.dropout > 0.0) == (dropout > 0.0) && (one.weight_decay > 0.0) == (weight_decay > 0.0);
    steps_are_alike && *other == Configuration { learning_rate, dropout, weight_decay, ..one.clone() }
}

/// The population of `trials`, which have one shape, on images of `shape` and `classes` classes.
#[must_use]
pub fn population(
    trials: &[&Trial],
    schedule: &Schedule,
    shape: ImageShape,
    classes: usize,
    scaling: Scaling,
) -> Population {
    let Configuration { algorithm, hidden, activation, batch_norm, bias, weights, feedback, .. } =
        trials[0].configuration.clone();
    let outputs = match schedule.task {
        Task::Classification => classes,
        Task::Reconstruction => shape.pixels(),
    };
    Population {
        architecture: Architecture {
            inputs: shape.pixels(),
            hidden: hidden.into_iter().map(|units| units as usize).collect(),
            outputs,
            activation,
            batch_norm,
            bias,
            objective: schedule.task.objective(scaling),
        },
        algorithm,
        squash: squash(scaling),
        first_weights: weights,
        feedback,
        epochs: schedule.epochs,
        batch_size: schedule.batch_size as usize,
        trackers: schedule.trackers.clone(),
        trials: trials
            .iter()
            .map(|trial| TrialSettings {
                seed: trial.seed,
                learning_rate: trial.configuration.learning_rate,
                dropout: trial.configuration.dropout,
                weight_decay: trial.configuration.weight_decay,
            })
            .collect(),
    }
}
