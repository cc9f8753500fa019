//! The second forward pass of rules that teach by one, layer by layer.

use std::ops::Range;

use burn::tensor::Tensor;
use kernels::{Input, Kernels, OutputError, Weights, part};
use model::{Delta, Layer, Masks, Network, bytes_per_trial, drop_out};
use settings::Activation;

use crate::rule::SecondInput;

/// The second pass of some trials, in front of its next layer.
pub struct SecondPass<B: Kernels> {
    /// The next layer's input, `[trials, batch, inputs]`, after dropout.
    input: Tensor<B, 3>,
}

/// The first pass of some trials of a population.
pub struct FirstPass<'a, B: Kernels> {
    pub trials: &'a Range<usize>,
    /// The input of the population before dropout, `[batch, inputs]` of each trial.
    pub input: &'a Input<B>,
    pub masks: &'a dyn Masks<B>,
    /// The error at the logits, `[trials, batch, outputs]`.
    pub error: &'a Tensor<B, 3>,
}

impl<B: Kernels> SecondPass<B> {
    /// Makes the second input from the `first` pass and the `feedback` to the input, `[trials, inputs, outputs]`.
    pub fn new(second_input: SecondInput<B>, first: &FirstPass<'_, B>, feedback: &Weights<B>) -> Self {
        let input = second_input(first.input.part(first.trials).per_trial(), first.error, feedback);
        let [_, batch, inputs] = input.dims();
        let mask = first.masks.input_mask(batch, inputs, &input.device());
        Self { input: drop_out(input, mask.map(|mask| part(&mask, first.trials)).as_ref()) }
    }

    /// Runs a hidden layer without batch norm, whose output in the first pass was `first` (`[trials, batch, units]`, after dropout by
    /// `mask`). Returns the input and the delta that it learns from.
    pub fn run(
        &mut self,
        layer: &Layer<B>,
        activation: Activation,
        mask: Option<&Tensor<B, 3>>,
        first: Tensor<B, 3>,
    ) -> (Input<B>, Delta<B>) {
        let input = self.input.clone().into();
        self.input = drop_out(layer.infer(activation, &input), mask);
        let [_, batch, _] = first.dims();
        (input, (first - self.input.clone()).div_scalar(batch as f64).into())
    }

    /// Runs the `output` layer of `network` and compares the result with `target` (`[trials or 1, batch, outputs]`). Returns the input
    /// and the delta that it learns from.
    pub fn finish(
        self,
        network: &Network<B>,
        output: &Layer<B>,
        target: &Tensor<B, 3>,
    ) -> (Input<B>, Delta<B>) {
        let input = self.input.into();
        let OutputError { error, .. } = network.objective.error(&output.preactivation(&input), target);
        (input, error.into())
    }

    /// Returns the bytes of the next layer's input, of each trial.
    pub fn bytes(&self) -> u64 {
        bytes_per_trial(&self.input)
    }
}
