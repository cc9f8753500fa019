//! A pass of a population over one batch: the output of each layer, and the error signals of each rule. No parameter
//! changes here.

use std::ops::Range;

use burn::tensor::Tensor;
use model::{Delta, Input, Kernels, Masks, Network, OutputError, Trace, bytes_per_trial, part};

use crate::{
    Rule, RuleGroup,
    rule::{Above, FromLayerAbove, Hidden},
};

/// A batch of every trial.
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
    /// The trace of each hidden layer.
    pub traces: Vec<Trace<B>>,
    /// Factors on each hidden layer's output; absent without dropout.
    pub masks: Vec<Option<Tensor<B, 3>>>,
    /// The last hidden layer's output after dropout, `[batch, units]` of each trial; the input without hidden layers.
    pub top: Input<B>,
    /// The bytes of the input after dropout, of each trial.
    pub input_bytes: u64,
}

/// The error signal of a hidden layer.
#[derive(Clone, Debug)]
pub struct LayerSignal<B: Kernels> {
    /// d loss / d activation, `[trials, batch, units]`.
    pub signal: Tensor<B, 3>,
    /// The signal taken through the layer's own derivatives, from which its parameters learn.
    pub delta: Delta<B>,
}

impl<B: Kernels> Forward<B> {
    /// Returns every hidden layer with its matrix of `feedback`; none for rules without feedback.
    pub fn hidden<'a>(&'a self, feedback: &'a [Tensor<B, 3>]) -> impl Iterator<Item = Hidden<'a, B>> {
        let layers = self.traces.iter().zip(feedback);
        layers.map(|(trace, feedback)| Hidden { activation: &trace.activation, feedback })
    }

    /// Returns the pass of some `trials`.
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
    #[must_use]
    pub fn mask(&self, layer: usize, units: usize) -> Option<Tensor<B, 3>> {
        let input = &self.batch.input;
        self.masks.mask(layer, input.batch(), units, &input.values.device())
    }

    /// Returns the network's input after dropout, and the bytes of each trial that it takes: none without dropout, where trials
    /// that see the same examples share them.
    #[must_use]
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

    /// Runs all hidden layers.
    #[must_use]
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
    #[must_use]
    pub fn output_error(&self, network: &Network<B>, top: &Input<B>) -> OutputError<B> {
        let logits = network.output.preactivation(top);
        network.objective.error(&logits, &self.batch.target)
    }

    /// Returns the delta of every hidden layer, first to last, by the rules of `groups`, for an output `error` of
    /// `[trials, batch, outputs]`.
    #[must_use]
    pub fn deltas(
        &self,
        network: &Network<B>,
        groups: &[RuleGroup<B>],
        forward: &Forward<B>,
        error: &Tensor<B, 3>,
    ) -> Vec<Delta<B>> {
        let target = &self.batch.target;
        let above = layers_above(network);
        if let [group] = groups {
            return group_deltas(group, &above, forward, target, error);
        }
        let of_groups = groups.iter().map(|group| {
            let trials = &group.trials;
            // A cut may be a copy, so only what the rule reads is cut.
            let above: Vec<Above<B>> = match *group.rule {
                Rule::LayerAbove(_) => above.iter().map(|above| above.part(trials)).collect(),
                Rule::Local(_) | Rule::OutputError(_) => Vec::new(),
            };
            let forward = forward.part(trials);
            group_deltas(group, &above, &forward, &part(target, trials), &part(error, trials)).into_iter()
        });
        let mut of_groups: Vec<_> = of_groups.collect();
        (0..forward.traces.len())
            .map(|_| Delta::of_all(of_groups.iter_mut().filter_map(Iterator::next).collect()))
            .collect()
    }

    /// Returns the error signal of every hidden layer under `rule`, first to last, for an output `error` of
    /// `[trials, batch, outputs]`. Keeps every signal, which a training step does not.
    #[must_use]
    pub fn layer_signals(
        &self,
        network: &Network<B>,
        feedback: &[Tensor<B, 3>],
        rule: &Rule<B>,
        forward: &Forward<B>,
        error: &Tensor<B, 3>,
    ) -> Vec<LayerSignal<B>> {
        match signals(rule, feedback, forward, &self.batch.target, error) {
            Signals::FromAbove(rule) => signals_from_above(network, rule, forward, error),
            Signals::Each(signals) => {
                let layers = forward.traces.iter().zip(signals);
                layers
                    .map(|(trace, signal)| LayerSignal { delta: trace.delta(signal.clone()), signal })
                    .collect()
            }
        }
    }
}

/// The error signals of hidden layers, or the rule that computes them from the top down.
enum Signals<'a, B: Kernels> {
    Each(Vec<Tensor<B, 3>>),
    FromAbove(&'a dyn FromLayerAbove<B>),
}

fn signals<'a, B: Kernels>(
    rule: &'a Rule<B>,
    feedback: &[Tensor<B, 3>],
    forward: &Forward<B>,
    target: &Tensor<B, 3>,
    error: &Tensor<B, 3>,
) -> Signals<'a, B> {
    let hidden = forward.hidden(feedback);
    match rule {
        Rule::Local(rule) => Signals::Each(hidden.map(|hidden| rule.signal(&hidden, target)).collect()),
        Rule::OutputError(rule) => Signals::Each(hidden.map(|hidden| rule.signal(&hidden, error)).collect()),
        Rule::LayerAbove(rule) => Signals::FromAbove(rule.as_ref()),
    }
}

/// Returns the delta of every hidden layer of one group, first to last. All tensors are those of the group's trials.
fn group_deltas<B: Kernels>(
    group: &RuleGroup<B>,
    above: &[Above<B>],
    forward: &Forward<B>,
    target: &Tensor<B, 3>,
    error: &Tensor<B, 3>,
) -> Vec<Delta<B>> {
    match signals(&group.rule, &group.feedback, forward, target, error) {
        Signals::Each(signals) => {
            forward.traces.iter().zip(signals).map(|(trace, signal)| trace.delta(signal)).collect()
        }
        Signals::FromAbove(rule) => deltas_from_above(above, rule, forward, error.clone(), |_| ()),
    }
}

/// Returns the layer above each hidden layer, first to last.
fn layers_above<B: Kernels>(network: &Network<B>) -> Vec<Above<B>> {
    network.hidden.iter().chain([&network.output]).skip(1).map(Above::of).collect()
}

/// Returns the error signal of every hidden layer, first to last, computed from the top down.
pub(crate) fn signals_from_above<B: Kernels>(
    network: &Network<B>,
    rule: &dyn FromLayerAbove<B>,
    forward: &Forward<B>,
    error: &Tensor<B, 3>,
) -> Vec<LayerSignal<B>> {
    let mut signals = Vec::with_capacity(forward.traces.len());
    let deltas = deltas_from_above(&layers_above(network), rule, forward, error.clone(), |signal| {
        signals.push(signal.clone());
    });
    signals.reverse();
    signals.into_iter().zip(deltas).map(|(signal, delta)| LayerSignal { signal, delta }).collect()
}

/// Returns the delta of every hidden layer, first to last, for an output `error` of `[trials, batch, outputs]`. Calls
/// `on_signal` with each layer's signal, from the top down.
fn deltas_from_above<B: Kernels>(
    above: &[Above<B>],
    rule: &dyn FromLayerAbove<B>,
    forward: &Forward<B>,
    error: Tensor<B, 3>,
    mut on_signal: impl FnMut(&Tensor<B, 3>),
) -> Vec<Delta<B>> {
    let mut delta = Delta { preactivation: error, normalized: None };
    let mut deltas = Vec::with_capacity(forward.traces.len());
    let layers = forward.traces.iter().zip(&forward.masks).zip(above);
    for ((trace, mask), above) in layers.rev() {
        let signal = drop_out(rule.signal(above, &delta), mask.as_ref());
        on_signal(&signal);
        delta = trace.delta(signal);
        deltas.push(delta.clone());
    }
    deltas.reverse();
    deltas
}

/// Multiplies `values` by `mask`, if there is one; both are `[trials, batch, units]`.
pub fn drop_out<B: Kernels>(values: Tensor<B, 3>, mask: Option<&Tensor<B, 3>>) -> Tensor<B, 3> {
    match mask {
        Some(mask) => B::scale(values, mask),
        None => values,
    }
}
