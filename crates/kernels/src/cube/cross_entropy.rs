//! Loss, error and misclassified examples, in one launch.

use burn_cubecl::{CubeRuntime, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{
    launch::{Matrices, UNITS, addresses, grid, units},
    reductions::sum_of_units,
};

/// Runs one cube for each trial. Every unit processes its examples in their order.
#[cube(launch_unchecked, address_type = "dynamic")]
fn cross_entropy_kernel(
    logits: &Tensor<f32>,
    target: &Tensor<f32>,
    error: &mut Tensor<f32>,
    losses: &mut Tensor<f32>,
    mistakes: &mut Tensor<f32>,
) {
    let trial = CUBE_POS_Z as usize;
    let batch = logits.shape(1);
    let outputs = logits.shape(2);
    let count = f32::cast_from(batch as u32);
    let mut loss = f32::new(0.0);
    let mut wrong = f32::new(0.0);
    for row in range_stepped(UNIT_POS as usize, batch, UNITS) {
        let logits_at = trial * logits.stride(0) + row * logits.stride(1);
        let target_at = trial * target.stride(0) + row * target.stride(1);
        let error_at = trial * error.stride(0) + row * error.stride(1);
        let answer = largest(logits, logits_at, outputs);
        let label = largest(target, target_at, outputs);
        if answer != label {
            wrong += 1.0;
        }
        // Comparisons ignore NaN, which the exponentials bring back.
        let highest = logits[logits_at + answer];
        let mut sum = f32::new(0.0);
        let mut wanted = f32::new(0.0);
        for output in 0..outputs {
            let logit = logits[logits_at + output] - highest;
            wanted += target[target_at + output] * logit;
            sum += f32::exp(logit);
        }
        loss += f32::ln(sum) - wanted;
        for output in 0..outputs {
            let probability = f32::exp(logits[logits_at + output] - highest) / sum;
            error[error_at + output] = (probability - target[target_at + output]) / count;
        }
    }
    let total_loss = sum_of_units(loss);
    let total_wrong = sum_of_units(wrong);
    if UNIT_POS == 0 {
        losses[trial] = total_loss / count;
        mistakes[trial] = total_wrong;
    }
}

/// Returns the position of the largest value of a row, the first of equal ones.
#[cube]
fn largest(values: &Tensor<f32>, start: usize, count: usize) -> usize {
    let mut best = values[start];
    let mut at = 0usize;
    for position in 1..count {
        let value = values[start + position];
        if value > best {
            best = value;
            at = position;
        }
    }
    at
}

/// Returns losses (`[trials]`), error (`[trials, batch, outputs]`) and mistakes (`[trials]`).
pub(super) fn cross_entropy<R: CubeRuntime>(
    logits: &Matrices<R>,
    target: &Matrices<R>,
) -> (CubeTensor<R>, Matrices<R>, CubeTensor<R>) {
    let [trials, batch, outputs] = logits.dims();
    let [target_trials, target_batch, target_outputs] = target.dims();
    assert!(target_trials == 1 || target_trials == trials, "a target for each trial, or one for all");
    assert_eq!([target_batch, target_outputs], [batch, outputs], "a target for each example and output");
    let error = logits.like(logits.dims());
    let [losses, mistakes] = [(); 2].map(|()| logits.numbers(trials));
    // SAFETY: no unit reads or writes beyond the shapes.
    unsafe {
        cross_entropy_kernel::launch_unchecked::<R>(
            &logits.client(),
            grid(1, 1, trials),
            units(UNITS),
            addresses([logits, target, &error]),
            logits.argument(),
            target.argument(),
            error.argument(),
            losses.clone().into_tensor_arg(),
            mistakes.clone().into_tensor_arg(),
        );
    }
    (losses, error, mistakes)
}
