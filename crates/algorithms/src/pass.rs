//! A pass of a population over one batch: what each layer computes, and what each rule makes of it. Nothing learns here.

use burn::tensor::Tensor;
use model::{Delta, Kernels, Masks, Network, OutputError, Trace};

use crate::{
    Rule,
    rule::{FromLayerAbove, Hidden},
};

/// A batch of every trial. The leading axis is 1 where all trials see the same examples.
#[derive(Clone, Debug)]
pub struct Batch<B: Kernels> {
    /// `[trials or 1, batch, inputs]`.
    pub input: Tensor<B, 3>,
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
    /// The last hidden layer's output after dropout, `[trials, batch, units]`; the input without hidden layers.
    pub top: Tensor<B, 3>,
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
}

impl<B: Kernels> Pass<'_, B> {
    /// The factors on the output of the hidden layer with this index, which has `units` units.
    #[must_use]
    pub fn mask(&self, layer: usize, units: usize) -> Option<Tensor<B, 3>> {
        let [_, examples, _] = self.batch.input.dims();
        self.masks.mask(layer, examples, units, &self.batch.input.device())
    }

    /// Through all hidden layers.
    #[must_use]
    pub fn forward(&self, network: &Network<B>) -> Forward<B> {
        let mut forward = Forward { traces: Vec::new(), masks: Vec::new(), top: self.batch.input.clone() };
        for (index, layer) in network.hidden.iter().enumerate() {
            let trace = layer.forward(network.activation, forward.top);
            let [_, _, units] = trace.activation.dims();
            let mask = self.mask(index, units);
            forward.top = drop_out(trace.activation.clone(), mask.as_ref());
            forward.traces.push(trace);
            forward.masks.push(mask);
        }
        forward
    }

    /// Holds the output for `top` (`[trials, batch, units]`) against the target.
    #[must_use]
    pub fn judge(&self, network: &Network<B>, top: &Tensor<B, 3>) -> OutputError<B> {
        let logits = network.output.preactivation(top);
        network.objective.error(&logits, &self.batch.target)
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
        let hidden = forward.hidden(feedback);
        let signals: Vec<Tensor<B, 3>> = match rule {
            Rule::Local(rule) => hidden.map(|hidden| rule.signal(&hidden, &self.batch.target)).collect(),
            Rule::OutputError(rule) => hidden.map(|hidden| rule.signal(&hidden, error)).collect(),
            Rule::LayerAbove(rule) => return taught_from_above(network, rule.as_ref(), forward, error),
        };
        let layers = network.hidden.iter().zip(&forward.traces).zip(signals);
        layers
            .map(|((layer, trace), signal)| Taught { delta: layer.delta(trace, signal.clone()), signal })
            .collect()
    }
}

/// How every hidden layer is taught from the one above it, first to last, with every signal kept.
pub(crate) fn taught_from_above<B: Kernels>(
    network: &Network<B>,
    rule: &dyn FromLayerAbove<B>,
    forward: &Forward<B>,
    error: &Tensor<B, 3>,
) -> Vec<Taught<B>> {
    let mut signals = Vec::with_capacity(forward.traces.len());
    let deltas = deltas(network, rule, forward, error.clone(), |signal| signals.push(signal.clone()));
    signals.reverse();
    signals.into_iter().zip(deltas).map(|(signal, delta)| Taught { signal, delta }).collect()
}

/// The delta of every hidden layer, first to last, for an output `error` of `[trials, batch, outputs]`. `see` is shown
/// each layer's signal, from the top down.
pub fn deltas<B: Kernels>(
    network: &Network<B>,
    rule: &dyn FromLayerAbove<B>,
    forward: &Forward<B>,
    error: Tensor<B, 3>,
    mut see: impl FnMut(&Tensor<B, 3>),
) -> Vec<Delta<B>> {
    let mut delta = Delta { preactivation: error, normalized: None };
    let mut deltas = Vec::with_capacity(forward.traces.len());
    for (index, trace) in forward.traces.iter().enumerate().rev() {
        let above = network.hidden.get(index + 1).unwrap_or(&network.output);
        let signal = drop_out(rule.signal(above, &delta), forward.masks[index].as_ref());
        see(&signal);
        delta = network.hidden[index].delta(trace, signal);
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
