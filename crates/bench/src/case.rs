//! The networks, rules and trials of the benchmarks.

use engine::{DeviceError, HostBatch, Population, Rehearsal, rehearse};
use kernels::Squash;
use model::{Architecture, Objective};
use settings::{Activation, Algorithm, Configuration, Device, Loss, Precision, TargetLoss, Trial};

use crate::rounds::Contestant;

/// A network with the size of its batches.
#[derive(Clone)]
pub struct Shape {
    /// The name in titles.
    pub name: &'static str,
    pub inputs: usize,
    /// The units of each hidden layer.
    pub hidden: Vec<usize>,
    pub outputs: usize,
    /// The number of examples per batch.
    pub batch: usize,
}

/// A rule on a shape, for trials that differ in learning rate and seed.
#[derive(Clone)]
pub struct Case {
    pub shape: Shape,
    pub algorithm: Algorithm,
    /// The precision of products with weights.
    pub precision: Precision,
    /// Whether hidden layers have batch norm and dropout.
    pub is_regularized: bool,
    /// The learning rate and the seed of each trial.
    pub trials: Vec<(f64, u64)>,
}

/// The rules that are compared on the CPU.
pub const RULES: [Algorithm; 4] =
    [Algorithm::Backprop, Algorithm::Dfa, Algorithm::Drtp, Algorithm::LocalLoss(TargetLoss::CrossEntropy)];

/// Batches that a benchmark cycles through.
const BATCHES: u64 = 10;
/// Seeds per configuration of a grid.
const SEEDS: usize = 3;
/// The lowest and the highest learning rate of a grid.
const RATES: [f64; 2] = [1e-5, 1e-3];

/// The dropout rate of regularized networks.
const DROPOUT: f64 = 0.2;

/// Returns the name of a precision in titles and in the peers' protocol.
pub fn name(precision: Precision) -> &'static str {
    match precision {
        Precision::Full => "f32",
        Precision::Tf32 => "tf32",
    }
}

impl Shape {
    pub fn cifar10() -> Self {
        Self { name: "CIFAR-10 shape", inputs: 3072, hidden: vec![500; 5], outputs: 10, batch: 128 }
    }

    pub fn mnist() -> Self {
        Self { name: "MNIST shape", inputs: 784, hidden: vec![500; 2], outputs: 10, batch: 64 }
    }

    /// Returns the widths from the inputs to the outputs.
    fn widths(&self) -> Vec<usize> {
        [&[self.inputs], self.hidden.as_slice(), &[self.outputs]].concat()
    }

    /// Returns `[inputs, units]` of every weight matrix.
    pub fn weights(&self) -> Vec<[usize; 2]> {
        self.widths().windows(2).map(|pair| [pair[0], pair[1]]).collect()
    }

    /// Returns the bytes that a step of one trial has to move: weights are read in the forward pass; weights and both moments
    /// are read and written in the update.
    pub fn bytes_per_step(&self) -> f64 {
        let weights: usize = self.weights().iter().map(|[inputs, units]| inputs * units).sum();
        (7 * weights * size_of::<f32>()) as f64
    }

    /// Returns a text like `MNIST shape: 784-500-500-10, batch 64`.
    pub fn describe(&self) -> String {
        let widths: Vec<String> = self.widths().iter().map(ToString::to_string).collect();
        format!("{}: {}, batch {}", self.name, widths.join("-"), self.batch)
    }

    /// Returns random images and labels, the same at every call.
    pub fn batches(&self) -> Vec<HostBatch> {
        (0..BATCHES).map(|index| self.random_batch(index)).collect()
    }

    fn random_batch(&self, index: u64) -> HostBatch {
        let mut stream = random::stream(0, "bench batch", &[index]);
        let input = (0..self.batch * self.inputs).map(|_| 2.0 * random::uniform(&mut stream) - 1.0).collect();
        let mut target = vec![0.0; self.batch * self.outputs];
        for row in target.chunks_exact_mut(self.outputs) {
            row[(random::uniform(&mut stream) * self.outputs as f32) as usize % self.outputs] = 1.0;
        }
        HostBatch { input, target }
    }
}

impl Case {
    /// Returns a case of one trial in single precision.
    pub fn new(shape: Shape, algorithm: Algorithm) -> Self {
        Self { shape, algorithm, precision: Precision::Full, is_regularized: false, trials: vec![(1e-4, 0)] }
    }

    /// Returns the same case with as many trials as asked for: the learning rates of a grid, three seeds each. Trials with the
    /// same seed are neighbors.
    pub fn grid(&self, trials: usize) -> Self {
        let last = trials.div_ceil(SEEDS) - 1;
        let [lowest, highest] = RATES;
        let mut grid: Vec<(f64, u64)> = (0..trials)
            .map(|trial| {
                let share = (trial / SEEDS) as f64 / last.max(1) as f64;
                (lowest * (highest / lowest).powf(share), (trial % SEEDS) as u64)
            })
            .collect();
        grid.sort_by_key(|(_, seed)| *seed);
        Self { trials: grid, ..self.clone() }
    }

    /// Returns the different seeds of the trials, in ascending order.
    pub fn seeds(&self) -> Vec<u64> {
        let mut seeds: Vec<u64> = self.trials.iter().map(|(_, seed)| *seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        seeds
    }

    pub fn population(&self) -> Population {
        let trials = self.trials.iter().map(|&(learning_rate, seed)| Trial {
            configuration: Configuration {
                dropout: if self.is_regularized { DROPOUT } else { 0.0 },
                ..Configuration::new(self.algorithm, &[1], learning_rate)
            },
            seed,
        });
        Population {
            architecture: Architecture {
                inputs: self.shape.inputs,
                hidden: self.shape.hidden.clone(),
                outputs: self.shape.outputs,
                activation: Activation::Tanh,
                batch_norm: self.is_regularized,
                bias: true,
                output_bias: true,
                wiring: engine::wiring(&Configuration::new(self.algorithm, &[1], 1.0)),
                objective: Objective::Classification(Loss::SoftmaxCrossEntropy),
            },
            squash: Squash::Tanh,
            precision: self.precision,
            epochs: 1,
            batch_size: self.shape.batch,
            trackers: Vec::new(),
            trials: trials.collect(),
        }
    }

    pub fn rehearse(&self, device: Device) -> Result<Box<dyn Rehearsal>, DeviceError> {
        rehearse(device, &self.population(), &self.shape.batches())
    }

    /// Returns a contestant that takes steps of all trials together.
    pub fn steps(&self, device: Device, name: impl Into<String>) -> Result<Contestant<'static>, DeviceError> {
        let mut rehearsal = self.rehearse(device)?;
        Ok(Contestant::here(name, move |times| drop(rehearsal.steps(times))))
    }

    /// Returns the floating-point operations of the matrix products of a step of one trial.
    pub fn flops(&self) -> f64 {
        let weights: Vec<f64> =
            self.shape.weights().iter().map(|[rows, columns]| (rows * columns) as f64).collect();
        let hidden: f64 = self.shape.hidden.iter().map(|units| (units * self.shape.outputs) as f64).sum();
        let signals = match self.algorithm {
            Algorithm::Backprop
            | Algorithm::FeedbackAlignment
            | Algorithm::SignSymmetric(_)
            | Algorithm::KolenPollack => weights[1..].iter().sum(),
            Algorithm::Dfa | Algorithm::SignDfa | Algorithm::Drtp => hidden,
            Algorithm::DirectKolenPollack => 2.0 * hidden,
            Algorithm::LocalLoss(_) => 2.0 * hidden,
            // The feedback to the input, and another forward pass.
            Algorithm::Pepita => {
                (self.shape.inputs * self.shape.outputs) as f64 + weights.iter().sum::<f64>()
            }
            // Three passes, and two of three parts of an update. The other rules count as two products.
            Algorithm::ForwardForward => 3.0 * weights.iter().sum::<f64>(),
            Algorithm::Shallow => 0.0,
        };
        2.0 * self.shape.batch as f64 * (2.0 * weights.iter().sum::<f64>() + signals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_pairs_its_seeds_and_keeps_them_together() {
        let case = Case::new(Shape::mnist(), Algorithm::Dfa).grid(6);
        assert_eq!(case.trials.iter().map(|(_, seed)| *seed).collect::<Vec<_>>(), [0, 0, 1, 1, 2, 2]);
        for pair in case.trials.chunks(2) {
            let ratios = [pair[0].0 / RATES[0], pair[1].0 / RATES[1]];
            assert!(ratios.iter().all(|ratio| (ratio - 1.0).abs() < 1e-12), "{pair:?}");
        }
        assert_eq!(case.seeds(), [0, 1, 2]);
        assert_eq!(case.grid(1).trials, [(RATES[0], 0)]);
    }

    #[test]
    fn a_step_at_cifar10_shape_moves_71_megabytes() {
        assert_eq!((Shape::cifar10().bytes_per_step() / 1e6).round(), 71.0);
    }
}
