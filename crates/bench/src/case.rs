//! What is trained in a benchmark.

use algorithms::Algorithm;
use engine::{Device, FirstWeights, HostBatch, Population, Precision, TrialSettings};
use model::{Activation, Architecture, Initialization, Objective, Squash};

/// A network with its batch.
#[derive(Clone, Debug)]
pub struct Shape {
    /// For tables.
    pub name: &'static str,
    /// Values of an example.
    pub inputs: usize,
    /// Units of each hidden layer.
    pub hidden: Vec<usize>,
    /// Classes.
    pub outputs: usize,
    /// Examples of a batch.
    pub batch: usize,
}

/// A rule on a shape, for trials that differ in rate and seed.
#[derive(Clone, Debug)]
pub struct Case {
    /// The network.
    pub shape: Shape,
    /// The rule.
    pub algorithm: Algorithm,
    /// Of products with the weights.
    pub precision: Precision,
    /// Learning rate and seed of each trial.
    pub trials: Vec<(f64, u64)>,
}

/// Different batches that a benchmark goes through in turn.
pub(crate) const BATCHES: u64 = 10;

/// Seeds of every configuration of a grid.
const SEEDS: usize = 3;
/// The lowest and the highest learning rate of a grid.
const RATES: [f64; 2] = [1e-5, 1e-3];

/// In which arithmetic populations are measured on `device`.
pub(crate) fn precisions(device: Device) -> Vec<Precision> {
    let all = [Precision::Full, Precision::Tf32];
    all.into_iter().filter(|precision| device.check_precision(*precision).is_ok()).collect()
}

/// For tables, and for the peers.
pub(crate) fn name(precision: Precision) -> &'static str {
    match precision {
        Precision::Full => "f32",
        Precision::Tf32 => "tf32",
    }
}

impl Shape {
    pub(crate) fn cifar10() -> Self {
        Self { name: "CIFAR-10 shape", inputs: 3072, hidden: vec![500; 5], outputs: 10, batch: 128 }
    }

    pub(crate) fn mnist() -> Self {
        Self { name: "MNIST shape", inputs: 784, hidden: vec![500; 2], outputs: 10, batch: 64 }
    }

    /// `[inputs, outputs]` of every weight matrix.
    pub(crate) fn weights(&self) -> Vec<[usize; 2]> {
        let widths = [&[self.inputs], self.hidden.as_slice(), &[self.outputs]].concat();
        widths.windows(2).map(|pair| [pair[0], pair[1]]).collect()
    }

    /// Of one trial, in all its weight matrices.
    pub(crate) fn weight_count(&self) -> usize {
        self.weights().iter().map(|[inputs, units]| inputs * units).sum()
    }

    fn weight_bytes(&self) -> f64 {
        (self.weight_count() * size_of::<f32>()) as f64
    }

    /// Bytes that a step of one trial cannot help to read and write: weights in the forward pass; in the update weights and both
    /// moments, read and written.
    pub(crate) fn bytes_of_a_step(&self) -> f64 {
        7.0 * self.weight_bytes()
    }

    /// The same with gradients that are written, and read by the update.
    pub(crate) fn bytes_with_gradients(&self) -> f64 {
        9.0 * self.weight_bytes()
    }

    /// `3072-500-500-10, batch 128`.
    pub(crate) fn describe(&self) -> String {
        let widths = [&[self.inputs], self.hidden.as_slice(), &[self.outputs]].concat();
        let widths: Vec<String> = widths.iter().map(ToString::to_string).collect();
        format!("{}: {}, batch {}", self.name, widths.join("-"), self.batch)
    }

    /// Random images and labels, the same at every call.
    pub(crate) fn batches(&self) -> Vec<HostBatch> {
        let batch = |index| {
            let mut stream = random::stream(0, "bench batch", &[index]);
            let input =
                (0..self.batch * self.inputs).map(|_| 2.0 * random::uniform(&mut stream) - 1.0).collect();
            let mut target = vec![0.0; self.batch * self.outputs];
            for row in target.chunks_exact_mut(self.outputs) {
                row[(random::uniform(&mut stream) * self.outputs as f32) as usize % self.outputs] = 1.0;
            }
            HostBatch { input, target }
        };
        (0..BATCHES).map(batch).collect()
    }
}

impl Case {
    /// So many trials as a grid has them: configurations that differ in their rates, each with every seed. Trials of one seed
    /// stand together.
    pub(crate) fn grid(shape: Shape, algorithm: Algorithm, trials: usize) -> Self {
        let configurations = trials.div_ceil(SEEDS);
        let [lowest, highest] = RATES;
        let rate = |configuration: usize| {
            let share = configuration as f64 / (configurations - 1).max(1) as f64;
            lowest * (highest / lowest).powf(share)
        };
        let mut trials: Vec<(f64, u64)> =
            (0..trials).map(|trial| (rate(trial / SEEDS), (trial % SEEDS) as u64)).collect();
        trials.sort_by_key(|(_, seed)| *seed);
        Self { shape, algorithm, precision: Precision::Full, trials }
    }

    /// The seeds of its trials, each once.
    pub(crate) fn seeds(&self) -> Vec<u64> {
        let mut seeds: Vec<u64> = self.trials.iter().map(|(_, seed)| *seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        seeds
    }

    /// For each trial the place of its batches among all streams of batches: one, which all trials share.
    pub(crate) fn streams(&self) -> Vec<usize> {
        vec![0; self.trials.len()]
    }

    /// One trial at rate 0.0001.
    pub(crate) fn single(shape: Shape, algorithm: Algorithm) -> Self {
        Self { shape, algorithm, precision: Precision::Full, trials: vec![(1e-4, 0)] }
    }

    /// The same in this arithmetic.
    pub(crate) fn in_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    pub(crate) fn population(&self) -> Population {
        let trial = |&(learning_rate, seed)| TrialSettings {
            algorithm: self.algorithm,
            first_weights: FirstWeights::Orthogonal,
            feedback: self.algorithm.uses_feedback().then_some(Initialization::Orthogonal),
            seed,
            learning_rate,
            dropout: 0.0,
            weight_decay: 0.0,
        };
        Population {
            architecture: Architecture {
                inputs: self.shape.inputs,
                hidden: self.shape.hidden.clone(),
                outputs: self.shape.outputs,
                activation: Activation::Tanh,
                batch_norm: false,
                bias: true,
                objective: Objective::Classification,
            },
            squash: Squash::Tanh,
            precision: self.precision,
            epochs: 1,
            batch_size: self.shape.batch,
            trackers: Vec::new(),
            trials: self.trials.iter().map(trial).collect(),
        }
    }

    /// Each trial as a case of its own.
    pub(crate) fn one_by_one(&self) -> Vec<Self> {
        self.trials.iter().map(|trial| Self { trials: vec![*trial], ..self.clone() }).collect()
    }

    /// Floating-point operations of the matrix products of a step of one trial.
    pub(crate) fn flops(&self) -> f64 {
        let weights: Vec<f64> =
            self.shape.weights().iter().map(|[rows, columns]| (rows * columns) as f64).collect();
        let hidden: f64 = self.shape.hidden.iter().map(|units| (units * self.shape.outputs) as f64).sum();
        let signals = match self.algorithm {
            Algorithm::Backprop => weights[1..].iter().sum(),
            Algorithm::Dfa | Algorithm::Drtp => hidden,
            Algorithm::LocalLoss(_) => 2.0 * hidden,
        };
        2.0 * self.shape.batch as f64 * (2.0 * weights.iter().sum::<f64>() + signals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_pairs_its_seeds_and_keeps_them_together() {
        let case = Case::grid(Shape::mnist(), Algorithm::Dfa, 6);
        let close = |one: f64, other: f64| (one / other - 1.0).abs() < 1e-12;
        assert_eq!(case.trials.iter().map(|(_, seed)| *seed).collect::<Vec<_>>(), [0, 0, 1, 1, 2, 2]);
        for pair in case.trials.chunks(2) {
            assert!(close(pair[0].0, RATES[0]) && close(pair[1].0, RATES[1]), "{pair:?}");
        }
        assert_eq!(case.seeds(), [0, 1, 2]);
        assert_eq!(Case::grid(Shape::mnist(), Algorithm::Dfa, 1).trials, [(RATES[0], 0)]);
    }

    #[test]
    fn a_step_at_cifar10_shape_moves_71_to_91_megabytes() {
        let shape = Shape::cifar10();
        assert_eq!((shape.bytes_of_a_step() / 1e6).round(), 71.0);
        assert_eq!((shape.bytes_with_gradients() / 1e6).round(), 91.0);
    }
}
