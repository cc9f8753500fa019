//! The error of a classification.

use crate::{exp, ln, vectorized};

vectorized! {
    /// Replaces logits, in rows of `outputs`, by softmax minus one-hot target, divided by `divisor`. Returns the summed cross-entropy
    /// and the number of mistakes.
    pub fn replace_by_errors<'a>(
        logits: &'a mut [f32],
        targets: &'a [f32],
        outputs: usize,
        divisor: f32,
    ) -> (f64, u32) {
        let (mut loss, mut mistakes) = (0.0_f64, 0_u32);
        for (row, target) in logits.chunks_exact_mut(outputs).zip(targets.chunks_exact(outputs)) {
            mistakes += u32::from(largest(row) != largest(target));
            loss += f64::from(error_and_cross_entropy(row, target));
            for value in row {
                *value /= divisor;
            }
        }
        (loss, mistakes)
    }
}

/// Replaces logits by the error of their softmax against a one-hot `target`. Returns the cross-entropy.
#[inline(always)]
fn error_and_cross_entropy(logits: &mut [f32], target: &[f32]) -> f32 {
    // `max` ignores NaN, which `exp` below brings back.
    let largest = logits.iter().fold(f32::NEG_INFINITY, |largest, logit| largest.max(*logit));
    let wanted: f32 = logits.iter().zip(target).map(|(logit, target)| target * (logit - largest)).sum();
    for logit in logits.iter_mut() {
        *logit = exp(*logit - largest);
    }
    let sum: f32 = logits.iter().sum();
    for (value, target) in logits.iter_mut().zip(target) {
        *value = *value / sum - target;
    }
    ln(sum) - wanted
}

/// Returns the position of the largest value, the first of equal ones.
#[inline(always)]
fn largest(values: &[f32]) -> usize {
    let (mut best, mut at) = (f32::NEG_INFINITY, 0);
    for (position, &value) in values.iter().enumerate() {
        if value > best {
            (best, at) = (value, position);
        }
    }
    at
}
