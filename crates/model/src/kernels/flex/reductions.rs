//! Sums over the batch and over whole matrices, and the loss of a classification.

use burn::tensor::Tensor;
use burn_flex::Flex;

use super::{
    CHUNK, Operand,
    buffers::tensor_to_fill,
    elementwise::{add, each},
    exp::exp,
    tensor,
};
use crate::{OutputError, ReductionKernels, vector::vectorized};

impl ReductionKernels for Flex {
    fn bias_gradient(delta: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        let [trials, _, units] = delta.dims();
        let delta = Operand::of(delta);
        let mut sums = tensor_to_fill([trials, 1, units]);
        for (trial, sums) in sums.storage_mut::<f32>().chunks_exact_mut(units).enumerate() {
            sums.fill(0.0);
            delta.trial(trial).chunks_exact(units).for_each(|row| add(sums, row));
        }
        tensor(sums)
    }

    fn inner_product(left: &Tensor<Self, 3>, right: &Tensor<Self, 3>) -> Tensor<Self, 1> {
        assert_eq!(left.dims(), right.dims(), "an inner product's factors have one shape");
        let (left, right) = (Operand::of(left), Operand::of(right));
        let sums: Vec<f32> = (0..left.trials)
            .map(|trial| shared_inner_product(left.trial(trial), right.trial(trial)))
            .collect();
        Tensor::from_data(sums.as_slice(), &Default::default())
    }

    fn cross_entropy(logits: &Tensor<Self, 3>, target: &Tensor<Self, 3>) -> OutputError<Self> {
        let [trials, batch, outputs] = logits.dims();
        let (logits, target) = (Operand::of(logits), Operand::of(target));
        let mut error = tensor_to_fill([trials, batch, outputs]);
        let (mut losses, mut mistakes) = (Vec::with_capacity(trials), Vec::with_capacity(trials));
        for (trial, error) in error.storage_mut::<f32>().chunks_exact_mut(batch * outputs).enumerate() {
            error.copy_from_slice(logits.trial(trial));
            let (mut loss, mut wrong) = (0.0_f64, 0_u32);
            for (row, target) in
                error.chunks_exact_mut(outputs).zip(target.trial(trial).chunks_exact(outputs))
            {
                wrong += u32::from(largest(row) != largest(target));
                loss += f64::from(error_and_cross_entropy(row, target));
                row.iter_mut().for_each(|value| *value /= batch as f32);
            }
            losses.push((loss / batch as f64) as f32);
            mistakes.push(wrong as f32);
        }
        let device = Default::default();
        OutputError {
            loss: Tensor::from_data(losses.as_slice(), &device),
            error: tensor(error),
            mistakes: Some(Tensor::from_data(mistakes.as_slice(), &device)),
        }
    }
}

fn shared_inner_product(left: &[f32], right: &[f32]) -> f32 {
    let mut sums = vec![0.0; left.len().div_ceil(CHUNK)];
    threads::share_chunks(&mut sums, 1, |index, sum| {
        let part = index * CHUNK..left.len().min((index + 1) * CHUNK);
        sum[0] = inner_product(&left[part.clone()], &right[part]);
    });
    sums.iter().sum::<f64>() as f32
}

/// Returns the sum of `left * right` in double precision.
fn inner_product(left: &[f32], right: &[f32]) -> f64 {
    /// The number of independent sums, so that values are added a vector at a time.
    const LANES: usize = 16;
    vectorized(|| {
        let mut sums = [0.0_f64; LANES];
        let (left, left_rest) = left.as_chunks::<LANES>();
        let (right, right_rest) = right.as_chunks::<LANES>();
        for (left, right) in left.iter().zip(right) {
            for lane in 0..LANES {
                sums[lane] += f64::from(left[lane]) * f64::from(right[lane]);
            }
        }
        let rest = left_rest.iter().zip(right_rest).map(|(left, right)| f64::from(*left) * f64::from(*right));
        sums.iter().sum::<f64>() + rest.sum::<f64>()
    })
}

/// Replaces logits by the error of their softmax against a one-hot `target`, not divided by the batch. Returns the
/// cross-entropy.
fn error_and_cross_entropy(logits: &mut [f32], target: &[f32]) -> f32 {
    vectorized(|| {
        // `max` ignores NaN, which `exp` below brings back.
        let largest = logits.iter().fold(f32::NEG_INFINITY, |largest, logit| largest.max(*logit));
        let wanted: f32 = logits.iter().zip(target).map(|(logit, target)| target * (logit - largest)).sum();
        each(logits, |logit| exp(logit - largest));
        let sum: f32 = logits.iter().sum();
        for (value, target) in logits.iter_mut().zip(target) {
            *value = *value / sum - target;
        }
        sum.ln() - wanted
    })
}

/// Returns the position of the largest value, the first of equal ones.
fn largest(values: &[f32]) -> usize {
    let (mut best, mut at) = (f32::NEG_INFINITY, 0);
    for (position, &value) in values.iter().enumerate() {
        if value > best {
            (best, at) = (value, position);
        }
    }
    at
}
