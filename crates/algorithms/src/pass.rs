//! A pass of a population over one batch: the output of each layer, and the error signals of each rule. No parameter
//! changes here.

use std::{borrow::Cow, ops::Range};

use burn::tensor::Tensor;
use kernels::{Input, Kernels, OutputError, Weights, part};
use model::{Delta, Layer, LayerUpdate, Masks, Network, Readout, Trace, bytes_per_trial, drop_out};

use crate::{
    Batch, FirstPass, Rule, RuleGroup, SecondPass, Teacher, backprop,
    rule::{BackwardWeights, Hidden, SecondInput},
    shallow,
};

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
    /// The output layer's input, `[batch, units]` of each trial: the last hidden layer's output after dropout, or those of several.
    pub top: Input<B>,
    /// The bytes of the input after dropout, of each trial.
    pub input_bytes: u64,
}

/// The values that all layers of some trials learn from.
pub struct Taught<B: Kernels> {
    /// The delta of every layer, the output layer's last.
    pub deltas: Vec<Delta<B>>,
    /// The input of every layer that its weights learn with, the output layer's last; `None` where those are the forward pass'.
    pub second_inputs: Option<Vec<Input<B>>>,
    /// The running means of each group after the step, first layer first, `[trials of the group, 1, units]`; empty for rules without them.
    pub running_means: Vec<Vec<Tensor<B, 3>>>,
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
    /// The layer's input that its weights learn with; `None` where it is the forward pass'.
    pub second_input: Option<Input<B>>,
}

impl<B: Kernels> Forward<B> {
    /// Returns the input of every layer, the output layer's last.
    pub fn inputs(&self) -> impl Iterator<Item = &Input<B>> {
        self.traces.iter().map(|trace| &trace.input).chain([&self.top])
    }

    /// Returns the updates of all layers from their `deltas`, the output layer's last.
    pub fn updates(&self, deltas: Vec<Delta<B>>) -> Vec<LayerUpdate<'_, B>> {
        let mut deltas = deltas.into_iter();
        let hidden = self.traces.iter().zip(&mut deltas);
        let hidden: Vec<_> = hidden.map(|(trace, delta)| LayerUpdate::of_trace(trace, delta)).collect();
        hidden.into_iter().chain(deltas.map(|error| LayerUpdate::of_input(&self.top, error))).collect()
    }

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
        let (mut input, input_bytes) = self.input();
        let (mut traces, mut masks) = (Vec::new(), Vec::new());
        let mut readout = self.readout(network);
        for (index, layer) in network.hidden.iter().enumerate() {
            let trace = layer.forward(network.activation, input);
            let [_, _, units] = trace.activation.dims();
            let mask = self.mask(index, units);
            let output = drop_out(network.wiring.passed_on(trace.activation.clone()), mask.as_ref());
            readout.add(&output);
            input = output.into();
            traces.push(trace);
            masks.push(mask);
        }
        Forward { traces, masks, top: readout.input(), input_bytes }
    }

    /// Returns the empty input of the output layer of `network`.
    pub fn readout(&self, network: &Network<B>) -> Readout<B> {
        let [_, examples, _] = self.batch.target.dims();
        network.wiring.readout(network.hidden.len(), examples)
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

    /// Returns the values that all layers learn from by the rules of `groups`, for an output `error` of `[trials, batch, outputs]`.
    pub fn teach(
        &self,
        network: &Network<B>,
        groups: &[RuleGroup<B>],
        forward: &Forward<B>,
        error: &Tensor<B, 3>,
    ) -> Taught<B> {
        let target = &self.batch.target;
        if let [group] = groups {
            let (layers, trials, teacher) = (Layers { network, cut: None }, &group.trials, &group.teacher());
            let inputs = RuleInputs { pass: self, trials, teacher, layers, forward, target, error };
            return inputs.teach(|_, _| ());
        }
        let of_groups = groups.iter().map(|group| {
            let trials = &group.trials;
            let (forward, target, error) =
                (forward.part(trials), &part(target, trials), &part(error, trials));
            let (layers, teacher) = (Layers { network, cut: Some(trials) }, &group.teacher());
            let inputs = RuleInputs { pass: self, trials, teacher, layers, forward: &forward, target, error };
            let taught = inputs.teach(|_, _| ());
            (taught, forward, trials.len())
        });
        Taught::of_all(of_groups.collect())
    }

    /// Returns the error signal of every layer under the rule of `teacher`, the output layer's last, for an output `error` of
    /// `[trials, batch, outputs]`. Keeps every signal, which a training step does not.
    pub fn layer_signals(
        &self,
        network: &Network<B>,
        teacher: &Teacher<'_, B>,
        forward: &Forward<B>,
        error: &Tensor<B, 3>,
    ) -> Vec<LayerSignal<B>> {
        let [count, ..] = error.dims();
        let (trials, target, layers) = (&(0..count), &self.batch.target, Layers { network, cut: None });
        let inputs = RuleInputs { pass: self, trials, teacher, layers, forward, target, error };
        let mut signals = vec![None; forward.traces.len()];
        let Taught { deltas, second_inputs, .. } =
            inputs.teach(|layer, signal| signals[layer] = Some(signal.clone()));
        let second_inputs = second_inputs
            .map_or_else(|| vec![None; deltas.len()], |inputs| inputs.into_iter().map(Some).collect());
        let output = deltas.last().expect("there is an output layer").preactivation.clone();
        signals
            .into_iter()
            .flatten()
            .chain([output])
            .zip(deltas.into_iter().zip(second_inputs))
            .map(|(signal, (delta, second_input))| LayerSignal { signal, delta, second_input })
            .collect()
    }
}

impl<B: Kernels> LayerSignal<B> {
    /// Returns the input that the layer learns with, where `first` is that of the forward pass.
    pub fn input<'a>(&'a self, first: &'a Input<B>) -> &'a Input<B> {
        self.second_input.as_ref().unwrap_or(first)
    }
}

impl<B: Kernels> Taught<B> {
    /// Joins the values of groups, each with its forward pass and its number of trials.
    fn of_all(groups: Vec<(Self, Forward<B>, usize)>) -> Self {
        let layers = 0..groups[0].0.deltas.len();
        let has_second = groups.iter().any(|(taught, ..)| taught.second_inputs.is_some());
        let second_inputs = has_second.then(|| {
            let of_groups: Vec<(Vec<Input<B>>, usize)> = groups
                .iter()
                .map(|(taught, forward, trials)| {
                    let second = taught.second_inputs.clone();
                    (second.unwrap_or_else(|| forward.inputs().cloned().collect()), *trials)
                })
                .collect();
            let of_layer = |layer: usize| {
                Input::of_all(of_groups.iter().map(|(inputs, trials)| (&inputs[layer], *trials)))
            };
            layers.clone().map(of_layer).collect()
        });
        let (deltas, (feedback, running_means)): (Vec<_>, (Vec<_>, Vec<_>)) = groups
            .into_iter()
            .map(|(taught, ..)| (taught.deltas, (taught.feedback, taught.running_means)))
            .unzip();
        let mut deltas: Vec<_> = deltas.into_iter().map(Vec::into_iter).collect();
        let deltas =
            layers.map(|_| Delta::of_all(deltas.iter_mut().filter_map(Iterator::next).collect())).collect();
        Self {
            deltas,
            second_inputs,
            running_means: running_means.into_iter().flatten().collect(),
            feedback: feedback.into_iter().flatten().collect(),
        }
    }
}

/// The layers of some trials: a cut may be a copy, so only those that a rule reads are cut.
#[derive(Clone, Copy)]
struct Layers<'a, B: Kernels> {
    network: &'a Network<B>,
    /// The trials that are cut out; `None` for all.
    cut: Option<&'a Range<usize>>,
}

impl<'a, B: Kernels> Layers<'a, B> {
    fn cut(&self, layer: &'a Layer<B>) -> Cow<'a, Layer<B>> {
        self.cut.map_or(Cow::Borrowed(layer), |trials| Cow::Owned(layer.part(trials)))
    }

    /// Returns the weights of the layer above each hidden layer, `[trials, units, units above]`.
    fn weights_above(&self) -> Vec<Weights<B>> {
        let layers = self.network.hidden.iter().chain([&self.network.output]).skip(1);
        let weights = layers.map(|layer| &layer.weight.value);
        weights.map(|weight| self.cut.map_or_else(|| weight.clone(), |trials| weight.part(trials))).collect()
    }
}

/// The values that a rule computes the error signals of its trials from.
struct RuleInputs<'a, B: Kernels> {
    /// The pass of the whole population.
    pass: &'a Pass<'a, B>,
    trials: &'a Range<usize>,
    teacher: &'a Teacher<'a, B>,
    layers: Layers<'a, B>,
    forward: &'a Forward<B>,
    target: &'a Tensor<B, 3>,
    error: &'a Tensor<B, 3>,
}

impl<B: Kernels> RuleInputs<'_, B> {
    /// Returns the values that the layers learn from. Calls `on_signal` with each hidden layer's index and signal.
    fn teach(&self, on_signal: impl FnMut(usize, &Tensor<B, 3>)) -> Taught<B> {
        let hidden = match self.teacher.rule {
            Rule::Local(_) | Rule::Contrast(_) => return self.layer_by_layer(self.target, on_signal),
            Rule::OutputError(_) => return self.layer_by_layer(self.error, on_signal),
            Rule::SecondPass(second_input) => return self.second_pass(*second_input, on_signal),
            Rule::Untrained => self.zero_deltas(on_signal),
            Rule::LayerAbove(backward) => self.deltas_from_above(backward.as_deref(), on_signal),
        };
        let deltas = hidden.into_iter().chain([self.error.clone().into()]).collect();
        Taught { deltas, second_inputs: None, running_means: vec![Vec::new()], feedback: vec![Vec::new()] }
    }

    /// Returns the values that layers learn from which need nothing of each other.
    fn layer_by_layer(
        &self,
        target_or_error: &Tensor<B, 3>,
        mut on_signal: impl FnMut(usize, &Tensor<B, 3>),
    ) -> Taught<B> {
        let activation = self.layers.network.activation;
        let (mut deltas, mut inputs) = (Vec::new(), Vec::new());
        let (mut running_means, mut feedback) = (Vec::new(), Vec::new());
        for (layer, trace) in self.forward.traces.iter().enumerate() {
            let on_signal = |signal: &Tensor<B, 3>| on_signal(layer, signal);
            let taught = self.teacher.teach_layer(layer, activation, trace, target_or_error, on_signal);
            deltas.push(taught.delta);
            inputs.extend(taught.input);
            running_means.extend(taught.running_mean);
            feedback.extend(taught.feedback_delta);
        }
        deltas.push(self.error.clone().into());
        let second_inputs =
            (!inputs.is_empty()).then(|| inputs.into_iter().chain([self.forward.top.clone()]).collect());
        Taught { deltas, second_inputs, running_means: vec![running_means], feedback: vec![feedback] }
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
        let precision = self.layers.network.output.precision;
        let above = self.layers.weights_above();
        let mut delta = Delta::from(self.error.clone());
        let mut deltas = Vec::with_capacity(above.len());
        for (layer, weight) in above.iter().enumerate().rev() {
            let signal = match backward {
                None => backprop::signal(&delta, weight, precision),
                Some(backward) => {
                    let matrix = backward.matrix(weight, self.teacher.feedback.get(layer));
                    backprop::signal(&delta, &matrix, precision)
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

    fn second_pass(
        &self,
        second_input: SecondInput<B>,
        mut on_signal: impl FnMut(usize, &Tensor<B, 3>),
    ) -> Taught<B> {
        let Pass { batch, masks } = *self.pass;
        let first = FirstPass { trials: self.trials, input: &batch.input, masks, error: self.error };
        let mut second = SecondPass::new(second_input, &first, &self.teacher.feedback[0]);
        let network = self.layers.network;
        let outputs = self.forward.inputs().skip(1);
        let layers = network.hidden.iter().zip(outputs.zip(&self.forward.masks)).enumerate();
        let (mut inputs, mut deltas): (Vec<_>, Vec<_>) = layers
            .map(|(index, (layer, (output, mask)))| {
                let layer = self.layers.cut(layer);
                let first = output.values.clone();
                let (input, delta) = second.run(&layer, network.activation, mask.as_ref(), first);
                on_signal(index, &delta.preactivation);
                (input, delta)
            })
            .unzip();
        let (input, error) = second.finish(network, &self.layers.cut(&network.output), self.target);
        inputs.push(input);
        deltas.push(error);
        Taught {
            deltas,
            second_inputs: Some(inputs),
            running_means: vec![Vec::new()],
            feedback: vec![Vec::new()],
        }
    }
}
