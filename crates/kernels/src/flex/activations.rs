//! Activations with their slopes, over slices.

use cpu::{exp, sigmoid, tanh};

use crate::LEAK;
use settings::Activation;

/// Replaces preactivations by their activations, and writes the slopes. It is compiled for the instruction set of the function
/// that calls it.
#[inline(always)]
pub(super) fn activate_row(activation: Activation, values: &mut [f32], slopes: &mut [f32]) {
    match activation {
        Activation::Tanh => each_with_slope(values, slopes, tanh_with_slope),
        Activation::Relu => each_with_slope(values, slopes, relu_with_slope),
        Activation::Swish => each_with_slope(values, slopes, swish_with_slope),
        Activation::LeakyRelu => each_with_slope(values, slopes, leaky_relu_with_slope),
        Activation::Sigmoid => each_with_slope(values, slopes, sigmoid_with_slope),
        Activation::Elu => each_with_slope(values, slopes, elu_with_slope),
    }
}

#[inline(always)]
pub(super) fn each_with_slope(values: &mut [f32], slopes: &mut [f32], function: impl Fn(f32) -> (f32, f32)) {
    for (value, slope) in values.iter_mut().zip(slopes) {
        (*value, *slope) = function(*value);
    }
}

#[inline(always)]
pub(super) fn tanh_with_slope(value: f32) -> (f32, f32) {
    let output = tanh(value);
    (output, 1.0 - output * output)
}

#[inline(always)]
pub(super) fn sigmoid_with_slope(value: f32) -> (f32, f32) {
    let output = sigmoid(value);
    (output, output * (1.0 - output))
}

#[inline(always)]
fn relu_with_slope(value: f32) -> (f32, f32) {
    (if value < 0.0 { 0.0 } else { value }, if value >= 0.0 { 1.0 } else { 0.0 })
}

#[inline(always)]
fn swish_with_slope(value: f32) -> (f32, f32) {
    let gate = sigmoid(value);
    let output = value * gate;
    (output, gate + output * (1.0 - gate))
}

#[inline(always)]
fn leaky_relu_with_slope(value: f32) -> (f32, f32) {
    if value > 0.0 { (value, 1.0) } else { (value * LEAK as f32, LEAK as f32) }
}

#[inline(always)]
fn elu_with_slope(value: f32) -> (f32, f32) {
    let power = exp(value);
    if value > 0.0 { (value, 1.0) } else { (power - 1.0, power) }
}
