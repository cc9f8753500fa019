//! A pass of a population over one batch: what each layer computes, and what each rule makes of it. Nothing learns here.

use std::ops::Range;

use burn::tensor::Tensor;
use model::{Delta, Input, Kernels, Masks, Network, OutputError, Trace, part};

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

/// A batch, and what is dropped on its way.
#[derive(Clone, Copy)]
pub struct Pass<'a, B: Kernels> {
    /// The examples.
    pub batch: &'a Batch<B>,
    /// What each hidden layer drops.
    pub masks: &'a dyn Masks<B>,
}

/// What a training pass leaves behind.
#[derive(Clone, Debug)]
pub struct Forward<B: Kernels> {
    /// Of each hidden layer.
    pub traces: Vec<Trace<B>>,
    /// Factors on each hidden layer's output; absent where nothing is dropped.
    pub masks: Vec<Option<Tensor<B, 3>>>,
    /// The last hidden layer's output after dropout, `[batch, units]` of each trial; the input without hidden layers.
    pub top: Input<B>,
}

/// How a hidden layer is taught.
#[derive(Clone, Debug)]
pub struct Taught<B: Kernels> {
    /// d loss / d activation, `[trials, batch, units]`.
    pub signal: Tensor<B, 3>,
    /// The signal where the layer's parameters are.
    pub delta: Delta<B>,
}

impl<B: Kernels> Forward<B> {
    /// What a rule with `feedback` sees of each hidden layer; nothing where it has none.
    pub fn hidden<'a>(&'a self, feedback: &'a [Tensor<B, 3>]) -> impl Iterator<Item = Hidden<'a, B>> {
        let layers = self.traces.iter().zip(feedback);
        layers.map(|(trace, feedback)| Hidden { activation: &trace.activation, feedback })
    }

    /// Of some `trials`.
    fn part(&self, trials: &Range<usize>) -> Self {
        Self {
            traces: self.traces.iter().map(|trace| trace.part(trials)).collect(),
            masks: self.masks.iter().map(|mask| mask.as_ref().map(|mask| part(mask, trials))).collect(),
            top: self.top.part(trials),
        }
    }
}

impl<B: Kernels> Pass<'_, B> {
    /// The factors on the output of the hidden layer with this index, which has `units` units.
    #[must_use]
    pub fn mask(&self, layer: usize, units: usize) -> Option<Tensor<B, 3>> {
        let Input { values, .. } = &self.batch.input;
        self.masks.mask(layer, self.batch.input.batch(), units, &values.device())
    }

    /// Through all hidden layers.
    #[must_use]
    pub fn forward(&self, network: &Network<B>) -> Forward<B> {
        let mut forward = Forward { traces: Vec::new(), masks: Vec::new(), top: self.batch.input.clone() };
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

    /// Holds the output for `top` (`[batch, units]` of each trial) against the target.
    #[must_use]
    pub fn judge(&self, network: &Network<B>, top: &Input<B>) -> OutputError<B> {
        let logits = network.output.preactivation(top);
        network.objective.error(&logits, &self.batch.target)
    }

    /// The delta of every hidden layer, first to last, for an output `error` of `[trials, batch, outputs]`: of each of the
    /// `classes` as its rule teaches it.
    #[must_use]
    pub fn deltas(
        &self,
        network: &Network<B>,
        classes: &[RuleGroup<B>],
        forward: &Forward<B>,
        error: &Tensor<B, 3>,
    ) -> Vec<Delta<B>> {
        let target = &self.batch.target;
        let above = layers_above(network);
        if let [class] = classes {
            return deltas_of(class, &above, forward, target, error);
        }
        let of_class = |class: &RuleGroup<B>| {
            let trials = &class.trials;
            // What a rule does not look at is not cut: a cut may be a copy.
            let above: Vec<Above<B>> = match *class.rule {
                Rule::LayerAbove(_) => above.iter().map(|above| above.part(trials)).collect(),
                Rule::Local(_) | Rule::OutputError(_) => Vec::new(),
            };
            deltas_of(class, &above, &forward.part(trials), &part(target, trials), &part(error, trials))
        };
        let mut of_classes: Vec<_> = classes.iter().map(|class| of_class(class).into_iter()).collect();
        let of_layer = |_| Delta::of_all(of_classes.iter_mut().filter_map(Iterator::next).collect());
        (0..forward.traces.len()).map(of_layer).collect()
    }

    /// How `rule` teaches every hidden layer, first to last, for an output `error` of `[trials, batch, outputs]`.
    /// Keeps every signal, which a training step does not.
    #[must_use]
    pub fn taught(
        &self,
        network: &Network<B>,
        feedback: &[Tensor<B, 3>],
        rule: &Rule<B>,
        forward: &Forward<B>,
        error: &Tensor<B, 3>,
    ) -> Vec<Taught<B>> {
        let signals = match signals(rule, feedback, forward, &self.batch.target, error) {
            Signals::Each(signals) => signals,
            Signals::FromAbove(rule) => return taught_from_above(network, rule, forward, error),
        };
        let taught = |(trace, signal): (&Trace<B>, Tensor<B, 3>)| Taught {
            delta: trace.delta(signal.clone()),
            signal,
        };
        forward.traces.iter().zip(signals).map(taught).collect()
    }
}

/// The signals of hidden layers: each on its own, or from the top down.
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

/// The delta of every hidden layer of one class, first to last. All tensors are the class' own.
fn deltas_of<B: Kernels>(
    class: &RuleGroup<B>,
    above: &[Above<B>],
    forward: &Forward<B>,
    target: &Tensor<B, 3>,
    error: &Tensor<B, 3>,
) -> Vec<Delta<B>> {
    match signals(&class.rule, &class.feedback, forward, target, error) {
        Signals::Each(signals) => {
            forward.traces.iter().zip(signals).map(|(trace, signal)| trace.delta(signal)).collect()
        }
        Signals::FromAbove(rule) => deltas_from_above(above, rule, forward, error.clone(), |_| ()),
    }
}

/// What each hidden layer has above it, first to last.
fn layers_above<B: Kernels>(network: &Network<B>) -> Vec<Above<B>> {
    network.hidden.iter().chain([&network.output]).skip(1).map(Above::of).collect()
}

/// How every hidden layer is taught from the one above it, first to last, with every signal kept.
pub(crate) fn taught_from_above<B: Kernels>(
    network: &Network<B>,
    rule: &dyn FromLayerAbove<B>,
    forward: &Forward<B>,
    error: &Tensor<B, 3>,
) -> Vec<Taught<B>> {
    let mut signals = Vec::with_capacity(forward.traces.len());
    let see = |signal: &Tensor<B, 3>| signals.push(signal.clone());
    let deltas = deltas_from_above(&layers_above(network), rule, forward, error.clone(), see);
    signals.reverse();
    signals.into_iter().zip(deltas).map(|(signal, delta)| Taught { signal, delta }).collect()
}

/// The delta of every hidden layer, first to last, for an output `error` of `[trials, batch, outputs]`. `see` is shown
/// each layer's signal, from the top down.
fn deltas_from_above<B: Kernels>(
    above: &[Above<B>],
    rule: &dyn FromLayerAbove<B>,
    forward: &Forward<B>,
    error: Tensor<B, 3>,
    mut see: impl FnMut(&Tensor<B, 3>),
) -> Vec<Delta<B>> {
    let mut delta = Delta { preactivation: error, normalized: None };
    let mut deltas = Vec::with_capacity(forward.traces.len());
    let layers = forward.traces.iter().zip(&forward.masks).zip(above);
    for ((trace, mask), above) in layers.rev() {
        let signal = drop_out(rule.signal(above, &delta), mask.as_ref());
        see(&signal);
        delta = trace.delta(signal);
        deltas.push(delta.clone());
    }
    deltas.reverse();
    deltas
}

/// `values` times `mask`, where there is one; both `[trials, batch, units]`.
pub fn drop_out<B: Kernels>(values: Tensor<B, 3>, mask: Option<&Tensor<B, 3>>) -> Tensor<B, 3> {
    match mask {
        Some(mask) => B::scale(values, mask),
        None => values,
    }
}
