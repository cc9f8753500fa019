//! Fixed random feedback matrices F of hidden layers, and initial forward weights W.
//!
//! Aligned weights are those that make DFA equal to backpropagation above the first layer: `W_l = F_{l-1} F_l^T`, and
//! `F_L` at the output (Refinetti et al. 2021, arXiv:2011.12428). Aligned feedback is that of a linear network at the start:
//! `F_L = W_{L+1}`, and `F_l = W_{l+1} F_{l+1}`.

use model::{
    Architecture,
    initialization::{self, Matrix},
};
use random::stream;
use settings::Initialization;

/// Returns the feedback matrix of each hidden layer, `[units, outputs]`, of the trial with `seed`.
pub fn draw(architecture: &Architecture, initialization: Initialization, seed: u64) -> Vec<Matrix> {
    // Frozen from here on: learning the feedback would turn every rule into weight mirroring.
    (1..)
        .zip(&architecture.hidden)
        .map(|(layer, &units)| {
            initialization::draw(
                initialization,
                units,
                architecture.outputs,
                &mut stream(seed, "feedback", &[layer]),
            )
        })
        .collect()
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
pub fn aligned_weights(architecture: &Architecture, feedback: &[Matrix], seed: u64) -> Vec<Matrix> {
    let [rows, columns] = architecture.weight_shapes()[0];
    let mut stream = stream(seed, "weights", &[1]);
    let first = initialization::draw(Initialization::Orthogonal, rows, columns, &mut stream);
    let between = feedback.windows(2).map(|pair| pair[0].times_transposed(&pair[1]));
    std::iter::once(first).chain(between).chain(feedback.last().cloned()).collect()
}

/// Returns the feedback matrix of each hidden layer that is aligned with forward `weights`, the output layer's last.
pub fn aligned_feedback(weights: &[Matrix]) -> Vec<Matrix> {
    let mut feedback: Vec<Matrix> = Vec::new();
    for weight in weights.iter().skip(1).rev() {
        let matrix = feedback.last().map_or_else(|| weight.clone(), |above| weight.times(above));
        feedback.push(matrix);
    }
    feedback.reverse();
    feedback
}
