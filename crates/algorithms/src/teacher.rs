//! The values that one hidden layer learns from, under a rule that needs nothing of other layers.

use burn::tensor::Tensor;
use kernels::{Input, Kernels, Weights};
use model::{Delta, Trace};
use settings::Activation;

use crate::{
    Rule,
    forward_forward::{Contrast, ForwardForward},
    rule::{Hidden, Teaching},
};

/// A rule, with the arrays that its trials keep for it.
pub struct Teacher<'a, B: Kernels> {
    pub rule: &'a Rule<B>,
    /// The feedback of each hidden layer, `[trials, units, outputs or units above]`, or a single one to the input, `[trials, inputs,
    /// outputs]`; empty for rules without feedback.
    pub feedback: &'a [Weights<B>],
    /// The running mean of each unit, `[trials, 1, units]`, of each hidden layer; empty for rules without them.
    pub running_means: &'a [Tensor<B, 3>],
}

/// The values that a hidden layer learns from.
pub struct LayerTaught<B: Kernels> {
    /// The signal, taken through the layer's own derivatives.
    pub delta: Delta<B>,
    /// The layer's input that its weights learn with; `None` where it is the forward pass'.
    pub input: Option<Input<B>>,
    /// The delta of the layer's feedback matrix, `[trials or 1, batch, outputs]`; `None` where it is fixed.
    pub feedback_delta: Option<Tensor<B, 3>>,
    /// The running mean after the step, `[trials, 1, units]`, for rules with one.
    pub running_mean: Option<Tensor<B, 3>>,
}

impl<B: Kernels> Teacher<'_, B> {
    /// Returns the values that the hidden layer with this index learns from. `target_or_error` is the target, `[trials or 1, batch,
    /// outputs]`, or for rules that see it the error at the logits. Calls `on_signal` with d loss / d activation, `[trials, rows, units]`.
    ///
    /// # Panics
    /// For rules that need other layers.
    pub fn teach_layer(
        &self,
        layer: usize,
        activation: Activation,
        trace: &Trace<B>,
        target_or_error: &Tensor<B, 3>,
        on_signal: impl FnOnce(&Tensor<B, 3>),
    ) -> LayerTaught<B> {
        match self.rule {
            Rule::Local(rule) | Rule::OutputError(rule) => {
                let hidden = Hidden { activation: &trace.activation, feedback: &self.feedback[layer] };
                let Teaching { signal, feedback_delta } = rule.teach(&hidden, target_or_error);
                on_signal(&signal);
                LayerTaught { delta: trace.delta(signal), input: None, feedback_delta, running_mean: None }
            }
            Rule::Contrast(rule) => {
                let [_, batch, _] = target_or_error.dims();
                let Contrast { signal, running_mean, .. } = self.contrast(rule, layer, trace, batch);
                on_signal(&signal);
                let [_, rows, _] = signal.dims();
                let delta = match activation {
                    Activation::Relu => signal,
                    _ => B::scale(signal, &B::rows(trace.slope(), 0..rows)),
                };
                let input = Some(first_rows(&trace.input, rows));
                LayerTaught { delta: delta.into(), input, feedback_delta: None, running_mean }
            }
            Rule::LayerAbove(_) | Rule::SecondPass(_) | Rule::Untrained => {
                panic!("the rule needs other layers")
            }
        }
    }

    /// Returns how the hidden layer with this index tells the parts of a `batch` apart.
    pub fn contrast(
        &self,
        rule: &ForwardForward,
        layer: usize,
        trace: &Trace<B>,
        batch: usize,
    ) -> Contrast<B> {
        rule.teach(&trace.activation, batch, self.running_means.get(layer))
    }
}

fn first_rows<B: Kernels>(input: &Input<B>, rows: usize) -> Input<B> {
    Input { values: B::rows(&input.values, 0..rows), sets: input.sets.clone() }
}
