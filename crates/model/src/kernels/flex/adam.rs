//! Adam in place, on a gradient or on the blocks of the product that is the gradient.

use std::cell::RefCell;

use burn::tensor::Tensor;
use burn_flex::{Flex, FlexTensor};
use pulp::Arch;

use super::{Operand, contiguous, product::Product, shared::Shared, tensor};
use crate::{
    AdamStep, Moments, Parameter, UpdateKernels, WeightUpdate,
    optimizer::{BETA_1, BETA_2, EPSILON},
};
use settings::Precision;

/// The number of values of a gradient block. A block and the parts of weight and moments that it updates fit into the
/// second-level cache.
const GRADIENT_BLOCK: usize = 48 * 500;

thread_local! {
    /// A buffer for a gradient block, kept because the pages of a fresh one would be mapped at every call.
    static BLOCK: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl UpdateKernels for Flex {
    fn learn_weights(
        updates: Vec<WeightUpdate<'_, Self>>,
        step: &AdamStep<Self>,
        _: Precision,
    ) -> Vec<Parameter<Self>> {
        let settings = Settings::of(step);
        let (mut parameters, operands): (Vec<[FlexTensor; 3]>, Vec<[Operand; 2]>) = updates
            .into_iter()
            .map(|WeightUpdate { weight, input, delta }| {
                (buffers_of(weight), [Operand::shared(input).transposed(), Operand::of(delta)])
            })
            .unzip();
        let shared: Vec<_> = parameters.iter_mut().map(shared).collect();
        let blocks: Vec<Block> = operands.iter().enumerate().flat_map(gradient_blocks).collect();
        threads::share(blocks.len(), |index| {
            let Block { update: index, trial, first_row, rows } = blocks[index];
            let [input, delta] = &operands[index];
            let [inputs, outputs] = [input.rows, delta.columns];
            BLOCK.with_borrow_mut(|block| {
                block.resize(block.len().max(rows * outputs), 0.0);
                let gradient = &mut block[..rows * outputs];
                let product = Product {
                    left: input.matrix(trial).from(first_row, 0),
                    right: delta.matrix(trial),
                    depth: delta.rows,
                };
                // SAFETY: the block is this thread's, and long enough.
                unsafe { product.write(rows, outputs, gradient.as_mut_ptr(), outputs) };
                let start = (trial * inputs + first_row) * outputs;
                // SAFETY: the parameters are borrowed above, and blocks do not overlap.
                unsafe { update(shared[index], start, gradient, settings[trial]) };
            });
        });
        parameters.into_iter().map(parameter_of).collect()
    }

    fn learn(
        parameter: Parameter<Self>,
        gradient: Tensor<Self, 3>,
        step: &AdamStep<Self>,
    ) -> Parameter<Self> {
        let [_, rows, columns] = gradient.dims();
        let mut buffers = buffers_of(parameter);
        let shared = shared(&mut buffers);
        let gradient = Operand::of(&gradient);
        for (trial, settings) in Settings::of(step).into_iter().enumerate() {
            let settings = Settings { decay: 0.0, ..settings };
            // SAFETY: the buffers are borrowed above, by this thread alone.
            unsafe { update(shared, trial * rows * columns, gradient.trial(trial), settings) };
        }
        parameter_of(buffers)
    }
}

/// The rows of a weight matrix that are updated together.
#[derive(Clone, Copy)]
struct Block {
    update: usize,
    trial: usize,
    first_row: usize,
    rows: usize,
}

/// Returns the blocks of an update, from its index, its transposed input and its delta.
fn gradient_blocks((update, [input, delta]): (usize, &[Operand; 2])) -> impl Iterator<Item = Block> {
    let (inputs, trials) = (input.rows, delta.trials);
    let block_rows = (GRADIENT_BLOCK / delta.columns).clamp(8, 48);
    (0..trials).flat_map(move |trial| {
        (0..inputs).step_by(block_rows).map(move |first_row| Block {
            update,
            trial,
            first_row,
            rows: block_rows.min(inputs - first_row),
        })
    })
}

/// The optimizer's settings for a trial.
#[derive(Clone, Copy)]
struct Settings {
    rate: f32,
    decay: f32,
}

impl Settings {
    fn of(step: &AdamStep<Flex>) -> Vec<Self> {
        let rates = numbers(&step.rate);
        let decays = step.weight_decay.as_ref().map_or_else(|| vec![0.0; rates.len()], numbers);
        rates.into_iter().zip(decays).map(|(rate, decay)| Self { rate, decay }).collect()
    }
}

fn numbers(of_trials: &Tensor<Flex, 3>) -> Vec<f32> {
    contiguous(of_trials.clone()).storage::<f32>().to_vec()
}

/// Returns the contiguous buffers of a parameter: value, first moment and second moment.
fn buffers_of(Parameter { value, moments }: Parameter<Flex>) -> [FlexTensor; 3] {
    [value, moments.first, moments.second].map(contiguous)
}

fn parameter_of(buffers: [FlexTensor; 3]) -> Parameter<Flex> {
    let [value, first, second] = buffers.map(tensor);
    Parameter { value, moments: Moments { first, second } }
}

/// Returns the values of [`buffers_of`], which several threads may update in parts that do not overlap.
fn shared(buffers: &mut [FlexTensor; 3]) -> [Shared; 3] {
    buffers.each_mut().map(|buffer| Shared::new(buffer.storage_mut::<f32>()))
}

/// Updates the values from `start` on against `gradient`.
///
/// # Safety
/// The part of `gradient`'s length at `start` meets the conditions of [`Shared::part`] in each buffer.
unsafe fn update(buffers: [Shared; 3], start: usize, gradient: &[f32], settings: Settings) {
    // SAFETY: the caller guarantees the conditions for each buffer.
    let [value, first, second] = buffers.map(|buffer| unsafe { buffer.part(start, gradient.len()) });
    Arch::new().dispatch(|| adam(value, first, second, gradient, settings));
}

#[inline(always)]
fn adam(value: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32], settings: Settings) {
    const KEPT_1: f32 = BETA_1 as f32;
    const KEPT_2: f32 = BETA_2 as f32;
    const NEW_1: f32 = (1.0 - BETA_1) as f32;
    const NEW_2: f32 = (1.0 - BETA_2) as f32;
    let Settings { rate, decay } = settings;
    for (((value, first), second), gradient) in value.iter_mut().zip(first).zip(second).zip(gradient) {
        let gradient = *gradient + *value * decay;
        *first = *first * KEPT_1 + gradient * NEW_1;
        *second = *second * KEPT_2 + gradient * gradient * NEW_2;
        *value -= *first / (second.sqrt() + EPSILON as f32) * rate;
    }
}
