//! Operations on one value at a time, over slices; each is compiled for several vector widths.

use burn::tensor::Tensor;
use burn_flex::Flex;

use super::{
    CHUNK, Operand, buffers::tensor_to_fill, exp::sigmoid, owned, shared::Shared, tanh::tanh, tensor,
};
use crate::{Activated, ElementwiseKernels, LEAK, vector::vectorized};
use settings::Activation;

impl ElementwiseKernels for Flex {
    fn activate(activation: Activation, preactivation: Tensor<Self, 3>) -> Activated<Self> {
        let shape = preactivation.dims();
        let mut output = owned(preactivation);
        let mut slope = tensor_to_fill(shape);
        let slopes = Shared::new(slope.storage_mut::<f32>());
        threads::share_chunks(output.storage_mut::<f32>(), CHUNK, |index, values| {
            // SAFETY: chunks do not overlap, and the slopes have the output's shape.
            let slopes = unsafe { slopes.part(index * CHUNK, values.len()) };
            activate(activation, values, slopes);
        });
        Activated { output: tensor(output), slope: tensor(slope) }
    }

    fn scale(values: Tensor<Self, 3>, factors: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        assert_eq!(values.dims(), factors.dims(), "values are scaled one by one");
        let mut output = owned(values);
        let factors = Operand::of(factors);
        threads::share_chunks(output.storage_mut::<f32>(), CHUNK, |index, values| {
            scale(values, &factors.values()[index * CHUNK..][..values.len()]);
        });
        tensor(output)
    }
}

/// Replaces preactivations by their activations, and writes the slopes.
pub(super) fn activate(activation: Activation, values: &mut [f32], slopes: &mut [f32]) {
    match activation {
        Activation::Tanh => vectorized(|| {
            each_with_slope(values, slopes, |value| {
                let output = tanh(value);
                (output, 1.0 - output * output)
            });
        }),
        Activation::Relu => vectorized(|| {
            each_with_slope(values, slopes, |value| {
                (if value < 0.0 { 0.0 } else { value }, if value >= 0.0 { 1.0 } else { 0.0 })
            });
        }),
        Activation::Swish => vectorized(|| {
            each_with_slope(values, slopes, |value| {
                let gate = sigmoid(value);
                let output = value * gate;
                (output, gate + output * (1.0 - gate))
            });
        }),
        Activation::LeakyRelu => vectorized(|| {
            each_with_slope(values, slopes, |value| {
                if value > 0.0 { (value, 1.0) } else { (value * LEAK as f32, LEAK as f32) }
            });
        }),
    }
}

pub(super) fn add(values: &mut [f32], addends: &[f32]) {
    vectorized(|| {
        for (value, addend) in values.iter_mut().zip(addends) {
            *value += addend;
        }
    });
}

pub(super) fn scale(values: &mut [f32], factors: &[f32]) {
    vectorized(|| {
        for (value, factor) in values.iter_mut().zip(factors) {
            *value *= factor;
        }
    });
}

#[inline(always)]
pub(super) fn each(values: &mut [f32], function: impl Fn(f32) -> f32) {
    for value in values {
        *value = function(*value);
    }
}

#[inline(always)]
fn each_with_slope(values: &mut [f32], slopes: &mut [f32], function: impl Fn(f32) -> (f32, f32)) {
    for (value, slope) in values.iter_mut().zip(slopes) {
        (*value, *slope) = function(*value);
    }
}
