//! What a tracker does: the moments at which it looks, and what it reads there.

use burn::tensor::Tensor;
use model::Kernels;

use crate::{Evaluation, Held, Inspection};
use history::Exhibit;
use settings::Metric;

/// A training step among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepInEpoch {
    /// From 1.
    pub epoch: u32,
    /// Within the epoch, from 0.
    pub step: u64,
    /// Steps of an epoch.
    pub steps: u64,
}

/// How long an epoch's training took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Examples that each trial was trained on.
    pub examples: usize,
    /// Seconds, without evaluation; what trackers take is in them.
    pub seconds: f64,
}

/// What a tracker reads.
#[derive(Clone, Debug)]
pub struct Reading<B: Kernels> {
    /// What was measured.
    pub metric: Metric,
    /// Its value.
    pub value: Value<B>,
}

/// A measured value.
#[derive(Clone, Debug)]
pub enum Value<B: Kernels> {
    /// Of each trial, `[trials]`; it stays on the device until the epoch ends.
    PerTrial(Tensor<B, 1>),
    /// Equal for all trials.
    Common(f64),
}

/// Measures one kind of quantity. Every method but the first has an empty default: a tracker fills in the moments that
/// it looks at.
///
/// An epoch's value of a metric is the mean over all that was read of it in the epoch.
pub trait Gauge<B: Kernels>: Send + Sync {
    /// Does it look at this training step?
    fn looks_at(&self, step: StepInEpoch) -> bool;

    /// So many trials train from now on: told before the first step, and when some have left.
    fn count(&self, _trials: usize) {}

    /// A step it looks at, before its update.
    fn inspect(&self, _: &Inspection<'_, B>) -> Vec<Reading<B>> {
        Vec::new()
    }

    /// What a step it looks at held in memory.
    fn weigh(&self, _: &Held) -> Vec<Reading<B>> {
        Vec::new()
    }

    /// What is shown of a step it looks at, per trial.
    fn exhibit(&self, _: &Inspection<'_, B>) -> Vec<Vec<Exhibit>> {
        Vec::new()
    }

    /// Does it look at the validation split after this epoch?
    fn looks_at_evaluation(&self, _epoch: u32) -> bool {
        false
    }

    /// A batch of the validation split, after an epoch that it looks at. Each counts as many times as it has examples.
    fn evaluate(&self, _: &Evaluation<'_, B>) -> Vec<Reading<B>> {
        Vec::new()
    }

    /// What is shown of a batch of the validation split, per trial.
    fn exhibit_evaluation(&self, _: &Evaluation<'_, B>) -> Vec<Vec<Exhibit>> {
        Vec::new()
    }

    /// The end of an epoch's training.
    fn time(&self, _: Pace) -> Vec<Reading<B>> {
        Vec::new()
    }

    /// The end of an epoch, with its evaluation.
    fn conclude(&self) -> Vec<Reading<B>> {
        Vec::new()
    }
}
