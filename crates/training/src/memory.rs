//! The memory that a population needs, computed from its shapes before anything is allocated.

use std::collections::BTreeSet;

use algorithms::Rule;
use kernels::Kernels;
use model::{Architecture, Wiring};
use settings::FeedbackShape;

use crate::{Population, run::EVALUATION_BATCH};

/// The approximate number of bytes that a population needs while it trains, by purpose. Temporary results within an operation
/// are counted where they are large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryNeed {
    /// Bytes of weights, the optimizer's state, and feedback matrices.
    pub parameters: u64,
    /// The part of these that are weights and feedback matrices.
    values: u64,
    /// Bytes that a step or an evaluation holds: activations, slopes, masks and deltas, those of the trackers, and matrices that a
    /// step computes.
    pub activations: u64,
    /// Additional bytes while the initial matrices are drawn.
    pub drawing: u64,
}

impl MemoryNeed {
    /// Computes the memory of `population` on a backend of kind `B`, where `padded` returns the number of values that a row takes
    /// in memory, from its number of values.
    pub fn of<B: Kernels>(population: &Population, padded: fn(u64) -> u64) -> Self {
        let first = population.trials[0].configuration.algorithm;
        let is_one_rule = population.trials.iter().all(|trial| trial.configuration.algorithm == first);
        let clips = population.trials.iter().any(|trial| trial.configuration.clip_norm.is_some());
        // Trackers run all layers, and so does a norm of the whole gradient.
        let learns_on_the_way = is_one_rule && !clips && population.trackers.is_empty();
        let rule = algorithms::rule::<B>(&population.trials[0].configuration, population.squash);
        let trials = population.trials.len() as u64;
        let shape = Shape::of(&population.architecture, padded);
        let rules = population.trials.iter().map(|trial| trial.configuration.algorithm);
        let feedback = rules.clone().filter_map(|rule| rule.feedback()).map(|of| shape.feedback(of)).max();
        let feedback = feedback.unwrap_or(0);
        let states = population.trials[0].configuration.optimizer.kind().states().len() as u64;
        let feedback_states = if rules.clone().any(|rule| rule.trains_feedback()) { states } else { 0 };
        let per_trial = (1 + states) * shape.weights() + (1 + feedback_states) * feedback;
        // Signs, magnitudes and their product.
        let computes_backward = rules.clone().any(|rule| rule.computes_backward_weights());
        let backward = if computes_backward { 3 * shape.largest_matrix_above() } else { 0 };
        // The gradient of one layer, whose norm is computed, with the L2 term.
        let gradient = if clips { 2 * shape.largest_matrix() } else { 0 };
        let drops = population.trials.iter().any(|trial| trial.configuration.dropout > 0.0);
        // Output, slope and delta; batch norm's values and delta; a mask and the output after it.
        // Several rules cut outputs and slopes, and join deltas.
        let cuts = if is_one_rule { 0 } else { 3 };
        let per_unit = 3 + cuts + 2 * u64::from(population.architecture.batch_norm) + 2 * u64::from(drops);
        let has_second_pass = rules.clone().any(|rule| rule.feedback() == Some(FeedbackShape::Input));
        // Outputs of the second pass, which are inputs of updates; the changed input, and its difference from the first.
        let second = if has_second_pass { shape.padded_units() + 2 * shape.padded(shape.inputs) } else { 0 };
        let held = match rule {
            Rule::Local(_) if learns_on_the_way => 2 * shape.widest() * per_unit,
            // Outputs of the first pass, and everything of the layers that the second pass is at.
            Rule::SecondPass(_) if learns_on_the_way => {
                2 * shape.widest() * per_unit + shape.padded_units() + 2 * shape.padded(shape.inputs)
            }
            // Rows of three parts; inputs of two of them, which are copied, and the output layer's input.
            Rule::Contrast(_) => {
                let units = if learns_on_the_way { 2 * shape.widest() } else { shape.padded_units() };
                3 * units * (per_unit + 1) + 2 * shape.padded_units() + 5 * shape.padded(shape.first_inputs())
            }
            _ => shape.padded_units() * per_unit + second,
        };
        let batch = population.batch_size as u64;
        let drops_input = population.trials.iter().any(|trial| trial.configuration.input_dropout > 0.0);
        // The mask, and the input after it.
        let dropped_input = if drops_input { 2 * shape.padded(shape.inputs) } else { 0 };
        let one_pass = batch * (held + 3 * shape.padded(shape.outputs) + dropped_input);
        let passes = if population.trackers.is_empty() { 1 } else { 2 };
        // Input, output and slope of a layer; logits and their error.
        // With labels, the labeled input and that of the output layer, too.
        let read =
            if shape.is_labeled { shape.padded(shape.first_inputs()) + shape.padded_units() } else { 0 };
        let evaluation =
            EVALUATION_BATCH as u64 * (3 * shape.widest() + 2 * shape.padded(shape.outputs) + read);
        // Trials of one seed share their images.
        let seeds: BTreeSet<u64> = population.trials.iter().map(|trial| trial.seed).collect();
        let images = shape
            .padded(shape.inputs)
            .saturating_mul((batch * seeds.len() as u64).max(EVALUATION_BATCH as u64));
        Self {
            parameters: float_bytes(trials.saturating_mul(per_trial)),
            values: float_bytes(trials.saturating_mul(shape.weights() + feedback)),
            activations: float_bytes(
                trials
                    .saturating_mul((passes * one_pass + gradient + backward).max(evaluation))
                    .saturating_add(images),
            ),
            // Matrices are drawn in single precision and then stacked; a decomposition works in double precision.
            drawing: float_bytes(trials.saturating_mul(shape.weights() + feedback))
                .saturating_add(DECOMPOSITION.saturating_mul(shape.largest_matrix())),
        }
    }

    /// Returns the largest number of bytes at one time.
    pub fn peak(&self) -> u64 {
        // The optimizer's state is allocated after the matrices have been drawn.
        let training = self.parameters.saturating_add(self.activations);
        training.max(self.values.saturating_add(self.drawing))
    }
}

fn float_bytes(floats: u64) -> u64 {
    floats.saturating_mul(size_of::<f32>() as u64)
}

/// The number of bytes for each element of a matrix while it is made orthogonal: the normal values, and the factors.
const DECOMPOSITION: u64 = 4 * size_of::<f64>() as u64;

struct Shape {
    /// Returns the number of values that a row takes in memory, from its number of values.
    padded: fn(u64) -> u64,
    inputs: u64,
    hidden: Vec<u64>,
    outputs: u64,
    /// The rows and columns of each weight matrix, from the input up.
    weights: Vec<[u64; 2]>,
    is_labeled: bool,
}

impl Shape {
    fn of(architecture: &Architecture, padded: fn(u64) -> u64) -> Self {
        Self {
            padded,
            inputs: architecture.inputs as u64,
            hidden: architecture.hidden.iter().map(|&units| units as u64).collect(),
            outputs: architecture.outputs as u64,
            weights: architecture
                .weight_shapes()
                .into_iter()
                .map(|shape| shape.map(|of| of as u64))
                .collect(),
            is_labeled: architecture.wiring != Wiring::Chain,
        }
    }

    /// Returns the number of values that a row with `values` values takes.
    fn padded(&self, values: u64) -> u64 {
        (self.padded)(values)
    }

    /// Returns the number of values of a row of all hidden layers.
    fn padded_units(&self) -> u64 {
        self.hidden.iter().map(|&units| self.padded(units)).sum()
    }

    fn matrices(&self) -> impl Iterator<Item = u64> {
        self.weights.iter().map(|&[rows, columns]| rows.saturating_mul(self.padded(columns)))
    }

    /// Returns the number of inputs of the first layer.
    fn first_inputs(&self) -> u64 {
        self.weights[0][0]
    }

    /// Returns the number of weights, biases and batch norm's four values per unit.
    fn weights(&self) -> u64 {
        let vectors = 3 * self.padded_units() + self.padded(self.outputs);
        self.matrices().fold(vectors, u64::saturating_add)
    }

    fn feedback(&self, of: FeedbackShape) -> u64 {
        match of {
            FeedbackShape::Layer => self.matrices().skip(1).fold(0, u64::saturating_add),
            FeedbackShape::Target => {
                let row = self.padded(self.outputs);
                self.hidden.iter().map(|units| units.saturating_mul(row)).fold(0, u64::saturating_add)
            }
            FeedbackShape::Input => self.inputs.saturating_mul(self.padded(self.outputs)),
        }
    }

    /// Returns the size of the largest matrix that a delta goes through.
    fn largest_matrix_above(&self) -> u64 {
        self.matrices().skip(1).max().unwrap_or(0)
    }

    fn largest_matrix(&self) -> u64 {
        self.matrices().max().unwrap_or(0)
    }

    fn widest(&self) -> u64 {
        self.padded(self.hidden.iter().copied().max().unwrap_or(0))
    }
}
