//! Loss, error and misclassified examples, in one launch.

use burn_cubecl::{CubeRuntime, tensor::CubeTensor};
use cubecl::prelude::*;
use settings::Loss;

use super::{
    launch::{Matrices, UNITS, addresses, grid, units},
    reductions::sum_of_units,
};

/// Runs one cube for each trial. Every unit processes its examples in their order.
#[cube(launch_unchecked, address_type = "dynamic")]
fn output_error_kernel(
    logits: &Tensor<f32>,
    target: &Tensor<f32>,
    error: &mut Tensor<f32>,
    losses: &mut Tensor<f32>,
    mistakes: &mut Tensor<f32>,
    divisor: f32,
    #[comptime] kind: Loss,
) {
    let trial = CUBE_POS_Z as usize;
    let batch = logits.shape(1);
    let outputs = logits.shape(2);
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
        match kind {
            Loss::SoftmaxCrossEntropy => {
                let mut wanted = f32::new(0.0);
                for output in 0..outputs {
                    let logit = logits[logits_at + output] - highest;
                    wanted += target[target_at + output] * logit;
                    sum += f32::exp(logit);
                }
                loss += f32::ln(sum) - wanted;
            }
            Loss::SigmoidCrossEntropy | Loss::MeanSquaredError => {}
        }
        for output in 0..outputs {
            let logit = logits[logits_at + output];
            let wanted = target[target_at + output];
            error[error_at + output] = match kind {
                Loss::SoftmaxCrossEntropy => (f32::exp(logit - highest) / sum - wanted) / divisor,
                Loss::SigmoidCrossEntropy => {
                    // `select` keeps NaN, which comparisons call not smaller.
                    let above = select(logit < 0.0, 0.0, logit);
                    let size = select(logit < 0.0, -logit, logit);
                    loss += above - logit * wanted + f32::ln(1.0 + f32::exp(-size));
                    (1.0 / (1.0 + f32::exp(-logit)) - wanted) / divisor
                }
                Loss::MeanSquaredError => {
                    let difference = logit - wanted;
                    loss += difference * difference;
                    2.0 * difference / divisor
                }
            };
        }
    }
    let total_loss = sum_of_units(loss);
    let total_wrong = sum_of_units(wrong);
    if UNIT_POS == 0 {
        losses[trial] = total_loss / divisor;
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
pub(super) fn output_error<R: CubeRuntime>(
    kind: Loss,
    logits: &Matrices<R>,
    target: &Matrices<R>,
) -> (CubeTensor<R>, Matrices<R>, CubeTensor<R>) {
    let [trials, batch, outputs] = logits.dims();
    let [target_trials, target_batch, target_outputs] = target.dims();
    assert!(target_trials == 1 || target_trials == trials, "a target for each trial, or one for all");
    assert_eq!([target_batch, target_outputs], [batch, outputs], "a target for each example and output");
    let divisor = match kind {
        Loss::SoftmaxCrossEntropy => batch,
        Loss::SigmoidCrossEntropy | Loss::MeanSquaredError => batch * outputs,
    };
    let error = logits.like(logits.dims());
    let [losses, mistakes] = [(); 2].map(|()| logits.numbers(trials));
    // SAFETY: no unit reads or writes beyond the shapes.
    unsafe {
        output_error_kernel::launch_unchecked::<R>(
            &logits.client(),
            grid(1, 1, trials),
            units(UNITS),
            addresses([logits, target, &error]),
            logits.argument(),
            target.argument(),
            error.argument(),
            losses.clone().into_tensor_arg(),
            mistakes.clone().into_tensor_arg(),
            divisor as f32,
            kind,
        );
    }
    (losses, error, mistakes)
}
