//! In-place kernels for burn's CPU backend.
//!
//! Plain tensor operations write every intermediate result to fresh memory, whose pages the system has to hand out
//! again at every step. Here a weight gradient is made a block of rows at a time, and the optimizer takes it while it
//! is still in cache; it never reaches memory as a whole. One thread: the scheduler gives each trial a core.

use std::cell::RefCell;

use burn::tensor::{Tensor, TensorPrimitive};
use burn_flex::{Flex, FlexTensor};
use pulp::Arch;

use super::{Kernels, tanh::tanh};
use crate::{
    Activated, Activation, AdamStep, Moments, Parameter,
    optimizer::{BETA_1, BETA_2, EPSILON},
};

/// Rows of a gradient block: with 500 columns it and the three blocks it updates fit the second-level cache.
const BLOCK_ROWS: usize = 96;

thread_local! {
    /// A gradient block. Kept, because a fresh one would fault its pages in at every call.
    static BLOCK: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl Kernels for Flex {
    fn apply(activation: Activation, preactivation: Tensor<Self, 3>) -> Tensor<Self, 3> {
        if activation != Activation::Tanh {
            return activation.apply(preactivation);
        }
        let mut output = contiguous(preactivation);
        let values = output.storage_mut::<f32>();
        Arch::new().dispatch(|| {
            for value in values {
                *value = tanh(*value);
            }
        });
        tensor(output)
    }

    fn activate(activation: Activation, preactivation: Tensor<Self, 3>) -> Activated<Self> {
        if activation != Activation::Tanh {
            return activation.apply_with_slope(preactivation);
        }
        let mut output = contiguous(preactivation);
        let mut slope = FlexTensor::empty(output.layout().shape().clone(), output.dtype());
        let (values, slopes) = (output.storage_mut::<f32>(), slope.storage_mut::<f32>());
        Arch::new().dispatch(|| {
            for (value, slope) in values.iter_mut().zip(slopes) {
                *value = tanh(*value);
                *slope = 1.0 - *value * *value;
            }
        });
        Activated { output: tensor(output), slope: tensor(slope) }
    }

    fn learn_weight(
        weight: Parameter<Self>,
        input: &Tensor<Self, 3>,
        delta: &Tensor<Self, 3>,
        step: &AdamStep<Self>,
    ) -> Parameter<Self> {
        let [trials, inputs, outputs] = weight.value.dims();
        let [input_trials, batch, _] = input.dims();
        let mut state = State::take(weight);
        let (input, delta) = (contiguous(input.clone()), contiguous(delta.clone()));
        let (input, delta) = (input.storage::<f32>(), delta.storage::<f32>());
        let settings = Settings::of(step);
        for trial in 0..trials {
            // All trials may share one batch.
            let input =
                &input[if input_trials == 1 { 0 } else { trial } * batch * inputs..][..batch * inputs];
            let delta = &delta[trial * batch * outputs..][..batch * outputs];
            BLOCK.with_borrow_mut(|block| {
                block.resize(block.len().max(BLOCK_ROWS * outputs), 0.0);
                for first_row in (0..inputs).step_by(BLOCK_ROWS) {
                    let rows = BLOCK_ROWS.min(inputs - first_row);
                    let gradient = &mut block[..rows * outputs];
                    gradient_rows(gradient, &input[first_row..], delta, [rows, inputs, outputs, batch]);
                    let start = (trial * inputs + first_row) * outputs;
                    state.update(start, gradient, settings[trial]);
                }
            });
        }
        state.give()
    }

    fn learn(
        parameter: Parameter<Self>,
        gradient: Tensor<Self, 3>,
        step: &AdamStep<Self>,
    ) -> Parameter<Self> {
        let [trials, rows, columns] = gradient.dims();
        let mut state = State::take(parameter);
        let gradient = contiguous(gradient);
        let chunks = gradient.storage::<f32>().chunks_exact(rows * columns);
        for ((trial, gradient), settings) in (0..trials).zip(chunks).zip(Settings::of(step)) {
            state.update(trial * rows * columns, gradient, Settings { decay: 0.0, ..settings });
        }
        state.give()
    }
}

/// What the optimizer needs for a trial.
#[derive(Clone, Copy)]
struct Settings {
    rate: f32,
    decay: f32,
}

impl Settings {
    fn of(step: &AdamStep<Flex>) -> Vec<Self> {
        let values = |tensor: &Tensor<Flex, 3>| contiguous(tensor.clone()).storage::<f32>().to_vec();
        let rates = values(&step.rate);
        let decays = step.weight_decay.as_ref().map_or_else(|| vec![0.0; rates.len()], values);
        rates.into_iter().zip(decays).map(|(rate, decay)| Self { rate, decay }).collect()
    }
}

/// A parameter's buffers, owned alone and contiguous.
struct State {
    value: FlexTensor,
    first: FlexTensor,
    second: FlexTensor,
}

impl State {
    fn take(parameter: Parameter<Flex>) -> Self {
        let Parameter { value, moments } = parameter;
        Self {
            value: contiguous(value),
            first: contiguous(moments.first),
            second: contiguous(moments.second),
        }
    }

    fn give(self) -> Parameter<Flex> {
        let moments = Moments { first: tensor(self.first), second: tensor(self.second) };
        Parameter { value: tensor(self.value), moments }
    }

    /// Adam on the values from `start` on, against `gradient`.
    fn update(&mut self, start: usize, gradient: &[f32], settings: Settings) {
        let range = start..start + gradient.len();
        let value = &mut self.value.storage_mut::<f32>()[range.clone()];
        let first = &mut self.first.storage_mut::<f32>()[range.clone()];
        let second = &mut self.second.storage_mut::<f32>()[range];
        Arch::new().dispatch(|| adam(value, first, second, gradient, settings));
    }
}

/// The same operations in the same order as [`crate::Adam::update`], so that both give the same bits.
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

/// Rows of `input^T delta`: `input` begins at the column of the first row, `[batch, inputs]`; `delta` is
/// `[batch, outputs]`, `gradient` `[rows, outputs]`.
fn gradient_rows(
    gradient: &mut [f32],
    input: &[f32],
    delta: &[f32],
    [rows, inputs, outputs, batch]: [usize; 4],
) {
    assert!(gradient.len() == rows * outputs && delta.len() == batch * outputs);
    assert!(input.len() >= (batch - 1) * inputs + rows, "the last row ends within the input");
    let stride = |length: usize| isize::try_from(length).expect("a matrix fits the address space");
    // SAFETY: the strides and sizes describe the three slices, whose lengths were just checked.
    unsafe {
        gemm::gemm(
            rows,
            outputs,
            batch,
            gradient.as_mut_ptr(),
            1,
            stride(outputs),
            false,
            input.as_ptr(),
            stride(inputs),
            1,
            delta.as_ptr(),
            1,
            stride(outputs),
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// The buffer of a tensor, which it fills from its first value to its last.
fn contiguous(tensor: Tensor<Flex, 3>) -> FlexTensor {
    let TensorPrimitive::Float(tensor) = tensor.into_primitive() else {
        panic!("networks are made of 32-bit floats")
    };
    let length = tensor.storage::<f32>().len();
    if tensor.layout().contiguous_offsets() == Some((0, length)) { tensor } else { tensor.to_contiguous() }
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

    #[test]
    fn fused_learning_is_the_gradient_and_then_adam() {
        // More rows than a block, and a last block that is not full.
        let (trials, batch, inputs, outputs) = (3, 7, 2 * BLOCK_ROWS + 5, 11);
        let step = step(trials);
        for input_trials in [1, trials] {
            let input = random([input_trials, batch, inputs], 1);
            let mut fused = Parameter::new(random([trials, inputs, outputs], 2));
            let mut plain = fused.clone();
            for round in 0..3 {
                let delta = random([trials, batch, outputs], 10 + round);
                fused = Flex::learn_weight(fused, &input, &delta, &step);
                let decay = step.weight_decay.clone().expect("it was given");
                let gradient = Flex::weight_gradient(&input, &delta) + plain.value.clone() * decay;
                let (value, moments) = Adam::update(plain.value, plain.moments, gradient, &step.rate);
                plain = Parameter { value, moments };
            }
            for (fused, plain) in values(&fused.value).iter().zip(values(&plain.value)) {
                assert!((fused - plain).abs() <= 1e-5 * plain.abs().max(1.0), "{fused} {plain}");
            }
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
