//! Sums over the batch and over whole matrices, and the loss of a classification.

use burn::tensor::Tensor;
use burn_flex::Flex;
use cpu::{
    LossAndMistakes, NARROWEST, Shared, inner_product, replace_by_sigmoid_errors, replace_by_softmax_errors,
    replace_by_squared_errors, strip_inner_product, sum_rows,
};
use settings::Loss;

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

    fn output_error(loss: Loss, logits: &Tensor<Self, 3>, target: &Tensor<Self, 3>) -> OutputError<Self> {
        let [_, batch, outputs] = logits.dims();
        let (kernel, divisor): (ErrorKernel, usize) = match loss {
            Loss::SoftmaxCrossEntropy => (replace_by_softmax_errors, batch),
            Loss::SigmoidCrossEntropy => (replace_by_sigmoid_errors, batch * outputs),
            Loss::MeanSquaredError => (replace_by_squared_errors, batch * outputs),
        };
        let (error, sums) = errors_of(kernel, logits, target, divisor as f32);
        let losses: Vec<f32> = sums.iter().map(|(loss, _)| (loss / divisor as f64) as f32).collect();
        let mistakes: Vec<f32> = sums.iter().map(|(_, mistakes)| *mistakes as f32).collect();
        let device = Default::default();
        OutputError {
            loss: Tensor::from_data(losses.as_slice(), &device),
            error,
            mistakes: Some(Tensor::from_data(mistakes.as_slice(), &device)),
        }
    }

    fn softmax_error(logits: Tensor<Self, 3>, target: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        errors_of(replace_by_softmax_errors, &logits, target, 1.0).0
    }
}

/// The units whose deltas are summed together.
const SUMMED: usize = 128;
/// Returns the sum of `left * right` over the weights of each trial. The order of the sum is that of strips of columns and of rows,
/// in panels of any width.
pub(super) fn weights_inner_product(left: &Weights<Flex>, right: &Weights<Flex>) -> Tensor<Flex, 1> {
    assert_eq!(left.dims()[1..], right.dims()[1..], "an inner product's factors have one shape");
    let (left, right) = (PanelOperand::of(left), PanelOperand::of(right));
    let (panels, trials) = (left.panels, left.trials.max(right.trials));
    let strips = panels.columns.div_ceil(NARROWEST);
    let mut sums = vec![0.0; trials * strips];
    threads::share_chunks(&mut sums, 1, |index, sum| {
        let (trial, column) = (index / strips, index % strips * NARROWEST);
        let panel = panels.of_column(column);
        let start = panel.start + column - panel.column;
        let values = [&left, &right].map(|operand| &operand.trial(trial)[start..]);
        sum[0] = strip_inner_product(values, panels.rows, panel.width);
    });
    let of_trials: Vec<f32> =
        sums.chunks_exact(strips.max(1)).map(|sums| sums.iter().sum::<f64>() as f32).collect();
    Tensor::from_data(of_trials.as_slice(), &Default::default())
}

/// A function that replaces logits by errors: of logits, targets, the number of outputs, and the errors' divisor.
type ErrorKernel = fn(&mut [f32], &[f32], usize, f32) -> LossAndMistakes;

/// Returns the errors of each trial's logits, with its summed loss and the number of its mistakes.
fn errors_of(
    kernel: ErrorKernel,
    logits: &Tensor<Flex, 3>,
    target: &Tensor<Flex, 3>,
    divisor: f32,
) -> (Tensor<Flex, 3>, Vec<LossAndMistakes>) {
    let [trials, batch, outputs] = logits.dims();
    let (logits, target) = (Operand::of(logits), Operand::of(target));
    let mut error = tensor_to_fill([trials, batch, outputs]);
    let values = error.storage_mut::<f32>();
    let sums = (0..trials).map(|trial| {
        let error = &mut values[trial * batch * outputs..][..batch * outputs];
        error.copy_from_slice(logits.trial(trial));
        kernel(error, target.trial(trial), outputs, divisor)
    });
    let sums = sums.collect();
    (tensor(error), sums)
}

fn shared_inner_product(left: &[f32], right: &[f32]) -> f32 {
    let mut sums = vec![0.0; left.len().div_ceil(CHUNK)];
    threads::share_chunks(&mut sums, 1, |index, sum| {
        let part = index * CHUNK..left.len().min((index + 1) * CHUNK);
        sum[0] = inner_product(&left[part.clone()], &right[part]);
    });
    sums.iter().sum::<f64>() as f32
}
