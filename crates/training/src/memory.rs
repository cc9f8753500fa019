//! How much memory does a population need? Worked out from its shapes, before anything is allocated.

use std::collections::BTreeSet;

use algorithms::Rule;
use model::{Architecture, Kernels};

use crate::{Population, run::EVALUATION_BATCH};

/// Bytes that a population needs while it trains, by what they are for. About: what an operation needs only while it runs is
/// counted where it is large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryNeed {
    /// Weights, both moments of the optimizer, and feedback matrices.
    pub parameters: u64,
    /// What a step or an evaluation holds: activations, slopes, masks, deltas; of the trackers' own forward pass, too.
    pub activations: u64,
    /// Most that the first drawing of the matrices needs beside them.
    pub drawing: u64,
}

impl MemoryNeed {
    /// Of `population`, taught by the rule that it names on a backend of kind `B`.
    #[must_use]
    pub fn of<B: Kernels>(population: &Population) -> Self {
        let first = population.trials[0].algorithm;
        let is_one_rule = population.trials.iter().all(|trial| trial.algorithm == first);
        let is_local = is_one_rule && matches!(first.rule::<B>(population.squash), Rule::Local(_));
        let trials = population.trials.len() as u64;
        let shape = Shape::of(&population.architecture);
        let feedback =
            if population.trials.iter().any(|trial| trial.feedback.is_some()) { shape.feedback() } else { 0 };
        let per_trial = 3 * shape.weights() + feedback;
        let drops = population.trials.iter().any(|trial| trial.dropout > 0.0);
        // Output, slope and delta; batch norm's values and delta; a mask and what it was applied to.
        let per_unit = 3 + 2 * u64::from(population.architecture.batch_norm) + 2 * u64::from(drops);
        let units = if is_local { shape.widest() * 2 } else { shape.hidden.iter().sum() };
        let batch = population.batch_size as u64;
        let one_pass = batch * (units * per_unit + 3 * shape.outputs);
        let passes = if population.trackers.is_empty() { 1 } else { 2 };
        let evaluation = EVALUATION_BATCH as u64 * (2 * shape.widest() + 2 * shape.outputs);
        // Trials of one seed share their images.
        let seeds: BTreeSet<u64> = population.trials.iter().map(|trial| trial.seed).collect();
        let images = shape.inputs.saturating_mul((batch * seeds.len() as u64).max(EVALUATION_BATCH as u64));
        let floats = |count: u64| count.saturating_mul(size_of::<f32>() as u64);
        Self {
            parameters: floats(trials.saturating_mul(per_trial)),
            activations: floats(
                trials.saturating_mul((passes * one_pass).max(evaluation)).saturating_add(images),
            ),
            // Matrices are drawn in single precision and then stacked; a decomposition works in double precision.
            drawing: floats(trials.saturating_mul(shape.weights() + feedback))
                .saturating_add(DECOMPOSITION.saturating_mul(shape.largest_matrix())),
        }
    }

    /// Bytes at most at one time.
    #[must_use]
    pub fn peak(&self) -> u64 {
        // Moments are made when the matrices have been drawn.
        let training = self.parameters.saturating_add(self.activations);
        training.max((self.parameters / 3).saturating_add(self.drawing))
    }
}

/// Bytes for each element of a matrix while it is made orthogonal: the normal values, and the factors.
const DECOMPOSITION: u64 = 4 * size_of::<f64>() as u64;

struct Shape {
    inputs: u64,
    hidden: Vec<u64>,
    outputs: u64,
}

impl Shape {
    fn of(architecture: &Architecture) -> Self {
        Self {
            inputs: architecture.inputs as u64,
            hidden: architecture.hidden.iter().map(|&units| units as u64).collect(),
            outputs: architecture.outputs as u64,
        }
    }

    /// Elements of each weight matrix.
    fn matrices(&self) -> impl Iterator<Item = u64> {
        let sizes: Vec<u64> =
            [self.inputs].into_iter().chain(self.hidden.iter().copied()).chain([self.outputs]).collect();
        (1..sizes.len()).map(move |index| sizes[index - 1].saturating_mul(sizes[index]))
    }

    /// Weights, biases and batch norm's four values per unit.
    fn weights(&self) -> u64 {
        let beside = 3 * self.hidden.iter().sum::<u64>() + self.outputs;
        self.matrices().fold(beside, u64::saturating_add)
    }

    fn feedback(&self) -> u64 {
        self.hidden.iter().map(|units| units.saturating_mul(self.outputs)).fold(0, u64::saturating_add)
    }

    fn largest_matrix(&self) -> u64 {
        self.matrices().max().unwrap_or(0)
    }

    fn widest(&self) -> u64 {
        self.hidden.iter().copied().max().unwrap_or(0)
    }
}
