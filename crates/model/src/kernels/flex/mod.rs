//! In-place kernels for burn's CPU backend.
//!
//! Plain tensor operations write every intermediate result to fresh memory, whose pages the system has to hand out
//! again at every step. Here outputs go to memory that earlier tensors left behind, what can be done in place is, and
//! a weight gradient is made a block of rows at a time, which the optimizer takes while it is still in cache: it
//! never reaches memory as a whole. Work is offered in blocks to whichever cores are free.

mod adam;
mod buffers;
mod elementwise;
mod exp;
mod product;
mod tanh;

use std::cell::RefCell;

use burn::tensor::{Tensor, TensorPrimitive};
use burn_flex::{Flex, FlexTensor};

use self::{
    adam::{Settings, State},
    buffers::tensor_to_fill,
    product::{Matrix, Product, Shared},
};
use super::{Kernels, WeightUpdate};
use crate::{Activated, AdamStep, Input, OutputError, Parameter};
use settings::{Activation, Precision};

/// Rows and columns of an output block. Narrower ones lose nothing; with fewer rows a weight is loaded too often.
const OUTPUT_BLOCK: [usize; 2] = [128, 64];
/// Values of a gradient block: it and the parts of weight and moments that it updates stay in the second-level cache.
const GRADIENT_BLOCK: usize = 48 * 500;
/// Values that are worth offering to another core.
const CHUNK: usize = 16 * 1024;

thread_local! {
    /// A gradient block. Kept, because a fresh one would fault its pages in at every call.
    static BLOCK: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl Kernels for Flex {
    fn filled(shape: [usize; 3], _: &Self::Device, fill: impl FnOnce(&mut [f32])) -> Tensor<Self, 3> {
        let mut output = tensor_to_fill(shape);
        fill(output.storage_mut::<f32>());
        tensor(output)
    }

    fn forget_kept_memory(_: &Self::Device) {
        buffers::forget();
    }

    fn dense(
        input: &Input<Self>,
        weight: &Tensor<Self, 3>,
        bias: Option<&Tensor<Self, 3>>,
        _: Precision,
    ) -> Tensor<Self, 3> {
        let bias = bias.map(Operand::of);
        let output = product_of(&Operand::shared(input), &Operand::of(weight), |trial, _, column, values| {
            if let Some(bias) = &bias {
                elementwise::add(values, &bias.trial(trial)[column..][..values.len()]);
            }
        });
        tensor(output)
    }

    fn dense_activated(
        activation: Activation,
        input: &Input<Self>,
        weight: &Tensor<Self, 3>,
        bias: Option<&Tensor<Self, 3>>,
        _: Precision,
    ) -> Activated<Self> {
        let [trials, _, units] = weight.dims();
        let batch = input.batch();
        let bias = bias.map(Operand::of);
        let mut slope = tensor_to_fill([trials, batch, units]);
        let slopes = Shared::new(slope.storage_mut::<f32>());
        let input = Operand::shared(input);
        let output = product_of(&input, &Operand::of(weight), |trial, row, column, values| {
            if let Some(bias) = &bias {
                elementwise::add(values, &bias.trial(trial)[column..][..values.len()]);
            }
            // SAFETY: each place of the output is finished once, and the slopes have its shape.
            let slopes = unsafe { slopes.part((trial * batch + row) * units + column, values.len()) };
            elementwise::activate(activation, values, slopes);
        });
        Activated { output: tensor(output), slope: tensor(slope) }
    }

    fn dense_transposed(signal: &Tensor<Self, 3>, weight: &Tensor<Self, 3>, _: Precision) -> Tensor<Self, 3> {
        tensor(product_of(&Operand::of(signal), &Operand::of(weight).transposed(), |_, _, _, _| ()))
    }

    fn apply(activation: Activation, preactivation: Tensor<Self, 3>) -> Tensor<Self, 3> {
        let mut output = owned(preactivation);
        threads::share_chunks(output.storage_mut::<f32>(), CHUNK, |_, values| {
            elementwise::apply(activation, values);
        });
        tensor(output)
    }

    fn activate(activation: Activation, preactivation: Tensor<Self, 3>) -> Activated<Self> {
        let shape = preactivation.dims();
        let mut output = owned(preactivation);
        let mut slope = tensor_to_fill(shape);
        let slopes = Shared::new(slope.storage_mut::<f32>());
        threads::share_chunks(output.storage_mut::<f32>(), CHUNK, |index, values| {
            // SAFETY: chunks do not overlap, and the slopes have the output's shape.
            let slopes = unsafe { slopes.part(index * CHUNK, values.len()) };
            elementwise::activate(activation, values, slopes);
        });
        Activated { output: tensor(output), slope: tensor(slope) }
    }

    fn scale(values: Tensor<Self, 3>, factors: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        assert_eq!(values.dims(), factors.dims(), "values are scaled one by one");
        let mut output = owned(values);
        let factors = Operand::of(factors);
        threads::share_chunks(output.storage_mut::<f32>(), CHUNK, |index, values| {
            elementwise::scale(values, &factors.values()[index * CHUNK..][..values.len()]);
        });
        tensor(output)
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
                loss += f64::from(elementwise::cross_entropy(row, target));
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

    fn weight_gradient(input: &Input<Self>, delta: &Tensor<Self, 3>, _: Precision) -> Tensor<Self, 3> {
        tensor(product_of(&Operand::shared(input).transposed(), &Operand::of(delta), |_, _, _, _| ()))
    }

    fn bias_gradient(delta: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        let [trials, _, units] = delta.dims();
        let delta = Operand::of(delta);
        let mut sums = tensor_to_fill([trials, 1, units]);
        for (trial, sums) in sums.storage_mut::<f32>().chunks_exact_mut(units).enumerate() {
            sums.fill(0.0);
            delta.trial(trial).chunks_exact(units).for_each(|row| elementwise::add(sums, row));
        }
        tensor(sums)
    }

    fn inner_product(left: &Tensor<Self, 3>, right: &Tensor<Self, 3>) -> Tensor<Self, 1> {
        assert_eq!(left.dims(), right.dims(), "an inner product's factors have one shape");
        let (left, right) = (Operand::of(left), Operand::of(right));
        let of_trial = |trial: usize| {
            let (left, right) = (left.trial(trial), right.trial(trial));
            let mut sums = vec![0.0; left.len().div_ceil(CHUNK)];
            threads::share_chunks(&mut sums, 1, |index, sum| {
                let part = index * CHUNK..left.len().min((index + 1) * CHUNK);
                sum[0] = elementwise::inner_product(&left[part.clone()], &right[part]);
            });
            sums.iter().sum::<f64>() as f32
        };
        let sums: Vec<f32> = (0..left.trials).map(of_trial).collect();
        Tensor::from_data(sums.as_slice(), &Default::default())
    }

    fn learn_weights(
        updates: Vec<WeightUpdate<'_, Self>>,
        step: &AdamStep<Self>,
        _: Precision,
    ) -> Vec<Parameter<Self>> {
        let settings = Settings::of(step);
        let (mut states, operands): (Vec<State>, Vec<[Operand; 2]>) = updates
            .into_iter()
            .map(|update| {
                (
                    State::take(update.weight),
                    [Operand::shared(update.input).transposed(), Operand::of(update.delta)],
                )
            })
            .unzip();
        let shared: Vec<_> = states.iter_mut().map(State::shared).collect();
        let blocks: Vec<Block> = operands.iter().enumerate().flat_map(gradient_blocks).collect();
        threads::share(blocks.len(), |index| {
            let Block { update, trial, first_row, rows } = blocks[index];
            let [input, delta] = &operands[update];
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
                // SAFETY: the states are borrowed above, and blocks do not overlap.
                unsafe { shared[update].update(start, gradient, settings[trial]) };
            });
        });
        states.into_iter().map(State::give).collect()
    }

    fn learn(
        parameter: Parameter<Self>,
        gradient: Tensor<Self, 3>,
        step: &AdamStep<Self>,
    ) -> Parameter<Self> {
        let [_, rows, columns] = gradient.dims();
        let mut state = State::take(parameter);
        let shared = state.shared();
        let gradient = Operand::of(&gradient);
        for (trial, settings) in Settings::of(step).into_iter().enumerate() {
            // SAFETY: the state is borrowed above, by this thread alone.
            unsafe {
                shared.update(trial * rows * columns, gradient.trial(trial), settings.without_decay());
            }
        }
        state.give()
    }
}

/// A tensor as matrices, one per trial, one for all trials, or one for some.
struct Operand {
    buffer: FlexTensor,
    /// Which matrix each trial sees, where some share one.
    sets: Option<Vec<u32>>,
    trials: usize,
    rows: usize,
    columns: usize,
    is_transposed: bool,
}

impl Operand {
    fn of(tensor: &Tensor<Flex, 3>) -> Self {
        let [trials, rows, columns] = tensor.dims();
        Self { buffer: contiguous(tensor.clone()), sets: None, trials, rows, columns, is_transposed: false }
    }

    fn shared(input: &Input<Flex>) -> Self {
        let operand = Self::of(&input.values);
        match &input.sets {
            Some(sets) => {
                let of_trials = sets.of_trials().to_vec();
                Self { trials: of_trials.len(), sets: Some(of_trials), ..operand }
            }
            None => operand,
        }
    }

    fn transposed(self) -> Self {
        Self { rows: self.columns, columns: self.rows, is_transposed: !self.is_transposed, ..self }
    }

    fn values(&self) -> &[f32] {
        self.buffer.storage::<f32>()
    }

    /// The values of a trial; all trials may share one matrix.
    fn trial(&self, trial: usize) -> &[f32] {
        let set = match &self.sets {
            Some(sets) => sets[trial] as usize,
            None if self.trials == 1 => 0,
            None => trial,
        };
        &self.values()[set * self.rows * self.columns..][..self.rows * self.columns]
    }

    fn matrix(&self, trial: usize) -> Matrix<'_> {
        let values = self.trial(trial);
        if self.is_transposed {
            Matrix::rows_of(values, self.rows).transposed()
        } else {
            Matrix::rows_of(values, self.columns)
        }
    }
}

/// Rows of a weight matrix that one core updates.
#[derive(Clone, Copy)]
struct Block {
    update: usize,
    trial: usize,
    first_row: usize,
    rows: usize,
}

/// The blocks of a update, given its index and its transposed input and its delta.
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

/// `left right` of every trial; `finish(trial, row, column, values)` is called once for every part of a row, while it is in
/// cache.
fn product_of(
    left: &Operand,
    right: &Operand,
    finish: impl Fn(usize, usize, usize, &mut [f32]) + Sync,
) -> FlexTensor {
    let (rows, columns, trials) = (left.rows, right.columns, left.trials.max(right.trials));
    assert_eq!(
        left.columns, right.rows,
        "the columns of a product's left factor are the rows of its right one"
    );
    assert!(
        [left.trials, right.trials].iter().all(|&count| count == 1 || count == trials),
        "one factor per trial, or one for all"
    );
    let [block_rows, block_columns] = OUTPUT_BLOCK;
    let (down, across) = (rows.div_ceil(block_rows), columns.div_ceil(block_columns));
    let mut output = tensor_to_fill([trials, rows, columns]);
    let target = Shared::new(output.storage_mut::<f32>());
    threads::share(trials * down * across, |index| {
        let (trial, block) = (index / (down * across), index % (down * across));
        let (row, column) = (block / across * block_rows, block % across * block_columns);
        let (height, width) = (block_rows.min(rows - row), block_columns.min(columns - column));
        let product = Product {
            left: left.matrix(trial).from(row, 0),
            right: right.matrix(trial).from(0, column),
            depth: left.columns,
        };
        let start = |row: usize| (trial * rows + row) * columns + column;
        // SAFETY: the output is borrowed above, and blocks do not overlap.
        unsafe { product.write(height, width, target.address(start(row)), columns) };
        for row in row..row + height {
            // SAFETY: as above; the product is done.
            finish(trial, row, column, unsafe { target.part(start(row), width) });
        }
    });
    output
}

/// The position of the largest value, the first of equals.
fn largest(values: &[f32]) -> usize {
    let (mut best, mut at) = (f32::NEG_INFINITY, 0);
    for (position, &value) in values.iter().enumerate() {
        if value > best {
            (best, at) = (value, position);
        }
    }
    at
}

/// The buffer of a tensor, which it fills from its first value to its last.
fn contiguous(tensor: Tensor<Flex, 3>) -> FlexTensor {
    let TensorPrimitive::Float(tensor) = tensor.into_primitive() else {
        panic!("networks are made of 32-bit floats")
    };
    let length = tensor.storage::<f32>().len();
    if tensor.layout().contiguous_offsets() == Some((0, length)) { tensor } else { tensor.to_contiguous() }
}

/// [`contiguous`], and owned alone: a copy where someone else holds the tensor, too.
fn owned(tensor: Tensor<Flex, 3>) -> FlexTensor {
    let shape = tensor.dims();
    let buffer = contiguous(tensor);
    if buffer.is_unique() {
        return buffer;
    }
    let mut copy = tensor_to_fill(shape);
    copy.storage_mut::<f32>().copy_from_slice(buffer.storage::<f32>());
    copy
}

fn tensor(buffer: FlexTensor) -> Tensor<Flex, 3> {
    Tensor::from_primitive(TensorPrimitive::Float(buffer))
}

#[cfg(test)]
mod tests;
