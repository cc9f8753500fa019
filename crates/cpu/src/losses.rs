//! Losses of a classification, with their errors.

use crate::{exp, ln, sigmoid, vectorized};

/// The summed loss of some examples, and the number of mistakes.
pub type LossAndMistakes = (f64, u32);

vectorized! {
    /// Replaces logits, in rows of `outputs`, by softmax minus one-hot target, divided by `divisor`. The loss is the cross-entropy.
    pub fn replace_by_softmax_errors<'a>(
        logits: &'a mut [f32],
        targets: &'a [f32],
        outputs: usize,
        divisor: f32,
    ) -> LossAndMistakes {
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

vectorized! {
    /// Replaces logits, in rows of `outputs`, by their logistic function minus the target, divided by `divisor`. The loss is the binary
    /// cross-entropy, summed over outputs.
    pub fn replace_by_sigmoid_errors<'a>(
        logits: &'a mut [f32],
        targets: &'a [f32],
        outputs: usize,
        divisor: f32,
    ) -> LossAndMistakes {
        replace_each(logits, targets, outputs, divisor, sigmoid_loss_and_error)
    }
}

vectorized! {
    /// Replaces linear outputs, in rows of `outputs`, by twice their difference from the target, divided by `divisor`. The loss is the
    /// squared difference, summed over outputs.
    pub fn replace_by_squared_errors<'a>(
        values: &'a mut [f32],
        targets: &'a [f32],
        outputs: usize,
        divisor: f32,
    ) -> LossAndMistakes {
        replace_each(values, targets, outputs, divisor, squared_loss_and_error)
    }
}

/// Replaces the values of each row by their errors, for a loss that is a sum over outputs: `loss_and_error` is that of a value and its
/// target.
#[inline(always)]
fn replace_each(
    values: &mut [f32],
    targets: &[f32],
    outputs: usize,
    divisor: f32,
    loss_and_error: impl Fn(f32, f32) -> (f32, f32),
) -> LossAndMistakes {
    let (mut loss, mut mistakes) = (0.0_f64, 0_u32);
    for (row, target) in values.chunks_exact_mut(outputs).zip(targets.chunks_exact(outputs)) {
        mistakes += u32::from(largest(row) != largest(target));
        for (value, target) in row.iter_mut().zip(target) {
            let (of_value, error) = loss_and_error(*value, *target);
            loss += f64::from(of_value);
            *value = error / divisor;
        }
    }
    (loss, mistakes)
}

#[inline(always)]
fn sigmoid_loss_and_error(logit: f32, target: f32) -> (f32, f32) {
    // The usual formula, ln(1 + exp(logit)) - target logit, would overflow.
    let above = if logit < 0.0 { 0.0 } else { logit };
    (above - logit * target + ln(1.0 + exp(-logit.abs())), sigmoid(logit) - target)
}

#[inline(always)]
fn squared_loss_and_error(value: f32, target: f32) -> (f32, f32) {
    let difference = value - target;
    (difference * difference, 2.0 * difference)
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
