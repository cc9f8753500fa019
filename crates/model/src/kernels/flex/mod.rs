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
use super::{Kernels, WeightLesson};
use crate::{Activated, Activation, AdamStep, OutputError, Parameter};

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

    fn forget_kept_memory() {
        buffers::forget();
    }

    fn dense(
        input: &Tensor<Self, 3>,
        weight: &Tensor<Self, 3>,
        bias: Option<&Tensor<Self, 3>>,
    ) -> Tensor<Self, 3> {
        let bias = bias.map(Operand::of);
        let output = product_of(&Operand::of(input), &Operand::of(weight), |trial, _, column, values| {
            if let Some(bias) = &bias {
                elementwise::add(values, &bias.trial(trial)[column..][..values.len()]);
            }
        });
        tensor(output)
    }

    fn dense_activated(
        activation: Activation,
        input: &Tensor<Self, 3>,
        weight: &Tensor<Self, 3>,
        bias: Option<&Tensor<Self, 3>>,
    ) -> Activated<Self> {
        let [trials, _, units] = weight.dims();
        let batch = input.dims()[1];
        let bias = bias.map(Operand::of);
        let mut slope = tensor_to_fill([trials, batch, units]);
        let slopes = Shared::new(slope.storage_mut::<f32>());
        let output = product_of(&Operand::of(input), &Operand::of(weight), |trial, row, column, values| {
            if let Some(bias) = &bias {
                elementwise::add(values, &bias.trial(trial)[column..][..values.len()]);
            }
            // SAFETY: each place of the output is finished once, and the slopes have its shape.
            let slopes = unsafe { slopes.part((trial * batch + row) * units + column, values.len()) };
            elementwise::activate(activation, values, slopes);
        });
        Activated { output: tensor(output), slope: tensor(slope) }
    }

    fn dense_transposed(signal: &Tensor<Self, 3>, weight: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        tensor(product_of(&Operand::of(signal), &Operand::of(weight).transposed(), |_, _, _, _| ()))
    }

    fn apply(activation: Activation, preactivation: Tensor<Self, 3>) -> Tensor<Self, 3> {
        let mut output = owned(preactivation);
        crew::share_chunks(output.storage_mut::<f32>(), CHUNK, |_, values| {
            elementwise::apply(activation, values);
        });
        tensor(output)
    }

    fn activate(activation: Activation, preactivation: Tensor<Self, 3>) -> Activated<Self> {
        let shape = preactivation.dims();
        let mut output = owned(preactivation);
        let mut slope = tensor_to_fill(shape);
        let slopes = Shared::new(slope.storage_mut::<f32>());
        crew::share_chunks(output.storage_mut::<f32>(), CHUNK, |index, values| {
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
        crew::share_chunks(output.storage_mut::<f32>(), CHUNK, |index, values| {
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

    fn weight_gradient(input: &Tensor<Self, 3>, delta: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        tensor(product_of(&Operand::of(input).transposed(), &Operand::of(delta), |_, _, _, _| ()))
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
            crew::share_chunks(&mut sums, 1, |index, sum| {
                let part = index * CHUNK..left.len().min((index + 1) * CHUNK);
                sum[0] = elementwise::inner_product(&left[part.clone()], &right[part]);
            });
            sums.iter().sum::<f64>() as f32
        };
        let sums: Vec<f32> = (0..left.trials).map(of_trial).collect();
        Tensor::from_data(sums.as_slice(), &Default::default())
    }

    fn learn_weights(lessons: Vec<WeightLesson<'_, Self>>, step: &AdamStep<Self>) -> Vec<Parameter<Self>> {
        let settings = Settings::of(step);
        let (mut states, operands): (Vec<State>, Vec<[Operand; 2]>) = lessons
            .into_iter()
            .map(|lesson| {
                (
                    State::take(lesson.weight),
                    [Operand::of(lesson.input).transposed(), Operand::of(lesson.delta)],
                )
            })
            .unzip();
        let shared: Vec<_> = states.iter_mut().map(State::shared).collect();
        let blocks: Vec<Block> = operands.iter().enumerate().flat_map(gradient_blocks).collect();
        crew::share(blocks.len(), |index| {
            let Block { lesson, trial, first_row, rows } = blocks[index];
            let [input, delta] = &operands[lesson];
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
                unsafe { shared[lesson].update(start, gradient, settings[trial]) };
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

/// A tensor as matrices, one per trial, or one for all trials.
struct Operand {
    buffer: FlexTensor,
    trials: usize,
    rows: usize,
    columns: usize,
    is_transposed: bool,
}

impl Operand {
    fn of(tensor: &Tensor<Flex, 3>) -> Self {
        let [trials, rows, columns] = tensor.dims();
        Self { buffer: contiguous(tensor.clone()), trials, rows, columns, is_transposed: false }
    }

    fn transposed(self) -> Self {
        Self { rows: self.columns, columns: self.rows, is_transposed: !self.is_transposed, ..self }
    }

    fn values(&self) -> &[f32] {
        self.buffer.storage::<f32>()
    }

    /// The values of a trial; all trials may share one matrix.
    fn trial(&self, trial: usize) -> &[f32] {
        let trial = if self.trials == 1 { 0 } else { trial };
        &self.values()[trial * self.rows * self.columns..][..self.rows * self.columns]
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
    lesson: usize,
    trial: usize,
    first_row: usize,
    rows: usize,
}

/// The blocks of a lesson, given its index and its transposed input and its delta.
fn gradient_blocks((lesson, [input, delta]): (usize, &[Operand; 2])) -> impl Iterator<Item = Block> {
    let (inputs, trials) = (input.rows, delta.trials);
    let block_rows = (GRADIENT_BLOCK / delta.columns).clamp(8, 48);
    (0..trials).flat_map(move |trial| {
        (0..inputs).step_by(block_rows).map(move |first_row| Block {
            lesson,
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
    crew::share(trials * down * across, |index| {
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
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::Adam;

    fn random(shape: [usize; 3], index: u64) -> Tensor<Flex, 3> {
        let mut stream = random::stream(3, "test", &[index]);
        let values: Vec<f32> =
            (0..shape.iter().product()).map(|_| random::uniform(&mut stream) - 0.5).collect();
        Tensor::from_data(TensorData::new(values, shape), &Default::default())
    }

    fn values(tensor: &Tensor<Flex, 3>) -> Vec<f32> {
        tensor.clone().into_data().into_vec().expect("f32")
    }

    fn step(trials: usize) -> AdamStep<Flex> {
        let rate = random([trials, 1, 1], 90).add_scalar(0.6);
        AdamStep { rate, weight_decay: Some(random([trials, 1, 1], 91).add_scalar(0.6)) }
    }

    /// More than one block each way, and last blocks that are not full.
    const SHAPE: [usize; 3] = [2 * OUTPUT_BLOCK[0] + 3, 205, OUTPUT_BLOCK[1] + 11];

    #[track_caller]
    fn check_close(ours: &Tensor<Flex, 3>, plain: &Tensor<Flex, 3>) {
        assert_eq!(ours.dims(), plain.dims());
        for (ours, plain) in values(ours).iter().zip(values(plain)) {
            assert!((ours - plain).abs() <= 2e-5 * plain.abs().max(1.0), "{ours} {plain}");
        }
    }

    #[test]
    fn an_inner_product_is_summed_in_double_precision() {
        let (left, right) = (random([3, 130, 201], 5), random([3, 130, 201], 6));
        let ours: Vec<f32> = Flex::inner_product(&left, &right).into_data().into_vec().expect("f32");
        let (left, right) = (values(&left), values(&right));
        for (trial, ours) in ours.iter().enumerate() {
            let part = trial * 130 * 201..(trial + 1) * 130 * 201;
            let pairs = left[part.clone()].iter().zip(&right[part]);
            let exact: f64 = pairs.map(|(left, right)| f64::from(*left) * f64::from(*right)).sum();
            assert!((f64::from(*ours) - exact).abs() <= 1e-6 * exact.abs(), "{ours} {exact}");
        }
    }

    #[test]
    fn products_are_those_of_the_default_bodies() {
        let [batch, inputs, outputs] = SHAPE;
        let (weight, bias) = (random([3, inputs, outputs], 1), random([3, 1, outputs], 2));
        for input_trials in [1, 3] {
            let input = random([input_trials, batch, inputs], 3);
            let signal = random([input_trials, batch, outputs], 4);
            let product = input.clone().matmul(weight.clone());
            check_close(&Flex::dense(&input, &weight, None), &product);
            let plain = product + bias.clone();
            check_close(&Flex::dense(&input, &weight, Some(&bias)), &plain);
            let ours = Flex::dense_activated(Activation::Tanh, &input, &weight, Some(&bias));
            let plain = Activation::Tanh.apply_with_slope(plain);
            check_close(&ours.output, &plain.output);
            check_close(&ours.slope, &plain.slope);
            let plain = signal.clone().matmul(weight.clone().transpose());
            check_close(&Flex::dense_transposed(&signal, &weight), &plain);
            let delta = random([3, batch, outputs], 5);
            let plain = input.clone().transpose().matmul(delta.clone());
            check_close(&Flex::weight_gradient(&input, &delta), &plain);
            check_close(&Flex::bias_gradient(&delta), &delta.sum_dim(1));
        }
    }

    #[test]
    fn cross_entropy_is_that_of_the_log_softmax() {
        let [trials, batch, outputs] = [3, 9, 11];
        let mut labels = vec![0.0; batch * outputs];
        (0..batch).for_each(|row| labels[row * outputs + row * 7 % outputs] = 1.0);
        let target =
            Tensor::<Flex, 3>::from_data(TensorData::new(labels, [1, batch, outputs]), &Default::default());
        for size in [1.0, 300.0] {
            let logits = random([trials, batch, outputs], 1).mul_scalar(size);
            let ours = Flex::cross_entropy(&logits, &target);
            let log_probability = burn::tensor::activation::log_softmax(logits.clone(), 2);
            let loss = (log_probability.clone() * target.clone()).sum_dim(2).mean_dim(1).neg();
            check_close(&ours.loss.reshape([trials, 1, 1]), &loss);
            check_close(&ours.error, &(log_probability.exp() - target.clone()).div_scalar(batch as f64));
            let label = target.clone().argmax(2).expand([trials, batch, 1]);
            let wrong = logits.argmax(2).not_equal(label).float().sum_dim(1);
            check_close(&ours.mistakes.expect("there are labels").reshape([trials, 1, 1]), &wrong);
        }
        let dead = Tensor::<Flex, 3>::full([1, 1, 3], f32::NAN, &Default::default());
        assert!(
            Flex::cross_entropy(&dead, &Tensor::ones([1, 1, 3], &Default::default()))
                .loss
                .into_scalar()
                .is_nan()
        );
    }

    /// A little of everything, for one thread of `threads` with work of its own.
    fn bits_of_all_kernels(threads: usize) -> Vec<u32> {
        let [batch, inputs, outputs] = SHAPE;
        let bits = std::sync::Mutex::new(Vec::new());
        let work = || {
            let (input, signal) = (random([1, batch, inputs], 3), random([2, batch, outputs], 4));
            let weight = Parameter::new(random([2, inputs, outputs], 1));
            let bias = random([2, 1, outputs], 2);
            let Activated { output, slope } =
                Flex::dense_activated(Activation::Swish, &input, &weight.value, Some(&bias));
            let back = Flex::dense_transposed(&signal, &weight.value);
            let delta = Flex::scale(signal, &slope);
            let lesson = WeightLesson { weight, input: &input, delta: &delta };
            let learned = Flex::learn_weights(vec![lesson], &step(2)).pop().expect("one was given");
            for tensor in [&output, &slope, &back, &delta, &learned.value, &learned.moments.second] {
                bits.lock()
                    .expect("nobody panicked")
                    .extend(values(tensor).iter().map(|value| value.to_bits()));
            }
        };
        let mut places = crew::places(threads);
        let own = places.remove(0);
        std::thread::scope(|scope| {
            for place in places {
                scope.spawn(move || place.take_part(|| ()));
            }
            own.take_part(work);
        });
        bits.into_inner().expect("nobody panicked")
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let alone = bits_of_all_kernels(1);
        assert!(bits_of_all_kernels(2) == alone && bits_of_all_kernels(3) == alone);
    }

    #[test]
    fn fused_learning_is_the_gradient_and_then_adam() {
        let (trials, [batch, inputs, outputs]) = (3, SHAPE);
        let step = step(trials);
        for input_trials in [1, trials] {
            let input = random([input_trials, batch, inputs], 1);
            let mut fused =
                [2, 3].map(|index| Parameter::new(random([trials, inputs, outputs], index))).to_vec();
            let mut plain = fused.clone();
            for round in 0..3 {
                let deltas = [10, 20].map(|index| random([trials, batch, outputs], index + round));
                let lessons = fused.into_iter().zip(&deltas);
                let lessons =
                    lessons.map(|(weight, delta)| WeightLesson { weight, input: &input, delta }).collect();
                fused = Flex::learn_weights(lessons, &step);
                for (plain, delta) in plain.iter_mut().zip(&deltas) {
                    let decay = step.weight_decay.clone().expect("it was given");
                    let gradient = Flex::weight_gradient(&input, delta) + plain.value.clone() * decay;
                    let (value, moments) =
                        Adam::update(plain.value.clone(), plain.moments.clone(), gradient, &step.rate);
                    *plain = Parameter { value, moments };
                }
            }
            fused.iter().zip(&plain).for_each(|(fused, plain)| check_close(&fused.value, &plain.value));
        }
    }

    #[test]
    fn a_parameter_that_someone_else_holds_too_is_not_changed_for_them() {
        let parameter = Parameter::new(random([1, 4, 3], 1));
        let before = values(&parameter.value);
        let held = parameter.clone();
        let _ = Flex::learn(parameter, random([1, 4, 3], 2), &step(1));
        assert_eq!(values(&held.value), before);
    }

    #[test]
    fn activation_and_slope_are_those_of_the_default_body() {
        for activation in [Activation::Tanh, Activation::Relu, Activation::Swish, Activation::LeakyRelu] {
            let preactivation = random([2, 5, 33], 1).mul_scalar(6.0);
            let Activated { output, slope } = Flex::activate(activation, preactivation.clone());
            let plain = activation.apply_with_slope(preactivation.clone());
            for (ours, plain) in [(&output, &plain.output), (&slope, &plain.slope)] {
                for (ours, plain) in values(ours).iter().zip(values(plain)) {
                    assert!((ours - plain).abs() <= 2e-6, "{activation:?}: {ours} {plain}");
                }
            }
            assert_eq!(values(&Flex::apply(activation, preactivation)), values(&output));
        }
    }
}
