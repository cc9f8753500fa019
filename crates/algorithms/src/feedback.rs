//! Random feedback matrices F of hidden layers, and initial forward weights W.
//!
//! Matrices from layer to layer are aligned where they are equal to the weights above. Of those from the output, aligned weights are those that make
//! DFA equal to backpropagation above the first layer: `W_l = F_{l-1} F_l^T`, and `F_L` at the output (Refinetti et al. 2021, arXiv:2011.12428). Aligned feedback is that of a linear network at the start:
//! `F_L = W_{L+1}`, and `F_l = W_{l+1} F_{l+1}`. The matrix to the input is aligned with nothing.

use model::{
    Architecture,
    initialization::{self, Matrix},
};
use random::stream;
use settings::{FeedbackShape, Initialization};

/// The factor on the matrix to the input (Dellaferrera & Kreiman 2022, arXiv:2201.11665).
const INPUT_SCALE: f32 = 0.05;

/// Returns the feedback matrix of each hidden layer of the trial with `seed`, or the single one to the input.
pub fn draw(
    architecture: &Architecture,
    shape: FeedbackShape,
    initialization: Initialization,
    seed: u64,
) -> Vec<Matrix> {
    let drawn = |rows, columns, layer| {
        initialization::draw(initialization, rows, columns, &mut stream(seed, "feedback", &[layer]))
    };
    let shapes = architecture.weight_shapes();
    let above = (1..).zip(&shapes[1..]);
    match shape {
        FeedbackShape::Target => {
            above.map(|(layer, &[units, _])| drawn(units, architecture.outputs, layer)).collect()
        }
        FeedbackShape::Layer => above.map(|(layer, &[units, above])| drawn(units, above, layer)).collect(),
        FeedbackShape::Input => {
            let mut matrix = drawn(architecture.inputs, architecture.outputs, 0);
            matrix.values.iter_mut().for_each(|value| *value *= INPUT_SCALE);
            vec![matrix]
        }
    }
}

/// Returns initial forward weights that do not depend on the feedback, the output layer's last.
pub fn independent_weights(
    architecture: &Architecture,
    initialization: Initialization,
    seed: u64,
) -> Vec<Matrix> {
    (1..)
        .zip(architecture.weight_shapes())
        .map(|(layer, [rows, columns])| {
            initialization::draw(initialization, rows, columns, &mut stream(seed, "weights", &[layer]))
        })
        .collect()
}

/// Returns initial forward weights aligned with the feedback, the output layer's last. The first layer has no feedback
/// below it: an independent orthogonal matrix.
pub fn aligned_weights(
    architecture: &Architecture,
    shape: FeedbackShape,
    feedback: &[Matrix],
    seed: u64,
) -> Vec<Matrix> {
    let [rows, columns] = architecture.weight_shapes()[0];
    let mut stream = stream(seed, "weights", &[1]);
    let first = initialization::draw(Initialization::Orthogonal, rows, columns, &mut stream);
    let above: Vec<Matrix> = match shape {
        FeedbackShape::Layer => feedback.to_vec(),
        FeedbackShape::Target => {
            let between = feedback.windows(2).map(|pair| pair[0].times_transposed(&pair[1]));
            between.chain(feedback.last().cloned()).collect()
        }
        FeedbackShape::Input => panic!("no weights are aligned with the matrix to the input"),
    };
    [vec![first], above].concat()
}

/// Returns the feedback matrix of each hidden layer that is aligned with forward `weights`, the output layer's last.
pub fn aligned_feedback(shape: FeedbackShape, weights: &[Matrix]) -> Vec<Matrix> {
    let above = &weights[1..];
    let mut feedback = above.to_vec();
    if shape == FeedbackShape::Target {
        for layer in (0..above.len() - 1).rev() {
            feedback[layer] = above[layer].times(&feedback[layer + 1]);
        }
    }
    feedback
}

/// Returns the difference of each hidden layer's `feedback` from the weights of the layer above; `weights` are those of all layers.
pub fn offsets(feedback: &[Matrix], weights: &[Matrix]) -> Vec<Matrix> {
    let pairs = feedback.iter().zip(&weights[1..]);
    pairs
        .map(|(feedback, weight)| {
            let values = feedback.values.iter().zip(&weight.values).map(|(own, other)| own - other);
            Matrix { values: values.collect(), ..*feedback }
        })
        .collect()
}
