//! The measurements that trackers are made of, by the moment at which they are taken.

use burn::tensor::Tensor;
use history::Exhibit;
use kernels::Kernels;
use settings::{Metric, Sampled, SampledEpochs};

use crate::{Evaluation, HeldMemory, Inspection};

/// A measurement, with its interval where it is not taken every time. Functions for exhibits return those of each trial.
///
/// An epoch's value of a metric is the mean over all readings in the epoch; a reading of an evaluation counts as many times
/// as its batch has examples.
pub enum Measurement<B: Kernels> {
    /// Taken of a training step, before its update.
    Step(Sampled, fn(&Inspection<'_, B>) -> Vec<Reading<B>>),
    /// Taken of the memory that a training step held.
    StepMemory(Sampled, fn(&HeldMemory) -> Vec<Reading<B>>),
    /// Taken of the last training step of an epoch, before its update.
    LastStepExhibits(SampledEpochs, fn(&Inspection<'_, B>) -> Vec<Vec<Exhibit>>),
    /// Taken of every batch of the validation split, after every epoch.
    Evaluation(fn(&Evaluation<'_, B>) -> Vec<Reading<B>>),
    /// Taken of the first batch of the validation split, after an epoch.
    EvaluationExhibits(SampledEpochs, fn(&Evaluation<'_, B>) -> Vec<Vec<Exhibit>>),
    /// Taken of the time that an epoch's training took.
    Pace(fn(Pace) -> Reading<B>),
    /// Taken by a meter that runs during the whole epoch.
    Meter(Box<dyn Meter<B>>),
}

/// Measures something that accumulates over an epoch, its evaluation included.
pub trait Meter<B: Kernels>: Send + Sync {
    /// Sets the number of trials that train from now on: before the first step, and when trials have left.
    fn set_trials(&self, trials: usize);

    /// Reads counters that could overflow before the epoch ends. Called once in a while between steps.
    fn keep_up(&self);

    /// Returns what has accumulated since the last call, at the end of an epoch.
    fn read(&self) -> Vec<Reading<B>>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepInEpoch {
    /// The epoch, from 1.
    pub epoch: u32,
    /// The step within the epoch, from 0.
    pub step: u64,
    pub steps: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// The number of examples that each trial was trained on.
    pub examples: usize,
    /// The seconds without evaluation, but with the time that trackers took.
    pub seconds: f64,
}

#[derive(Clone, Debug)]
pub struct Reading<B: Kernels> {
    pub metric: Metric,
    pub value: Value<B>,
}

#[derive(Clone, Debug)]
pub enum Value<B: Kernels> {
    /// A value for each trial, `[trials]`; it stays on the device until the epoch ends.
    PerTrial(Tensor<B, 1>),
    /// The cosine of an angle for each trial, `[trials]`, on the device as well. Its mean and that of the `angle` in degrees leave out
    /// infinite ones, which stand for an angle that does not exist.
    Cosine {
        values: Tensor<B, 1>,
        angle: Metric,
    },
    Common(f64),
}

impl StepInEpoch {
    /// Returns the number of the step over the whole training, from 1.
    pub fn number(self) -> u64 {
        u64::from(self.epoch - 1) * self.steps + self.step + 1
    }

    pub fn is_last(self) -> bool {
        self.step + 1 == self.steps
    }
}
