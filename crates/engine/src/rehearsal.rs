//! A population on the same few batches again and again, without a dataset, an epoch or an observer: what a benchmark
//! times and what can be held against other programs.

use algorithms::Rule;
use burn::tensor::Tensor;
use burn_flex::Flex;
use model::{Kernels, checkpoint::Array};
use training::{Batch, Moment, Population, Step, Student};

use crate::{Device, DeviceError};

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
    device.check()?;
    match device {
        Device::Cpu => Ok(Box::new(Rehearsing::<Flex>::new(population, batches, Default::default()))),
        #[cfg(feature = "cuda")]
        Device::Cuda => {
            Ok(Box::new(Rehearsing::<burn_cuda::Cuda>::new(population, batches, Default::default())))
        }
        #[cfg(not(feature = "cuda"))]
        Device::Cuda => Err(DeviceError::NotBuilt),
    }
}

struct Rehearsing<B: Kernels> {
    rule: Rule<B>,
    /// Present between steps.
    student: Option<Student<B>>,
    batches: Vec<Batch<B>>,
    taken: u64,
}

impl<B: Kernels> Rehearsing<B> {
    fn new(population: &Population, batches: &[HostBatch], device: B::Device) -> Self {
        let architecture = &population.architecture;
        let tensor = |values: &[f32], columns: usize| {
            B::filled([1, values.len() / columns, columns], &device, |target| target.copy_from_slice(values))
        };
        let batches = batches.iter().map(|batch| Batch {
            input: tensor(&batch.input, architecture.inputs),
            target: tensor(&batch.target, architecture.outputs),
        });
        Self {
            rule: population.algorithm.rule(population.squash),
            student: Some(Student::new(population, &device)),
            batches: batches.collect(),
            taken: 0,
        }
    }
}

impl<B: Kernels> Rehearsal for Rehearsing<B> {
    fn steps(&mut self, count: usize) -> Vec<Vec<f32>> {
        let mut student = self.student.take().expect("a step gives the student back");
        let mut losses = Vec::with_capacity(count);
        for _ in 0..count {
            let batch = &self.batches[self.taken as usize % self.batches.len()];
            self.taken += 1;
            let moment = Moment { epoch: 1, step: self.taken - 1, number: self.taken };
            let (taught, outcome) = Step::new(&student, batch, moment).take(student, &self.rule);
            student = taught;
            losses.push(outcome.loss);
        }
        self.student = Some(student);
        let read = |loss: Tensor<B, 1>| loss.into_data().convert::<f32>().into_vec::<f32>();
        losses.into_iter().map(|loss| read(loss).expect("the data was converted to f32")).collect()
    }

    fn arrays(&self, position: usize) -> Vec<Array> {
        self.student.as_ref().expect("a step gives the student back").arrays(position)
    }
}
