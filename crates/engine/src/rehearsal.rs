//! A population that trains on the same few batches repeatedly, without a dataset, epochs or an observer, for benchmarks and
//! comparisons with other programs.

use burn::tensor::Tensor;
use kernels::Kernels;
use model::checkpoint::Array;
use settings::{Device, Metric};
use tracker::StepInEpoch;
use training::{Batch, Population, Step, TrackerSet, TrainState};

use crate::{DeviceError, check_precision, on_device};

/// A batch in the host's memory, the same for all trials.
#[derive(Clone, Debug)]
pub struct HostBatch {
    /// The inputs, `[batch, inputs]`, row-major.
    pub input: Vec<f32>,
    /// The targets, `[batch, outputs]`, row-major; one-hot in classification.
    pub target: Vec<f32>,
}

/// A population that takes steps.
pub trait Rehearsal: Send {
    /// Takes `count` more steps, over the batches in turn; returns the mean loss of each step and trial before its update,
    /// `[count][trials]`.
    fn steps(&mut self, count: usize) -> Vec<Vec<f32>>;

    /// Returns the values that each trial's trackers measured since the last call, as means over the sampled steps.
    fn measured(&mut self) -> Vec<Vec<(Metric, f64)>>;

    /// Returns the current arrays of the trial at `position`, feedback matrices included.
    fn arrays(&self, position: usize) -> Vec<Array>;
}

/// Prepares `population` before its first step. Its `epochs` and `batch_size` are not used.
///
/// # Errors
/// If the device cannot be used.
pub fn rehearse(
    device: Device,
    population: &Population,
    batches: &[HostBatch],
) -> Result<Box<dyn Rehearsal>, DeviceError> {
    check_precision(device, population.precision)?;
    on_device!(device, |B, handle| Box::new(Rehearsing::<B>::new(population, batches, handle)) as _)
}

struct Rehearsing<B: Kernels> {
    /// The state; present between steps.
    train_state: Option<TrainState<B>>,
    trackers: TrackerSet<B>,
    batches: Vec<Batch<B>>,
    taken: u64,
    device: B::Device,
}

impl<B: Kernels> Rehearsing<B> {
    fn new(population: &Population, batches: &[HostBatch], device: &B::Device) -> Self {
        let architecture = &population.architecture;
        let batches = batches.iter().map(|batch| Batch {
            input: shared_by_trials(&batch.input, architecture.inputs, device).into(),
            target: shared_by_trials(&batch.target, architecture.outputs, device),
        });
        Self {
            train_state: Some(TrainState::new(population, device)),
            trackers: TrackerSet::new(&population.trackers, population.trials.len()),
            batches: batches.collect(),
            taken: 0,
            device: device.clone(),
        }
    }
}

/// Returns the values as a tensor that all trials share, `[1, rows, columns]`.
fn shared_by_trials<B: Kernels>(values: &[f32], columns: usize, device: &B::Device) -> Tensor<B, 3> {
    B::filled([1, values.len() / columns, columns], device, |target| target.copy_from_slice(values))
}

impl<B: Kernels> Drop for Rehearsing<B> {
    /// Releases the memory that a backend keeps for later use, because other programs on the same device may need it.
    fn drop(&mut self) {
        self.train_state = None;
        self.batches.clear();
        // A result of unfinished operations is not needed any more.
        let _ = B::sync(&self.device);
        B::memory_cleanup(&self.device);
    }
}

impl<B: Kernels> Rehearsal for Rehearsing<B> {
    fn steps(&mut self, count: usize) -> Vec<Vec<f32>> {
        let mut train_state = self.train_state.take().expect("a step returns the state");
        let mut losses = Vec::with_capacity(count);
        for _ in 0..count {
            let batch = &self.batches[self.taken as usize % self.batches.len()];
            self.taken += 1;
            // One endless epoch.
            let step_in_epoch = StepInEpoch { epoch: 1, step: self.taken - 1, steps: u64::MAX };
            train_state = train_state.in_step(step_in_epoch);
            let step = Step::new(&train_state, batch, step_in_epoch);
            self.trackers.before(&train_state, &step, step_in_epoch);
            let (updated, outcome) = step.take(train_state);
            self.trackers.after(&outcome.held_memory, step_in_epoch);
            train_state = updated;
            losses.push(outcome.loss);
        }
        self.train_state = Some(train_state);
        if losses.is_empty() {
            return Vec::new();
        }
        // One transfer, so that the program waits for the device once.
        let trials = losses[0].dims()[0];
        let losses = Tensor::cat(losses, 0).into_data().convert::<f32>().into_vec::<f32>();
        losses.expect("the data was converted to f32").chunks(trials).map(<[f32]>::to_vec).collect()
    }

    fn measured(&mut self) -> Vec<Vec<(Metric, f64)>> {
        self.trackers.read().into_iter().map(|(measured, _)| measured).collect()
    }

    fn arrays(&self, position: usize) -> Vec<Array> {
        self.train_state.as_ref().expect("a step returns the state").arrays(position)
    }
}
