//! A pass of a population over one batch: the output of each layer, and the error signals of each rule. No parameter
//! changes here.

use std::ops::Range;

use burn::tensor::Tensor;
use kernels::{Input, Kernels, OutputError, Weights, part};
use model::{Delta, Masks, Network, Trace, bytes_per_trial};
use settings::Precision;

use crate::{
    Rule, RuleGroup, backprop,
    rule::{BackwardWeights, Hidden, Teaching},
    shallow,
};

#[derive(Clone, Debug)]
pub struct Batch<B: Kernels> {
    /// `[batch, inputs]` of each trial; trials that see the same examples share them.
    pub input: Input<B>,
    /// `[trials or 1, batch, outputs]`.
    pub target: Tensor<B, 3>,
}

/// A batch with the dropout masks of a step.
#[derive(Clone, Copy)]
pub struct Pass<'a, B: Kernels> {
    pub batch: &'a Batch<B>,
    pub masks: &'a dyn Masks<B>,
}

/// The values that a forward pass keeps for learning.
#[derive(Clone, Debug)]
pub struct Forward<B: Kernels> {
    pub traces: Vec<Trace<B>>,
    /// Factors on each hidden layer's output; absent without dropout.
    pub masks: Vec<Option<Tensor<B, 3>>>,
    /// The last hidden layer's output after dropout, `[batch, units]` of each trial; the input without hidden layers.
    pub top: Input<B>,
    /// The bytes of the input after dropout, of each trial.
    pub input_bytes: u64,
}

/// The values that all layers of a population learn from.
pub struct Taught<B: Kernels> {
    /// The delta of every hidden layer, first to last.
    pub deltas: Vec<Delta<B>>,
    /// The deltas of the feedback matrices of each group, first layer first, `[trials of the group or 1, batch, outputs]`; empty where
    /// they are fixed.
    pub feedback: Vec<Vec<Tensor<B, 3>>>,
}

#[derive(Clone, Debug)]
pub struct LayerSignal<B: Kernels> {
    /// d loss / d activation, `[trials, batch, units]`.
    pub signal: Tensor<B, 3>,
    /// The signal taken through the layer's own derivatives, from which its parameters learn.
    pub delta: Delta<B>,
}

impl<B: Kernels> Forward<B> {
    /// Returns every hidden layer with its matrix of `feedback`; none for rules without feedback.
    pub fn hidden<'a>(&'a self, feedback: &'a [Weights<B>]) -> impl Iterator<Item = Hidden<'a, B>> {
        let layers = self.traces.iter().zip(feedback);
        layers.map(|(trace, feedback)| Hidden { activation: &trace.activation, feedback })
    }

    fn part(&self, trials: &Range<usize>) -> Self {
        Self {
            traces: self.traces.iter().map(|trace| trace.part(trials)).collect(),
            masks: self.masks.iter().map(|mask| mask.as_ref().map(|mask| part(mask, trials))).collect(),
            top: self.top.part(trials),
            input_bytes: self.input_bytes,
        }
    }
}

impl<B: Kernels> Pass<'_, B> {
    /// Returns the factors on the output of the hidden layer with this index, which has `units` units.
    pub fn mask(&self, layer: usize, units: usize) -> Option<Tensor<B, 3>> {
        let input = &self.batch.input;
        self.masks.mask(layer, input.batch(), units, &input.values.device())
    }

    /// Returns the network's input after dropout, and the bytes of each trial that it takes: none without dropout, where trials
    /// that see the same examples share them.
    pub fn input(&self) -> (Input<B>, u64) {
        let input = &self.batch.input;
        let [_, batch, inputs] = input.values.dims();
        let Some(mask) = self.masks.input_mask(batch, inputs, &input.values.device()) else {
            return (input.clone(), 0);
        };
        let ([trials, ..], values) = (mask.dims(), input.per_trial());
        let values = if values.dims()[0] < trials { values.repeat_dim(0, trials) } else { values };
        let dropped = drop_out(values, Some(&mask));
        let bytes = bytes_per_trial(&dropped);
        (dropped.into(), bytes)
    }

    pub fn forward(&self, network: &Network<B>) -> Forward<B> {
        let (top, input_bytes) = self.input();
        let mut forward = Forward { traces: Vec::new(), masks: Vec::new(), top, input_bytes };
        for (index, layer) in network.hidden.iter().enumerate() {
            let trace = layer.forward(network.activation, forward.top);
            let [_, _, units] = trace.activation.dims();
            let mask = self.mask(index, units);
            forward.top = drop_out(trace.activation.clone(), mask.as_ref()).into();
            forward.traces.push(trace);
            forward.masks.push(mask);
        }
        forward
    }

    /// Runs the output layer on `top` (`[batch, units]` of each trial) and compares its output with the target.
    pub fn output_error(&self, network: &Network<B>, top: &Input<B>) -> OutputError<B> {
        let logits = network.output.preactivation(top);
        network.objective.error(&logits, &self.batch.target)
    }

    /// Runs all layers, and compares the output with the target.
    pub fn forward_and_error(&self, network: &Network<B>) -> (Forward<B>, OutputError<B>) {
        let forward = self.forward(network);
        let error = self.output_error(network, &forward.top);
        (forward, error)
    }

    /// Returns the deltas of all layers by the rules of `groups`, for an output `error` of `[trials, batch, outputs]`.
    pub fn teach(
        &self,
        network: &Network<B>,
        groups: &[RuleGroup<B>],
        forward: &Forward<B>,
        error: &Tensor<B, 3>,
    ) -> Taught<B> {
        let (target, precision) = (&self.batch.target, network.output.precision);
        let above = weights_above(network);
        if let [RuleGroup { rule, feedback, .. }] = groups {
            let inputs = RuleInputs { feedback, above: &above, precision, forward, target, error };
            let (deltas, of_feedback) = inputs.teach(rule, |_, _| ());
            return Taught { deltas, feedback: vec![of_feedback] };
        }
        let of_groups = groups.iter().map(|RuleGroup { rule, trials, feedback, .. }| {
            // A cut may be a copy, so only what the rule reads is cut.
            let above: Vec<_> = match **rule {
                Rule::LayerAbove(_) => above.iter().map(|weight| weight.part(trials)).collect(),
                Rule::Local(_) | Rule::OutputError(_) | Rule::Untrained => Vec::new(),
            };
            let (forward, target, error) =
                (&forward.part(trials), &part(target, trials), &part(error, trials));
            let inputs = RuleInputs { feedback, above: &above, precision, forward, target, error };
            inputs.teach(rule, |_, _| ())
        });
        let (of_groups, feedback): (Vec<_>, Vec<_>) = of_groups.unzip();
        let mut of_groups: Vec<_> = of_groups.into_iter().map(Vec::into_iter).collect();
        let deltas = (0..forward.traces.len())
            .map(|_| Delta::of_all(of_groups.iter_mut().filter_map(Iterator::next).collect()));
        Taught { deltas: deltas.collect(), feedback }
    }

    /// Returns the error signal of every hidden layer under `rule`, first to last, for an output `error` of
    /// `[trials, batch, outputs]`. Keeps every signal, which a training step does not.
    pub fn layer_signals(
        &self,
        network: &Network<B>,
        feedback: &[Weights<B>],
        rule: &Rule<B>,
        forward: &Forward<B>,
        error: &Tensor<B, 3>,
    ) -> Vec<LayerSignal<B>> {
        let (target, precision) = (&self.batch.target, network.output.precision);
        let above = weights_above(network);
        let inputs = RuleInputs { feedback, above: &above, precision, forward, target, error };
        let mut signals = vec![None; forward.traces.len()];
        let (deltas, _) = inputs.teach(rule, |layer, signal| signals[layer] = Some(signal.clone()));
        signals
            .into_iter()
            .flatten()
            .zip(deltas)
            .map(|(signal, delta)| LayerSignal { signal, delta })
            .collect()
    }
}

fn weights_above<B: Kernels>(network: &Network<B>) -> Vec<Weights<B>> {
    let layers = network.hidden.iter().chain([&network.output]).skip(1);
    layers.map(|layer| layer.weight.value.clone()).collect()
}

/// The values that a rule computes the error signals of its trials from.
struct RuleInputs<'a, B: Kernels> {
    feedback: &'a [Weights<B>],
    /// The weights of the layer above each hidden layer, `[trials, units, units above]`.
    above: &'a [Weights<B>],
    precision: Precision,
    forward: &'a Forward<B>,
    target: &'a Tensor<B, 3>,
    error: &'a Tensor<B, 3>,
}

impl<B: Kernels> RuleInputs<'_, B> {
    /// Returns the delta of every hidden layer, first to last, and those of feedback matrices that learn. Calls `on_signal` with each
    /// layer's index and signal.
    fn teach(
        &self,
        rule: &Rule<B>,
        mut on_signal: impl FnMut(usize, &Tensor<B, 3>),
    ) -> (Vec<Delta<B>>, Vec<Tensor<B, 3>>) {
        let (rule, target_or_error) = match rule {
            Rule::Local(rule) => (rule, self.target),
            Rule::OutputError(rule) => (rule, self.error),
            Rule::Untrained => return (self.zero_deltas(on_signal), Vec::new()),
            Rule::LayerAbove(backward) => {
                return (self.deltas_from_above(backward.as_deref(), on_signal), Vec::new());
            }
        };
        let mut of_feedback = Vec::new();
        let layers = self.forward.traces.iter().zip(self.forward.hidden(self.feedback)).enumerate();
        let deltas = layers.map(|(layer, (trace, hidden))| {
            let Teaching { signal, feedback_delta } = rule.teach(&hidden, target_or_error);
            on_signal(layer, &signal);
            of_feedback.extend(feedback_delta);
            trace.delta(signal)
        });
        (deltas.collect(), of_feedback)
    }

    fn zero_deltas(&self, mut on_signal: impl FnMut(usize, &Tensor<B, 3>)) -> Vec<Delta<B>> {
        let layers = self.forward.traces.iter().enumerate();
        layers
            .map(|(layer, trace)| {
                let signal = shallow::signal(&trace.activation);
                on_signal(layer, &signal);
                trace.delta(signal)
            })
            .collect()
    }

    fn deltas_from_above(
        &self,
        backward: Option<&dyn BackwardWeights<B>>,
        mut on_signal: impl FnMut(usize, &Tensor<B, 3>),
    ) -> Vec<Delta<B>> {
        let mut delta = Delta { preactivation: self.error.clone(), normalized: None };
        let mut deltas = Vec::with_capacity(self.above.len());
        for (layer, weight) in self.above.iter().enumerate().rev() {
            let signal = match backward {
                None => backprop::signal(&delta, weight, self.precision),
                Some(backward) => {
                    let matrix = backward.matrix(weight, self.feedback.get(layer));
                    backprop::signal(&delta, &matrix, self.precision)
                }
            };
            let signal = drop_out(signal, self.forward.masks[layer].as_ref());
            on_signal(layer, &signal);
            delta = self.forward.traces[layer].delta(signal);
            deltas.push(delta.clone());
        }
        deltas.reverse();
        deltas
    }
}

/// Multiplies `values` by `mask`, if there is one; both are `[trials, batch, units]`.
pub fn drop_out<B: Kernels>(values: Tensor<B, 3>, mask: Option<&Tensor<B, 3>>) -> Tensor<B, 3> {
    match mask {
        Some(mask) => B::scale(values, mask),
        None => values,
    }
}
