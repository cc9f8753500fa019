//! Sums over the batch and over whole matrices, and the loss of a classification.

use burn::tensor::Tensor;
use burn_flex::Flex;
use cpu::{NARROWEST, Shared, exp, ln, vectorized};

use super::{CHUNK, Operand, buffers::tensor_to_fill, panels::PanelOperand, tensor};
use crate::{OutputError, ReductionKernels, Weights};

impl ReductionKernels for Flex {
    fn bias_gradient(delta: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        let [trials, _, units] = delta.dims();
        let delta = Operand::of(delta);
        let mut sums = tensor_to_fill([trials, 1, units]);
        let target = Shared::new(sums.storage_mut::<f32>());
        let strips = units.div_ceil(SUMMED);
        threads::share(trials * strips, |index| {
            let (trial, first) = (index / strips, index % strips * SUMMED);
            let length = SUMMED.min(units - first);
            // SAFETY: the sums are borrowed above, and strips do not overlap.
            let sums = unsafe { target.part(trial * units + first, length) };
            sum_rows(&delta.trial(trial)[first..], units, sums);
        });
        tensor(sums)
    }

    fn inner_product(left: &Tensor<Self, 3>, right: &Tensor<Self, 3>) -> Tensor<Self, 1> {
        let [trials, rows, columns] = left.dims();
        let [right_trials, ..] = right.dims();
        assert_eq!([rows, columns], right.dims()[1..], "an inner product's factors have one shape");
        let (left, right) = (Operand::of(left), Operand::of(right));
        let sums: Vec<f32> = (0..trials.max(right_trials))
            .map(|trial| shared_inner_product(left.trial(trial), right.trial(trial)))
            .collect();
        Tensor::from_data(sums.as_slice(), &Default::default())
    }

    fn cross_entropy(logits: &Tensor<Self, 3>, target: &Tensor<Self, 3>) -> OutputError<Self> {
        let [_, batch, _] = logits.dims();
        let (error, sums) = errors_of(logits, target, batch as f32);
        let losses: Vec<f32> = sums.iter().map(|(loss, _)| (loss / batch as f64) as f32).collect();
        let mistakes: Vec<f32> = sums.iter().map(|(_, mistakes)| *mistakes as f32).collect();
        let device = Default::default();
        OutputError {
            loss: Tensor::from_data(losses.as_slice(), &device),
            error,
            mistakes: Some(Tensor::from_data(mistakes.as_slice(), &device)),
        }
    }

    fn softmax_error(logits: Tensor<Self, 3>, target: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        errors_of(&logits, target, 1.0).0
    }
}

/// The units whose deltas are summed together.
const SUMMED: usize = 128;
/// The columns whose products are summed together.
const STRIP: usize = NARROWEST;

/// Returns the sum of `left * right` over the weights of each trial. The order of the sum is that of strips of columns and of rows,
/// in panels of any width.
pub(super) fn weights_inner_product(left: &Weights<Flex>, right: &Weights<Flex>) -> Tensor<Flex, 1> {
    assert_eq!(left.dims()[1..], right.dims()[1..], "an inner product's factors have one shape");
    let (left, right) = (PanelOperand::of(left), PanelOperand::of(right));
    let (panels, trials) = (left.panels, left.trials.max(right.trials));
    let strips = panels.columns.div_ceil(STRIP);
    let mut sums = vec![0.0; trials * strips];
    threads::share_chunks(&mut sums, 1, |index, sum| {
        let (trial, column) = (index / strips, index % strips * STRIP);
        let panel = panels.of_column(column);
        let start = panel.start + column - panel.column;
        let values = [&left, &right].map(|operand| &operand.trial(trial)[start..]);
        sum[0] = strip_inner_product(values, panels.rows, panel.width);
    });
    let of_trials: Vec<f32> =
        sums.chunks_exact(strips.max(1)).map(|sums| sums.iter().sum::<f64>() as f32).collect();
    Tensor::from_data(of_trials.as_slice(), &Default::default())
}

vectorized! {
    /// Returns the sum of the products of a strip in double precision.
    fn strip_inner_product<'a>(left_and_right: [&'a [f32]; 2], rows: usize, row_stride: usize) -> f64 {
        let [left, right] = left_and_right;
        let mut sums = [0.0_f64; STRIP];
        for row in 0..rows {
            let [left, right] = [left, right].map(|values| &values[row * row_stride..][..STRIP]);
            for lane in 0..STRIP {
                sums[lane] += f64::from(left[lane]) * f64::from(right[lane]);
            }
        }
        sums.iter().sum()
    }
}

/// Returns softmax minus target, divided by `divisor`, and the summed cross-entropy and the number of mistakes of each trial.
fn errors_of(
    logits: &Tensor<Flex, 3>,
    target: &Tensor<Flex, 3>,
    divisor: f32,
) -> (Tensor<Flex, 3>, Vec<(f64, u32)>) {
    let [trials, batch, outputs] = logits.dims();
    let (logits, target) = (Operand::of(logits), Operand::of(target));
    let mut error = tensor_to_fill([trials, batch, outputs]);
    let values = error.storage_mut::<f32>();
    let sums = (0..trials).map(|trial| {
        let error = &mut values[trial * batch * outputs..][..batch * outputs];
        error.copy_from_slice(logits.trial(trial));
        replace_by_errors(error, target.trial(trial), outputs, divisor)
    });
    let sums = sums.collect();
    (tensor(error), sums)
}

vectorized! {
    /// Replaces the logits of a trial by their errors against one-hot targets. Returns the summed cross-entropy and the number of
    /// mistakes.
    fn replace_by_errors<'a>(
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

vectorized! {
    /// Writes the sum of all rows of `values`, which are `row_stride` values apart.
    fn sum_rows<'a>(values: &'a [f32], row_stride: usize, sums: &'a mut [f32]) {
        sums.fill(0.0);
        for row in values.chunks(row_stride) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
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

vectorized! {
    /// Returns the sum of `left * right` in double precision.
    fn inner_product<'a>(left: &'a [f32], right: &'a [f32]) -> f64 {
        /// The number of independent sums, so that values are added a vector at a time.
        const LANES: usize = 16;
        let mut sums = [0.0_f64; LANES];
        let (left, left_rest) = left.as_chunks::<LANES>();
        let (right, right_rest) = right.as_chunks::<LANES>();
        for (left, right) in left.iter().zip(right) {
            for lane in 0..LANES {
                sums[lane] += f64::from(left[lane]) * f64::from(right[lane]);
            }
        }
        let mut sum: f64 = sums.iter().sum();
        for (left, right) in left_rest.iter().zip(right_rest) {
            sum += f64::from(*left) * f64::from(*right);
        }
        sum
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
