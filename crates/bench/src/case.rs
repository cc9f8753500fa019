//! What is trained in a benchmark.

use algorithms::Algorithm;
use engine::{FirstWeights, HostBatch, Population, Precision, TrialSettings};
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
    /// Learning rate and seed of each trial.
    pub trials: Vec<(f64, u64)>,
}

/// Different batches that a benchmark goes through in turn.
pub(crate) const BATCHES: u64 = 10;

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
    /// One trial at rate 0.0001.
    pub(crate) fn single(shape: Shape, algorithm: Algorithm) -> Self {
        Self { shape, algorithm, trials: vec![(1e-4, 0)] }
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
            precision: Precision::Full,
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
