//! One training step of a population, for any rule.
//!
//! The two forms of a step differ in when a layer learns, which is all that the loop knows of a rule.

use std::{mem, sync::Arc};

use algorithms::{
    Batch, Pass, Rule,
    pass::{self, Forward},
    rule::{Hidden, Local},
};
use burn::tensor::Tensor;
use model::{
    AdamStep, Delta, DrawnMasks, Input, Kernels, Layer, LayerUpdate, Masks, Network, OutputError,
    bytes_per_trial,
};
use tracker::Held;

use crate::TrainState;

/// When a step happens: the index of its random streams and of its bias correction.
#[derive(Clone, Copy, Debug)]
pub struct StepIndex {
    /// From 1.
    pub epoch: u32,
    /// Within the epoch, from 0.
    pub step: u64,
    /// Over the whole training, from 1.
    pub number: u64,
}

/// What a step measures on the way.
#[derive(Clone, Debug)]
pub struct StepOutcome<B: Kernels> {
    /// Mean loss over the batch, before the update, `[trials]`.
    pub loss: Tensor<B, 1>,
    /// Wrongly classified examples of the batch, `[trials]`; absent in reconstruction.
    pub mistakes: Option<Tensor<B, 1>>,
    /// What it kept in memory, of each trial.
    pub held: Held,
}

/// A training step: what a train_state is given.
pub struct Step<'a, B: Kernels> {
    /// The examples.
    pub batch: &'a Batch<B>,
    /// What each hidden layer drops.
    pub masks: Box<dyn Masks<B>>,
    /// The optimizer's settings.
    pub adam: AdamStep<B>,
}

impl<'a, B: Kernels> Step<'a, B> {
    /// The step of `train_state` at `moment`.
    #[must_use]
    pub fn new(train_state: &TrainState<B>, batch: &'a Batch<B>, moment: StepIndex) -> Self {
        let masks = DrawnMasks {
            trials: train_state
                .trials
                .iter()
                .map(|trial| (trial.configuration.dropout, trial.seed))
                .collect(),
            epoch: u64::from(moment.epoch),
            step: moment.step,
        };
        Self { batch, masks: Box::new(masks), adam: train_state.adam_step(moment.number) }
    }

    /// Its batch with its masks.
    #[must_use]
    pub fn pass(&self) -> Pass<'_, B> {
        Pass { batch: self.batch, masks: self.masks.as_ref() }
    }

    /// The train_state after the step.
    #[must_use]
    pub fn take(&self, train_state: TrainState<B>) -> (TrainState<B>, StepOutcome<B>) {
        if let [class] = train_state.classes.as_slice() {
            let rule = Arc::clone(&class.rule);
            if let Rule::Local(rule) = rule.as_ref() {
                return self.layer_by_layer(train_state, rule.as_ref());
            }
        }
        self.after_the_output(train_state)
    }

    /// Each layer learns before the next one runs: only one layer's activations are ever held.
    fn layer_by_layer(
        &self,
        mut train_state: TrainState<B>,
        rule: &dyn Local<B>,
    ) -> (TrainState<B>, StepOutcome<B>) {
        let activation = train_state.network.activation;
        let layers = mem::take(&mut train_state.network.hidden);
        let mut held = Held::none(layers.len());
        let mut input = self.batch.input.clone();
        let feedback = &train_state.only_class().feedback;
        let mut learned = Vec::with_capacity(layers.len());
        for (index, (layer, feedback)) in layers.into_iter().zip(feedback).enumerate() {
            let trace = layer.forward(activation, input);
            held.keep(index, trace.bytes());
            let signal = rule.signal(&Hidden { activation: &trace.activation, feedback }, &self.batch.target);
            let delta = trace.delta(signal);
            held.keep(index, delta.bytes());
            let update = [LayerUpdate::hidden(&trace, delta)];
            learned.extend(Layer::learn_all(vec![layer], &update, &self.adam));
            let [_, _, units] = trace.activation.dims();
            let mask = self.pass().mask(index, units);
            held.keep(index, mask.as_ref().map_or(0, bytes_per_trial));
            let output = pass::drop_out(trace.activation, mask.as_ref());
            // The layer above needs nothing of this one but its output.
            held.drop_all_but(bytes_per_trial(&output));
            input = output.into();
        }
        train_state.network.hidden = learned;
        let (loss, mistakes, error) = self.judge(&train_state.network, &input);
        held.keep_beside_layers(bytes_per_trial(&error));
        let update = [LayerUpdate::output(&input, error)];
        let mut output = Layer::learn_all(vec![train_state.network.output], &update, &self.adam);
        train_state.network.output = output.pop().expect("one layer has learned");
        (train_state, StepOutcome { loss, mistakes, held })
    }

    /// All layers learn once the output error is known, whatever teaches them: what a local rule would have learned before has
    /// the same bits, because it learns from the forward pass alone.
    fn after_the_output(&self, train_state: TrainState<B>) -> (TrainState<B>, StepOutcome<B>) {
        let forward = self.pass().forward(&train_state.network);
        let (loss, mistakes, error) = self.judge(&train_state.network, &forward.top);
        let deltas = self.pass().deltas(&train_state.network, &train_state.classes, &forward, &error);
        let held = held_by(&forward, &deltas, &error);
        (self.teach(train_state, &forward, deltas, error), StepOutcome { loss, mistakes, held })
    }

    /// Loss, mistakes and error at the logits, `[trials, batch, outputs]`, for `top` (`[batch, units]` of each trial).
    fn judge(
        &self,
        network: &Network<B>,
        top: &Input<B>,
    ) -> (Tensor<B, 1>, Option<Tensor<B, 1>>, Tensor<B, 3>) {
        let OutputError { loss, error, mistakes } = self.pass().judge(network, top);
        (loss, mistakes, error)
    }

    /// All layers learn: the hidden ones from their deltas, the output layer from its exact gradient.
    fn teach(
        &self,
        train_state: TrainState<B>,
        forward: &Forward<B>,
        deltas: Vec<Delta<B>>,
        error: Tensor<B, 3>,
    ) -> TrainState<B> {
        let TrainState { network, .. } = train_state;
        let updates: Vec<LayerUpdate<'_, B>> = forward
            .traces
            .iter()
            .zip(deltas)
            .map(|(trace, delta)| LayerUpdate::hidden(trace, delta))
            .chain([LayerUpdate::output(&forward.top, error)])
            .collect();
        let layers = network.hidden.into_iter().chain([network.output]).collect();
        let mut hidden = Layer::learn_all(layers, &updates, &self.adam);
        let output = hidden.pop().expect("the output layer has learned, too");
        TrainState { network: Network { hidden, output, ..network }, ..train_state }
    }
}

/// What is held where all layers wait for the output: everything at once.
fn held_by<B: Kernels>(forward: &Forward<B>, deltas: &[Delta<B>], error: &Tensor<B, 3>) -> Held {
    let mut held = Held::none(deltas.len());
    held.keep_beside_layers(bytes_per_trial(error));
    for (index, ((trace, mask), delta)) in forward.traces.iter().zip(&forward.masks).zip(deltas).enumerate() {
        // A mask, and the output that it was applied to.
        let dropped = mask.as_ref().map_or(0, |mask| 2 * bytes_per_trial(mask));
        held.keep(index, trace.bytes() + delta.bytes() + dropped);
    }
    held
}
