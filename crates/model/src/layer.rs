//! One fully connected layer: its forward pass, its backward pass, and its update from a teaching signal at its output.

use std::ops::Range;

use burn::tensor::{Int, Tensor, backend::Backend};

use crate::BatchNorm;
use kernels::{Activated, Input, Kernels, Normalized, OptimizerStep, Parameter, WeightUpdate, Weights, part};
use settings::{Activation, Precision};

/// A layer that computes `activation(batch_norm(input weight + bias))`; bias and batch norm are optional.
#[derive(Clone, Debug)]
pub struct Layer<B: Backend> {
    /// The weights, `[trials, inputs, units]`.
    pub weight: Parameter<Weights<B>>,
    /// The bias, `[trials, 1, units]`.
    pub bias: Option<Parameter<Tensor<B, 3>>>,
    pub batch_norm: Option<BatchNorm<B>>,
    /// The precision of products with the weights.
    pub precision: Precision,
}

/// The results of a hidden layer's training pass that its update needs.
#[derive(Clone, Debug)]
pub struct Trace<B: Backend> {
    /// The layer's input, `[batch, inputs]` of each trial.
    pub input: Input<B>,
    /// The layer's output before dropout, `[trials, batch, units]`.
    pub activation: Tensor<B, 3>,
    slope: Tensor<B, 3>,
    normalized: Option<Normalized<B>>,
}

impl<B: Backend> Trace<B> {
    /// Returns d activation / d preactivation, `[trials, batch, units]`.
    pub fn slope(&self) -> &Tensor<B, 3> {
        &self.slope
    }

    /// Returns the bytes that the trace takes for each trial, without the layer's input.
    pub fn bytes(&self) -> u64 {
        let normalized = self.normalized.as_ref().map(|normalized| {
            let per_unit = [&normalized.gain, &normalized.mean, &normalized.variance];
            bytes_per_trial(&normalized.standardized) + per_unit.into_iter().map(bytes_per_trial).sum::<u64>()
        });
        bytes_per_trial(&self.activation) + bytes_per_trial(&self.slope) + normalized.unwrap_or(0)
    }

    pub fn part(&self, trials: &Range<usize>) -> Self {
        Self {
            input: self.input.part(trials),
            activation: part(&self.activation, trials),
            slope: part(&self.slope, trials),
            normalized: self.normalized.as_ref().map(|normalized| Normalized {
                standardized: part(&normalized.standardized, trials),
                gain: part(&normalized.gain, trials),
                mean: part(&normalized.mean, trials),
                variance: part(&normalized.variance, trials),
            }),
        }
    }
}

impl<B: Kernels> Trace<B> {
    /// Propagates `signal` (`[trials, batch, units]`, at the layer's output) backward through activation and batch norm.
    pub fn delta(&self, signal: Tensor<B, 3>) -> Delta<B> {
        let signal = B::scale(signal, &self.slope);
        match &self.normalized {
            Some(normalized) => {
                Delta { preactivation: B::normalization_delta(normalized, &signal), normalized: Some(signal) }
            }
            None => Delta { preactivation: signal, normalized: None },
        }
    }
}

/// Returns the bytes of each trial of a `[trials, batch, units]` tensor.
pub fn bytes_per_trial<B: Backend>(values: &Tensor<B, 3>) -> u64 {
    let [_, batch, units] = values.dims();
    (batch * units * size_of::<f32>()) as u64
}

/// The teaching signal, propagated from a layer's output to its parameters.
#[derive(Clone, Debug)]
pub struct Delta<B: Backend> {
    /// The signal at `input weight + bias`, `[trials, batch, units]`.
    pub preactivation: Tensor<B, 3>,
    /// The signal at batch norm's output, `[trials, batch, units]`; `None` without batch norm.
    pub normalized: Option<Tensor<B, 3>>,
}

/// Creates the delta of a layer without batch norm.
impl<B: Backend> From<Tensor<B, 3>> for Delta<B> {
    fn from(preactivation: Tensor<B, 3>) -> Self {
        Self { preactivation, normalized: None }
    }
}

impl<B: Backend> Delta<B> {
    pub fn of_all(groups: Vec<Self>) -> Self {
        let normalized: Option<Vec<_>> = groups.iter().map(|group| group.normalized.clone()).collect();
        Self {
            normalized: normalized.map(|groups| Tensor::cat(groups, 0)),
            preactivation: Tensor::cat(groups.into_iter().map(|group| group.preactivation).collect(), 0),
        }
    }

    pub fn bytes(&self) -> u64 {
        bytes_per_trial(&self.preactivation) + self.normalized.as_ref().map_or(0, bytes_per_trial)
    }
}

pub struct LayerUpdate<'a, B: Backend> {
    input: &'a Input<B>,
    delta: Delta<B>,
    normalized: Option<&'a Normalized<B>>,
}

impl<'a, B: Backend> LayerUpdate<'a, B> {
    /// Creates the update of a layer from its training pass.
    pub fn of_trace(trace: &'a Trace<B>, delta: Delta<B>) -> Self {
        Self { input: &trace.input, delta, normalized: trace.normalized.as_ref() }
    }

    /// Creates the update of a layer without batch norm from its input (`[batch, inputs]` of each trial) and its delta.
    pub fn of_input(input: &'a Input<B>, delta: Delta<B>) -> Self {
        Self { input, delta, normalized: None }
    }
}

/// The gradients of a layer's parameters, without weight decay.
#[derive(Clone, Debug)]
pub struct Gradients<B: Backend> {
    /// The weights' gradient, `[trials, inputs, units]`.
    pub weight: Weights<B>,
    /// The bias' gradient, `[trials, 1, units]`; `None` where batch norm makes it exactly zero.
    pub bias: Option<Tensor<B, 3>>,
    /// The gradients of batch norm's scale and shift, each `[trials, 1, units]`.
    pub batch_norm: Option<[Tensor<B, 3>; 2]>,
}

impl<B: Kernels> Layer<B> {
    /// Runs a training pass: batch norm uses the batch's statistics. `input` is `[batch, inputs]` of each trial.
    pub fn forward(&self, activation: Activation, input: Input<B>) -> Trace<B> {
        let (weight, bias) = (&self.weight.value, self.bias.as_ref().map(|bias| &bias.value));
        let (Activated { output, slope }, normalized) = match &self.batch_norm {
            Some(batch_norm) => {
                let (output, normalized) = batch_norm.forward(B::dense(&input, weight, bias, self.precision));
                (B::activate(activation, output), Some(normalized))
            }
            None => (B::dense_activated(activation, &input, weight, bias, self.precision), None),
        };
        Trace { input, activation: output, slope, normalized }
    }

    /// Runs an inference pass: batch norm uses its moving statistics. `input` is `[batch, inputs]` of each trial.
    pub fn infer(&self, activation: Activation, input: &Input<B>) -> Tensor<B, 3> {
        let activated = match &self.batch_norm {
            Some(batch_norm) => B::activate(activation, batch_norm.infer(self.preactivation(input))),
            None => {
                let (weight, bias) = (&self.weight.value, self.bias.as_ref().map(|bias| &bias.value));
                B::dense_activated(activation, input, weight, bias, self.precision)
            }
        };
        activated.output
    }

    /// Returns `input weight + bias`: `[batch, inputs]` of each trial gives `[trials, batch, units]`.
    pub fn preactivation(&self, input: &Input<B>) -> Tensor<B, 3> {
        B::dense(input, &self.weight.value, self.bias.as_ref().map(|bias| &bias.value), self.precision)
    }

    /// Updates each layer by one optimizer step; `updates` holds one update for each layer.
    pub fn learn_all(
        layers: Vec<Self>,
        updates: &[LayerUpdate<'_, B>],
        step: &OptimizerStep<B>,
    ) -> Vec<Self> {
        assert_eq!(layers.len(), updates.len(), "an update for each layer");
        let Some(precision) = layers.first().map(|layer| layer.precision) else { return layers };
        let (weights, others): (Vec<_>, Vec<_>) = layers
            .into_iter()
            .zip(updates)
            .map(|(Self { weight, bias, batch_norm, .. }, LayerUpdate { input, delta, .. })| {
                (WeightUpdate { weight, input, delta: &delta.preactivation }, (bias, batch_norm))
            })
            .unzip();
        let weights = B::learn_weights(weights, step, precision);
        let layers = weights.into_iter().zip(others).zip(updates);
        layers
            .map(|((weight, (bias, batch_norm)), update)| {
                let (bias, batch_norm) = update.learn_per_unit(bias, batch_norm, step);
                Self { weight, bias, batch_norm, precision }
            })
            .collect()
    }
}

impl<B: Kernels> LayerUpdate<'_, B> {
    pub fn gradients(&self, precision: Precision) -> Gradients<B> {
        let Self { input, delta, normalized } = self;
        Gradients {
            weight: B::weight_gradient(input, &delta.preactivation, precision),
            bias: delta.normalized.is_none().then(|| B::bias_gradient(&delta.preactivation)),
            batch_norm: normalized
                .zip(delta.normalized.as_ref())
                .map(|(normalized, signal)| B::normalization_gradients(normalized, signal)),
        }
    }

    /// Returns the sum of the squares of all gradients of `layer`, `[trials]`, with the L2 term of its weights.
    pub fn gradient_square(&self, layer: &Layer<B>, weight_decay: Option<&Tensor<B, 3>>) -> Tensor<B, 1> {
        let Gradients { weight, bias, batch_norm } = self.gradients(layer.precision);
        let weight = weight.with_decay(&layer.weight.value, weight_decay);
        let bias = bias.filter(|_| layer.bias.is_some());
        let others = bias.into_iter().chain(batch_norm.into_iter().flatten());
        others.fold(B::weights_inner_product(&weight, &weight), |sum, gradient| {
            sum + B::inner_product(&gradient, &gradient)
        })
    }

    /// Multiplies all gradients by a factor for each trial, `[trials, 1, 1]`.
    pub fn scaled(self, factors: &Tensor<B, 3>) -> Self {
        let Delta { preactivation, normalized } = self.delta;
        let delta = Delta {
            preactivation: preactivation * factors.clone(),
            normalized: normalized.map(|signal| signal * factors.clone()),
        };
        Self { delta, ..self }
    }

    fn learn_per_unit(
        &self,
        bias: Option<Parameter<Tensor<B, 3>>>,
        batch_norm: Option<BatchNorm<B>>,
        step: &OptimizerStep<B>,
    ) -> (Option<Parameter<Tensor<B, 3>>>, Option<BatchNorm<B>>) {
        match (batch_norm, self.normalized, &self.delta.normalized) {
            // Batch norm subtracts the bias again, so the bias' gradient is exactly zero.
            (Some(batch_norm), Some(normalized), Some(signal)) => {
                (bias, Some(batch_norm.learn(normalized, signal, step)))
            }
            (batch_norm, _, _) => {
                let bias = bias.map(|bias| B::learn(bias, B::bias_gradient(&self.delta.preactivation), step));
                (bias, batch_norm)
            }
        }
    }
}

impl<B: Backend> Layer<B> {
    /// Returns the layers of some trials for passes: without batch norm and the optimizer's state.
    pub fn part(&self, trials: &Range<usize>) -> Self {
        Self {
            weight: Parameter { value: self.weight.value.part(trials), states: Vec::new() },
            bias: self
                .bias
                .as_ref()
                .map(|bias| Parameter { value: part(&bias.value, trials), states: Vec::new() }),
            batch_norm: None,
            precision: self.precision,
        }
    }

    /// Keeps only the trials at `positions`, in that order.
    pub fn select(self, positions: &Tensor<B, 1, Int>) -> Self {
        Self {
            weight: self.weight.select(positions),
            bias: self.bias.map(|bias| bias.select(positions)),
            batch_norm: self.batch_norm.map(|batch_norm| batch_norm.select(positions)),
            precision: self.precision,
        }
    }
}
