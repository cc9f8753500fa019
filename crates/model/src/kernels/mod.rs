//! The operations that a training step is made of, on populations.
//!
//! Each has a default body in plain tensor operations, which every backend can run; a backend overrides those where
//! it can do better. Layers and rules call nothing else in the hot path and do not know which body runs.

mod flex;
mod tanh;

use burn::tensor::{Tensor, backend::Backend};

use crate::{Activated, Activation, Adam, AdamStep, Parameter};

/// The training step's operations on a backend.
pub trait Kernels: Backend {
    /// `input weight + bias`: `[trials or 1, batch, inputs]`, `[trials, inputs, outputs]` and `[trials, 1, outputs]`
    /// give `[trials, batch, outputs]`.
    fn dense(
        input: &Tensor<Self, 3>,
        weight: &Tensor<Self, 3>,
        bias: Option<&Tensor<Self, 3>>,
    ) -> Tensor<Self, 3> {
        let product = input.clone().matmul(weight.clone());
        match bias {
            Some(bias) => product + bias.clone(),
            None => product,
        }
    }

    /// `signal weight^T`: `[trials, batch, outputs]` and `[trials, inputs, outputs]` give `[trials, batch, inputs]`.
    fn dense_transposed(signal: &Tensor<Self, 3>, weight: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        signal.clone().matmul(weight.clone().transpose())
    }

    /// The activation of a `[trials, batch, units]` preactivation.
    fn apply(activation: Activation, preactivation: Tensor<Self, 3>) -> Tensor<Self, 3> {
        activation.apply(preactivation)
    }

    /// The activation of a `[trials, batch, units]` preactivation, with its slope.
    fn activate(activation: Activation, preactivation: Tensor<Self, 3>) -> Activated<Self> {
        activation.apply_with_slope(preactivation)
    }

    /// `input^T delta`, summed over the batch: `[trials or 1, batch, inputs]` and `[trials, batch, outputs]` give
    /// `[trials, inputs, outputs]`.
    fn weight_gradient(input: &Tensor<Self, 3>, delta: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        input.clone().transpose().matmul(delta.clone())
    }

    /// A weight matrix after a step against its gradient `input^T delta` plus weight decay; shapes as in
    /// [`Kernels::weight_gradient`].
    fn learn_weight(
        weight: Parameter<Self>,
        input: &Tensor<Self, 3>,
        delta: &Tensor<Self, 3>,
        step: &AdamStep<Self>,
    ) -> Parameter<Self> {
        let gradient = Self::weight_gradient(input, delta);
        let gradient = match &step.weight_decay {
            Some(decay) => gradient + weight.value.clone() * decay.clone(),
            None => gradient,
        };
        Self::learn(weight, gradient, step)
    }

    /// A parameter after a step against `gradient`, which has its shape.
    fn learn(
        parameter: Parameter<Self>,
        gradient: Tensor<Self, 3>,
        step: &AdamStep<Self>,
    ) -> Parameter<Self> {
        let (value, moments) = Adam::update(parameter.value, parameter.moments, gradient, &step.rate);
        Parameter { value, moments }
    }
}

#[cfg(feature = "cuda")]
impl Kernels for burn_cuda::Cuda {}
