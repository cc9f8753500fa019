//! One fully connected layer: what it computes, and how it learns from a teaching signal at its output.

use burn::tensor::{Int, Tensor, backend::Backend};

use crate::{Activated, Activation, AdamStep, BatchNorm, Kernels, Normalized, Parameter};

/// `activation(batch_norm(input weight + bias))`; bias and batch norm may be absent.
#[derive(Clone, Debug)]
pub struct Layer<B: Backend> {
    /// `[trials, inputs, units]`.
    pub weight: Parameter<B>,
    /// `[trials, 1, units]`.
    pub bias: Option<Parameter<B>>,
    /// Stands between bias and activation.
    pub batch_norm: Option<BatchNorm<B>>,
}

/// What a hidden layer keeps of a training pass until it has learned.
#[derive(Clone, Debug)]
pub struct Trace<B: Backend> {
    /// `[trials or 1, batch, inputs]`.
    pub input: Tensor<B, 3>,
    /// The layer's output before dropout, `[trials, batch, units]`.
    pub activation: Tensor<B, 3>,
    slope: Tensor<B, 3>,
    normalized: Option<Normalized<B>>,
}

/// The teaching signal, taken from a layer's output to where its parameters are.
#[derive(Clone, Debug)]
pub struct Delta<B: Backend> {
    /// At `input weight + bias`, `[trials, batch, units]`.
    pub preactivation: Tensor<B, 3>,
    /// At batch norm's output, `[trials, batch, units]`; absent without batch norm.
    pub normalized: Option<Tensor<B, 3>>,
}

/// Gradients of a layer's parameters, without weight decay.
#[derive(Clone, Debug)]
pub struct Gradients<B: Backend> {
    /// `[trials, inputs, units]`.
    pub weight: Tensor<B, 3>,
    /// `[trials, 1, units]`; absent where the layer has no bias, or where batch norm makes it exactly zero.
    pub bias: Option<Tensor<B, 3>>,
    /// Of batch norm's scale and shift, each `[trials, 1, units]`.
    pub batch_norm: Option<(Tensor<B, 3>, Tensor<B, 3>)>,
}

impl<B: Kernels> Layer<B> {
    /// A training pass: batch norm uses the batch's own statistics. `input` is `[trials or 1, batch, inputs]`.
    pub fn forward(&self, activation: Activation, input: Tensor<B, 3>) -> Trace<B> {
        let preactivation = self.preactivation(&input);
        let (preactivation, normalized) = match &self.batch_norm {
            Some(batch_norm) => {
                let (output, normalized) = batch_norm.forward(preactivation);
                (output, Some(normalized))
            }
            None => (preactivation, None),
        };
        let Activated { output, slope } = B::activate(activation, preactivation);
        Trace { input, activation: output, slope, normalized }
    }

    /// An inference pass: batch norm uses its moving statistics. `input` is `[trials or 1, batch, inputs]`.
    pub fn infer(&self, activation: Activation, input: &Tensor<B, 3>) -> Tensor<B, 3> {
        let preactivation = self.preactivation(input);
        let preactivation = match &self.batch_norm {
            Some(batch_norm) => batch_norm.infer(preactivation),
            None => preactivation,
        };
        B::apply(activation, preactivation)
    }

    /// `input weight + bias`: `[trials or 1, batch, inputs]` gives `[trials, batch, units]`.
    pub fn preactivation(&self, input: &Tensor<B, 3>) -> Tensor<B, 3> {
        B::dense(input, &self.weight.value, self.bias.as_ref().map(|bias| &bias.value))
    }

    /// Takes `signal` (`[trials, batch, units]`, at the layer's output) through activation and batch norm.
    pub fn delta(&self, trace: &Trace<B>, signal: Tensor<B, 3>) -> Delta<B> {
        let signal = signal * trace.slope.clone();
        match (&self.batch_norm, &trace.normalized) {
            (Some(batch_norm), Some(normalized)) => Delta {
                preactivation: batch_norm.backward(normalized, signal.clone()),
                normalized: Some(signal),
            },
            _ => Delta { preactivation: signal, normalized: None },
        }
    }

    /// The gradients that `delta` stands for.
    pub fn gradients(trace: &Trace<B>, delta: &Delta<B>) -> Gradients<B> {
        Gradients {
            weight: B::weight_gradient(&trace.input, &delta.preactivation),
            bias: delta.normalized.is_none().then(|| delta.preactivation.clone().sum_dim(1)),
            batch_norm: trace
                .normalized
                .as_ref()
                .zip(delta.normalized.as_ref())
                .map(|(normalized, signal)| BatchNorm::gradients(normalized, signal)),
        }
    }

    /// The layer after a step against `delta`.
    #[must_use]
    pub fn learn(self, trace: &Trace<B>, delta: Delta<B>, step: &AdamStep<B>) -> Self {
        match (self.batch_norm, &trace.normalized, &delta.normalized) {
            (Some(batch_norm), Some(normalized), Some(signal)) => Self {
                weight: B::learn_weight(self.weight, &trace.input, &delta.preactivation, step),
                // Batch norm subtracts whatever the bias adds: its gradient is exactly zero.
                bias: self.bias,
                batch_norm: Some(batch_norm.learn(normalized, signal, step)),
            },
            (batch_norm, _, _) => Self { weight: self.weight, bias: self.bias, batch_norm }.learn_linear(
                &trace.input,
                delta.preactivation,
                step,
            ),
        }
    }

    /// The layer after a step against `delta` (`[trials, batch, units]`) at its preactivation, from an `input` of
    /// `[trials or 1, batch, inputs]`: the whole update of an output layer.
    #[must_use]
    pub fn learn_linear(self, input: &Tensor<B, 3>, delta: Tensor<B, 3>, step: &AdamStep<B>) -> Self {
        Self {
            weight: B::learn_weight(self.weight, input, &delta, step),
            bias: self.bias.map(|bias| B::learn(bias, delta.sum_dim(1), step)),
            batch_norm: self.batch_norm,
        }
    }
}

impl<B: Backend> Layer<B> {
    /// Keeps only the trials at `positions`, in that order.
    #[must_use]
    pub fn select(self, positions: &Tensor<B, 1, Int>) -> Self {
        Self {
            weight: self.weight.select(positions),
            bias: self.bias.map(|bias| bias.select(positions)),
            batch_norm: self.batch_norm.map(|batch_norm| batch_norm.select(positions)),
        }
    }
}
