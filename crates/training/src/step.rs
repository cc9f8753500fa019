//! One training step of a population, for any rule.
//!
//! A step has three forms, which differ in when a layer learns. The training loop knows nothing else about a rule.

use std::{cell::OnceCell, mem, ops::Range, sync::Arc};

use algorithms::{
    Batch, FirstPass, LayerTaught, Pass, Rule, RuleGroup, SecondPass, Teacher,
    pass::{Forward, Taught},
    rule::SecondInput,
};
use burn::tensor::Tensor;
use kernels::{Kernels, OptimizerStep, OutputError, part};
use model::{DrawnMasks, DropoutRates, Layer, LayerUpdate, Masks, Network, Trace, bytes_per_trial, drop_out};
use settings::Activation;
use tracker::{HeldMemory, Inspection, StepInEpoch};

use crate::{TrainState, clip};

#[derive(Clone, Debug)]
pub struct StepOutcome<B: Kernels> {
    /// The mean loss over the batch, before the update, `[trials]`.
    pub loss: Tensor<B, 1>,
    /// The number of wrongly classified examples of the batch, `[trials]`; absent in reconstruction.
    pub mistakes: Option<Tensor<B, 1>>,
    pub held_memory: HeldMemory,
}

pub struct Step<B: Kernels> {
    /// The batch, with the labels that the rule writes into the input.
    pub batch: Batch<B>,
    pub masks: Box<dyn Masks<B>>,
    pub optimizer: OptimizerStep<B>,
    /// The optimizer's settings of hidden layers, where they differ.
    hidden_optimizer: Option<OptimizerStep<B>>,
    /// The hidden layers that learn, where not all do.
    learning: Option<Range<usize>>,
    /// The largest allowed norm of each trial's gradient, `[trials, 1, 1]`.
    clip_norm: Option<Tensor<B, 3>>,
    /// The forward pass and its error, if trackers have asked for them.
    forward: OnceCell<(Forward<B>, OutputError<B>)>,
}

impl<B: Kernels> Step<B> {
    /// Creates the step of `train_state` at `step_in_epoch`, from which its masks and the optimizer's numbers follow.
    pub fn new(train_state: &TrainState<B>, batch: &Batch<B>, step_in_epoch: StepInEpoch) -> Self {
        let masks = DrawnMasks {
            trials: train_state
                .trials
                .iter()
                .map(|trial| DropoutRates {
                    input: trial.configuration.input_dropout,
                    hidden: trial.configuration.dropout,
                    seed: trial.seed,
                })
                .collect(),
            epoch: u64::from(step_in_epoch.epoch),
            step: step_in_epoch.step,
        };
        let batch = train_state.labeled(batch, step_in_epoch);
        Self::with_masks(train_state, batch, Box::new(masks), step_in_epoch)
    }

    /// Creates the step on a `batch` with the labels that the rule writes into the input.
    pub fn with_masks(
        train_state: &TrainState<B>,
        batch: Batch<B>,
        masks: Box<dyn Masks<B>>,
        step_in_epoch: StepInEpoch,
    ) -> Self {
        Self {
            batch,
            masks,
            optimizer: train_state.optimizer_step(step_in_epoch),
            hidden_optimizer: train_state.hidden_optimizer_step(step_in_epoch),
            learning: train_state.learning().cloned(),
            clip_norm: train_state.clip_norm().cloned(),
            forward: OnceCell::new(),
        }
    }

    pub fn pass(&self) -> Pass<'_, B> {
        Pass { batch: &self.batch, masks: self.masks.as_ref() }
    }

    /// Returns the optimizer's settings of hidden layers.
    fn of_hidden(&self) -> &OptimizerStep<B> {
        self.hidden_optimizer.as_ref().unwrap_or(&self.optimizer)
    }

    /// Whether the hidden layer with this index learns.
    fn learns(&self, layer: usize) -> bool {
        self.learning.as_ref().is_none_or(|layers| layers.contains(&layer))
    }

    /// Returns what trackers can read of this step before its update, for a `network` that learns by the rule of `teacher`.
    pub fn inspection<'i>(&'i self, network: &'i Network<B>, teacher: Teacher<'i, B>) -> Inspection<'i, B> {
        let weight_decay = [self.of_hidden(), &self.optimizer].map(|step| step.weight_decay.as_ref());
        Inspection::new(network, teacher, self.pass(), weight_decay, &self.forward)
    }

    pub fn take(self, train_state: TrainState<B>) -> (TrainState<B>, StepOutcome<B>) {
        // The norm of the whole gradient is known after the last layer's.
        if let ([group], None) = (train_state.groups.as_slice(), &self.clip_norm) {
            let rule = Arc::clone(&group.rule);
            match rule.as_ref() {
                Rule::Local(_) | Rule::Contrast(_) => return self.layer_by_layer(train_state),
                Rule::SecondPass(second_input) => return self.in_two_passes(train_state, *second_input),
                Rule::OutputError(_) | Rule::LayerAbove(_) | Rule::Untrained => (),
            }
        }
        self.after_the_output(train_state)
    }

    /// Takes a step in which each layer learns before the next one runs, so that only one layer's activations are held.
    fn layer_by_layer(mut self, mut train_state: TrainState<B>) -> (TrainState<B>, StepOutcome<B>) {
        // This form has no use for the forward pass of all layers, whose memory is freed.
        self.forward.take();
        let layers = mem::take(&mut train_state.network.hidden);
        let network = &train_state.network;
        let mut held_memory = HeldMemory::none(layers.len());
        let (mut input, input_bytes) = self.pass().input();
        held_memory.keep_elsewhere(input_bytes);
        let mut readout = network.wiring.readout(layers.len(), self.examples());
        let [group] = train_state.groups.as_mut_slice() else { panic!("a population of one rule") };
        let mut learned = Vec::with_capacity(layers.len());
        for (index, layer) in layers.into_iter().enumerate() {
            let trace = layer.forward(network.activation, input);
            held_memory.keep(index, trace.bytes());
            learned.push(if self.learns(index) {
                self.learn_layer(index, layer, network.activation, &trace, group, &mut held_memory)
            } else {
                layer
            });
            let [_, _, units] = trace.activation.dims();
            let mask = self.pass().mask(index, units);
            held_memory.keep(index, mask.as_ref().map_or(0, bytes_per_trial));
            let output = drop_out(network.wiring.passed_on(trace.activation), mask.as_ref());
            readout.add(&output);
            // The layers above need only the output of this one.
            held_memory.release_all_but(bytes_per_trial(&output) + readout.bytes());
            input = output.into();
        }
        let top = readout.input();
        let OutputError { loss, error, mistakes } = self.pass().output_error(network, &top);
        held_memory.keep_elsewhere(bytes_per_trial(&error));
        let update = [LayerUpdate::of_input(&top, error.into())];
        let mut output = Layer::learn_all(vec![train_state.network.output], &update, &self.optimizer);
        train_state.network.output = output.pop().expect("one layer has learned");
        train_state.network.hidden = learned;
        (train_state, StepOutcome { loss, mistakes, held_memory })
    }

    /// Updates the hidden layer with this index, and the group's feedback or running means of it, from the `trace` of its pass.
    fn learn_layer(
        &self,
        index: usize,
        layer: Layer<B>,
        activation: Activation,
        trace: &Trace<B>,
        group: &mut RuleGroup<B>,
        held_memory: &mut HeldMemory,
    ) -> Layer<B> {
        let step = self.of_hidden();
        let LayerTaught { delta, input, feedback_delta, running_mean } =
            group.teacher().teach_layer(index, activation, trace, &self.batch.target, |_| ());
        held_memory.keep(index, delta.bytes());
        let update = match &input {
            None => LayerUpdate::of_trace(trace, delta),
            Some(input) => {
                held_memory.keep(index, bytes_per_trial(&input.values));
                LayerUpdate::of_input(input, delta)
            }
        };
        let mut learned = Layer::learn_all(vec![layer], &[update], step);
        if let Some(delta) = feedback_delta {
            group.learn_feedback(index, &trace.activation, &delta, step);
        }
        if let Some(mean) = running_mean {
            group.running_means[index] = mean;
        }
        learned.pop().expect("one layer has learned")
    }

    /// Returns the number of examples of the batch.
    fn examples(&self) -> usize {
        let [_, examples, _] = self.batch.target.dims();
        examples
    }

    /// Takes a step whose first pass keeps the output of each layer, and in whose second pass a layer learns as soon as it has run.
    fn in_two_passes(
        mut self,
        mut train_state: TrainState<B>,
        second_input: SecondInput<B>,
    ) -> (TrainState<B>, StepOutcome<B>) {
        // This form keeps the outputs of layers only.
        self.forward.take();
        let layers = mem::take(&mut train_state.network.hidden);
        let network = &train_state.network;
        let mut held_memory = HeldMemory::none(layers.len());
        let (mut input, input_bytes) = self.pass().input();
        held_memory.keep_elsewhere(input_bytes);
        let mut outputs = Vec::with_capacity(layers.len());
        for (index, layer) in layers.iter().enumerate() {
            let output = layer.infer(network.activation, &input);
            let [_, _, units] = output.dims();
            let output = drop_out(output, self.pass().mask(index, units).as_ref());
            held_memory.keep(index, bytes_per_trial(&output));
            outputs.push(output.clone());
            input = output.into();
        }
        let OutputError { loss, error, mistakes } = self.pass().output_error(network, &input);
        held_memory.keep_elsewhere(bytes_per_trial(&error));
        drop(input);
        let [group] = train_state.groups.as_slice() else { panic!("a population of one rule") };
        let first = FirstPass {
            trials: &group.trials,
            input: &self.batch.input,
            masks: self.masks.as_ref(),
            error: &error,
        };
        let mut second = SecondPass::new(second_input, &first, &group.feedback[0]);
        let mut kept: u64 = outputs.iter().map(bytes_per_trial).sum();
        held_memory.release_all_but(kept);
        held_memory.keep_elsewhere(second.bytes());
        let mut learned = Vec::with_capacity(layers.len());
        for (index, (layer, output)) in layers.into_iter().zip(outputs).enumerate() {
            let [_, _, units] = output.dims();
            let bytes = bytes_per_trial(&output);
            let mask = self.pass().mask(index, units);
            let (input, delta) = second.run(&layer, network.activation, mask.as_ref(), output);
            held_memory
                .keep(index, second.bytes() + delta.bytes() + mask.as_ref().map_or(0, bytes_per_trial));
            let update = [LayerUpdate::of_input(&input, delta)];
            learned.extend(Layer::learn_all(vec![layer], &update, self.of_hidden()));
            kept -= bytes;
            held_memory.release_all_but(kept + second.bytes());
        }
        let (input, error) = second.finish(network, &network.output, &self.batch.target);
        held_memory.keep_elsewhere(error.bytes());
        let update = [LayerUpdate::of_input(&input, error)];
        let mut output = Layer::learn_all(vec![train_state.network.output], &update, &self.optimizer);
        train_state.network.output = output.pop().expect("one layer has learned");
        train_state.network.hidden = learned;
        (train_state, StepOutcome { loss, mistakes, held_memory })
    }

    /// Takes a step in which all layers learn once the output error is known. The updates of local rules and of those with a second pass have
    /// the same bits as in the other forms, because they depend on passes before the update alone.
    fn after_the_output(mut self, train_state: TrainState<B>) -> (TrainState<B>, StepOutcome<B>) {
        let (known, pass, network) = (self.forward.take(), self.pass(), &train_state.network);
        let (forward, OutputError { loss, error, mistakes }) =
            known.unwrap_or_else(|| pass.forward_and_error(network));
        let taught = pass.teach(network, &train_state.groups, &forward, &error);
        let held_memory = held_at_once(&forward, &taught, &error);
        let train_state = self.update(train_state, &forward, taught);
        (train_state, StepOutcome { loss, mistakes, held_memory })
    }

    /// Updates all layers from their deltas, and feedback that learns.
    fn update(
        &self,
        train_state: TrainState<B>,
        forward: &Forward<B>,
        Taught { deltas, second_inputs, running_means, feedback: mut feedback_deltas }: Taught<B>,
    ) -> TrainState<B> {
        let mut updates = match &second_inputs {
            None => forward.updates(deltas),
            Some(inputs) => {
                inputs.iter().zip(deltas).map(|(input, delta)| LayerUpdate::of_input(input, delta)).collect()
            }
        };
        let TrainState { network, mut groups, .. } = train_state;
        let learning = self.learning.clone().unwrap_or(0..network.hidden.len());
        let mut layers: Vec<Layer<B>> = network.hidden.into_iter().chain([network.output]).collect();
        let mut optimizers = (self.optimizer.clone(), self.hidden_optimizer.clone());
        if let Some(largest) = &self.clip_norm {
            let decay = self.optimizer.weight_decay.as_ref();
            let of_hidden = self.hidden_optimizer.as_ref().map_or(decay, |step| step.weight_decay.as_ref());
            let squares = [
                clip::squares_of_layers(&layers, &updates, &learning, of_hidden, decay),
                clip::squares_of_feedback(&groups, forward, &feedback_deltas, decay),
            ];
            let factors = clip::factors(largest, squares.into_iter().flatten().collect());
            updates = updates.into_iter().map(|update| update.scaled(&factors)).collect();
            for (group, deltas) in groups.iter().zip(&mut feedback_deltas) {
                let factors = part(&factors, &group.trials);
                deltas.iter_mut().for_each(|delta| *delta = delta.clone() * factors.clone());
            }
            for optimizer in [Some(&mut optimizers.0), optimizers.1.as_mut()].into_iter().flatten() {
                optimizer.weight_decay = optimizer.weight_decay.take().map(|decay| decay * factors.clone());
            }
        }
        // All layers at once, unless hidden ones have other settings.
        let (optimizer, hidden_optimizer) = optimizers;
        let mut hidden = match &hidden_optimizer {
            None => Layer::learn_all(layers, &updates, &optimizer),
            Some(hidden_optimizer) => {
                let output = layers.split_off(layers.len() - 1);
                let (of_hidden, of_output) = updates.split_at(layers.len());
                let above = layers.split_off(learning.end);
                let taught = layers.split_off(learning.start);
                layers.extend(Layer::learn_all(taught, &of_hidden[learning.clone()], hidden_optimizer));
                layers.extend(above);
                layers.extend(Layer::learn_all(output, of_output, &optimizer));
                layers
            }
        };
        let output = hidden.pop().expect("the output layer has learned, too");
        for (group, means) in groups.iter_mut().zip(running_means) {
            let means = means.into_iter().enumerate().filter(|(layer, _)| learning.contains(layer));
            means.for_each(|(layer, mean)| group.running_means[layer] = mean);
        }
        for (group, deltas) in groups.iter_mut().zip(&feedback_deltas) {
            let step = optimizer.part(&group.trials);
            for (layer, (trace, delta)) in forward.traces.iter().zip(deltas).enumerate() {
                let activation = part(&trace.activation, &group.trials);
                group.learn_feedback(layer, &activation, delta, &step);
            }
            group.finish_step(&step);
        }
        TrainState { network: Network { hidden, output, ..network }, groups, ..train_state }
    }
}

/// Returns the memory of a step in which all layers wait for the output error: everything is held at once.
fn held_at_once<B: Kernels>(forward: &Forward<B>, taught: &Taught<B>, error: &Tensor<B, 3>) -> HeldMemory {
    let mut held_memory = HeldMemory::none(forward.traces.len());
    held_memory.keep_elsewhere(bytes_per_trial(error) + forward.input_bytes);
    let layers = forward.traces.iter().zip(&forward.masks).zip(&taught.deltas);
    for (index, ((trace, mask), delta)) in layers.enumerate() {
        // The mask, and the output after it.
        let dropped = mask.as_ref().map_or(0, |mask| 2 * bytes_per_trial(mask));
        held_memory.keep(index, trace.bytes() + delta.bytes() + dropped);
    }
    for (index, input) in taught.second_inputs.iter().flatten().enumerate() {
        let bytes = bytes_per_trial(&input.values);
        match index.checked_sub(1) {
            Some(below) => held_memory.keep(below, bytes),
            // The second input, and the error of the second pass.
            None => held_memory.keep_elsewhere(bytes + bytes_per_trial(error)),
        }
    }
    held_memory
}
