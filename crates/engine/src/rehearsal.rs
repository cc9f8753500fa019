//! A population on the same few batches again and again, without a dataset, an epoch or an observer: what a benchmark
//! times and what can be held against other programs.

use burn::tensor::Tensor;
use model::{Kernels, checkpoint::Array};
use settings::{Device, Metric};
use tracker::StepInEpoch;
use training::{Batch, Population, Step, StepIndex, TrackerSet, TrainState};

use crate::{DeviceError, Work, check_precision, run_on};

/// A batch in the host's memory, the same for all trials.
#[derive(Clone, Debug)]
pub struct HostBatch {
    /// `[batch, inputs]`, row-major.
    pub input: Vec<f32>,
    /// `[batch, outputs]`, row-major; one-hot in classification.
    pub target: Vec<f32>,
}

/// A population that takes steps.
pub trait Rehearsal: Send {
    /// Takes `count` more steps, over the batches in turn; gives the mean loss of each step and trial before its update,
    /// `[count][trials]`.
    fn steps(&mut self, count: usize) -> Vec<Vec<f32>>;

    /// What each trial's trackers measured since the last call, as means over the sampled steps.
    fn measured(&mut self) -> Vec<Vec<(Metric, f64)>>;

    /// The arrays of the trial at `position` as they are now, feedback matrices included.
    fn arrays(&self, position: usize) -> Vec<Array>;
}

/// `population` before its first step. Its `epochs` and `batch_size` mean nothing here.
///
/// # Errors
/// If the device cannot be used.
pub fn rehearse(
    device: Device,
    population: &Population,
    batches: &[HostBatch],
) -> Result<Box<dyn Rehearsal>, DeviceError> {
    check_precision(device, population.precision)?;
    run_on(device, Preparation { population, batches })
}

struct Preparation<'a> {
    population: &'a Population,
    batches: &'a [HostBatch],
}

impl Work for Preparation<'_> {
    type Output = Box<dyn Rehearsal>;

    fn run<B: Kernels>(self, device: &B::Device) -> Box<dyn Rehearsal> {
        Box::new(Rehearsing::<B>::new(self.population, self.batches, device.clone()))
    }
}

struct Rehearsing<B: Kernels> {
    /// Present between steps.
    train_state: Option<TrainState<B>>,
    watch: TrackerSet<B>,
    batches: Vec<Batch<B>>,
    taken: u64,
    device: B::Device,
}

impl<B: Kernels> Rehearsing<B> {
    fn new(population: &Population, batches: &[HostBatch], device: B::Device) -> Self {
        let architecture = &population.architecture;
        let tensor = |values: &[f32], columns: usize| {
            B::filled([1, values.len() / columns, columns], &device, |target| target.copy_from_slice(values))
        };
        let batches = batches.iter().map(|batch| Batch {
            input: tensor(&batch.input, architecture.inputs).into(),
            target: tensor(&batch.target, architecture.outputs),
        });
        Self {
            train_state: Some(TrainState::new(population, &device)),
            watch: TrackerSet::new(&population.trackers, population.trials.len()),
            batches: batches.collect(),
            taken: 0,
            device,
        }
    }
}

impl<B: Kernels> Drop for Rehearsing<B> {
    /// What a backend keeps for later is given back: other programs on the same device may need the room.
    fn drop(&mut self) {
        self.train_state = None;
        self.batches.clear();
        // Whatever could not be finished is not looked at any more.
        let _ = B::sync(&self.device);
        B::memory_cleanup(&self.device);
    }
}

impl<B: Kernels> Rehearsal for Rehearsing<B> {
    fn steps(&mut self, count: usize) -> Vec<Vec<f32>> {
        let mut train_state = self.train_state.take().expect("a step gives the train_state back");
        let mut losses = Vec::with_capacity(count);
        for _ in 0..count {
            let batch = &self.batches[self.taken as usize % self.batches.len()];
            self.taken += 1;
            // One epoch that never ends.
            let occasion = StepInEpoch { epoch: 1, step: self.taken - 1, steps: u64::MAX };
            let moment = StepIndex { epoch: 1, step: occasion.step, number: self.taken };
            let step = Step::new(&train_state, batch, moment);
            self.watch.before(&train_state, &step, occasion);
            let (taught, outcome) = step.take(train_state);
            self.watch.after(&outcome.held, occasion);
            train_state = taught;
            losses.push(outcome.loss);
        }
        self.train_state = Some(train_state);
        if losses.is_empty() {
            return Vec::new();
        }
        // In one transfer, for which a device waits once.
        let trials = losses[0].dims()[0];
        let losses = Tensor::cat(losses, 0).into_data().convert::<f32>().into_vec::<f32>();
        losses.expect("the data was converted to f32").chunks(trials).map(<[f32]>::to_vec).collect()
    }

    fn measured(&mut self) -> Vec<Vec<(Metric, f64)>> {
        self.watch.read().into_iter().map(|(measured, _)| measured).collect()
    }

    fn arrays(&self, position: usize) -> Vec<Array> {
        self.train_state.as_ref().expect("a step gives the train_state back").arrays(position)
    }
}
