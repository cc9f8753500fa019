//! One training step of a population, for any rule.
//!
//! The three forms of a step differ in when a layer learns, which is all that the loop knows of a rule.

use std::mem;

use algorithms::{
    Rule,
    rule::{FromLayerAbove, FromOutputError, Hidden, Local},
};
use burn::tensor::Tensor;
use model::{AdamStep, Delta, Dropout, Kernels, Layer, Lesson, Network, OutputError, Trace};

use crate::Student;

/// A batch of every trial. The leading axis is 1 where all trials see the same examples.
#[derive(Clone, Debug)]
pub struct Batch<B: Kernels> {
    /// `[trials or 1, batch, inputs]`.
    pub input: Tensor<B, 3>,
    /// `[trials or 1, batch, outputs]`.
    pub target: Tensor<B, 3>,
}

/// When a step happens: the index of its random streams and of its bias correction.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// From 1.
    pub epoch: u32,
    /// Within the epoch, from 0.
    pub step: u64,
    /// Over the whole training, from 1.
    pub number: u64,
}

/// What a step measures on the way; both `[trials]`.
#[derive(Clone, Debug)]
pub struct StepOutcome<B: Kernels> {
    /// Mean loss over the batch, before the update.
    pub loss: Tensor<B, 1>,
    /// Wrongly classified examples of the batch; absent in reconstruction.
    pub mistakes: Option<Tensor<B, 1>>,
}

/// A training step: the student before it, and what it is given.
pub struct Step<'a, B: Kernels> {
    /// The examples.
    pub batch: &'a Batch<B>,
    /// Factor on each hidden layer's output, `[trials, batch, units]`; absent where nothing is dropped.
    pub masks: Vec<Option<Tensor<B, 3>>>,
    /// The optimizer's settings.
    pub adam: AdamStep<B>,
}

impl<'a, B: Kernels> Step<'a, B> {
    /// The step of `student` at `moment`, with its dropout masks drawn.
    #[must_use]
    pub fn new(student: &Student<B>, batch: &'a Batch<B>, moment: Moment) -> Self {
        let trials: Vec<(f64, u64)> =
            student.trials.iter().map(|trial| (trial.dropout, trial.seed)).collect();
        let [_, examples, _] = batch.input.dims();
        let masks = (1..)
            .zip(&student.network.hidden)
            .map(|(layer, hidden)| {
                let [_, _, units] = hidden.weight.value.dims();
                let epoch = u64::from(moment.epoch);
                Dropout { trials: &trials, layer, epoch, step: moment.step }.mask(
                    examples,
                    units,
                    &batch.input.device(),
                )
            })
            .collect();
        Self { batch, masks, adam: student.adam_step(moment.number) }
    }

    /// The student after the step.
    #[must_use]
    pub fn take(&self, student: Student<B>, rule: &Rule<B>) -> (Student<B>, StepOutcome<B>) {
        match rule {
            Rule::Local(rule) => self.layer_by_layer(student, rule.as_ref()),
            Rule::OutputError(rule) => self.after_the_output(student, rule.as_ref()),
            Rule::LayerAbove(rule) => self.top_down(student, rule.as_ref()),
        }
    }

    /// Each layer learns before the next one runs: only one layer's activations are ever held.
    fn layer_by_layer(&self, mut student: Student<B>, rule: &dyn Local<B>) -> (Student<B>, StepOutcome<B>) {
        let activation = student.network.activation;
        let layers = mem::take(&mut student.network.hidden);
        let mut input = self.batch.input.clone();
        for ((layer, feedback), mask) in layers.into_iter().zip(&student.feedback).zip(&self.masks) {
            let trace = layer.forward(activation, input);
            let signal = rule.signal(&Hidden { activation: &trace.activation, feedback }, &self.batch.target);
            let delta = layer.delta(&trace, signal);
            let lesson = [Lesson::hidden(&trace, delta)];
            student.network.hidden.extend(Layer::learn_all(vec![layer], &lesson, &self.adam));
            input = drop_out(trace.activation, mask.as_ref());
        }
        let (outcome, error) = self.judge(&student.network, &input);
        let lesson = [Lesson::output(&input, error)];
        let mut output = Layer::learn_all(vec![student.network.output], &lesson, &self.adam);
        student.network.output = output.pop().expect("one layer has learned");
        (student, outcome)
    }

    /// All layers learn from the output error.
    fn after_the_output(
        &self,
        student: Student<B>,
        rule: &dyn FromOutputError<B>,
    ) -> (Student<B>, StepOutcome<B>) {
        let (traces, top) = self.forward(&student.network);
        let (outcome, error) = self.judge(&student.network, &top);
        let deltas = student
            .network
            .hidden
            .iter()
            .zip(&traces)
            .zip(&student.feedback)
            .map(|((layer, trace), feedback)| {
                let hidden = Hidden { activation: &trace.activation, feedback };
                layer.delta(trace, rule.signal(&hidden, &error))
            })
            .collect();
        (self.teach(student, &traces, deltas, &top, error), outcome)
    }

    /// Layers learn from the top down, each from the one above as it was in the forward pass.
    fn top_down(&self, student: Student<B>, rule: &dyn FromLayerAbove<B>) -> (Student<B>, StepOutcome<B>) {
        let (traces, top) = self.forward(&student.network);
        let (outcome, error) = self.judge(&student.network, &top);
        let deltas = self.deltas(&student.network, &traces, error.clone(), rule);
        (self.teach(student, &traces, deltas, &top, error), outcome)
    }

    /// The delta of every hidden layer, first to last, for an output `error` of `[trials, batch, outputs]`.
    pub fn deltas(
        &self,
        network: &Network<B>,
        traces: &[Trace<B>],
        error: Tensor<B, 3>,
        rule: &dyn FromLayerAbove<B>,
    ) -> Vec<Delta<B>> {
        let mut delta = Delta { preactivation: error, normalized: None };
        let mut deltas = Vec::with_capacity(traces.len());
        for (idx, trace) in traces.iter().enumerate().rev() {
            let above = network.hidden.get(idx + 1).unwrap_or(&network.output);
            let signal = drop_out(rule.signal(above, &delta), self.masks[idx].as_ref());
            delta = network.hidden[idx].delta(trace, signal);
            deltas.push(delta.clone());
        }
        deltas.reverse();
        deltas
    }

    /// The training pass through all hidden layers; also the last one's output after dropout.
    pub fn forward(&self, network: &Network<B>) -> (Vec<Trace<B>>, Tensor<B, 3>) {
        let mut input = self.batch.input.clone();
        let mut traces = Vec::with_capacity(network.hidden.len());
        for (layer, mask) in network.hidden.iter().zip(&self.masks) {
            let trace = layer.forward(network.activation, input);
            input = drop_out(trace.activation.clone(), mask.as_ref());
            traces.push(trace);
        }
        (traces, input)
    }

    /// Holds the output for `top` (`[trials, batch, units]`) against the target: also the error at the logits,
    /// `[trials, batch, outputs]`.
    pub fn judge(&self, network: &Network<B>, top: &Tensor<B, 3>) -> (StepOutcome<B>, Tensor<B, 3>) {
        let logits = network.output.preactivation(top);
        let OutputError { loss, error, mistakes } = network.objective.error(&logits, &self.batch.target);
        (StepOutcome { loss, mistakes }, error)
    }

    /// All layers learn: the hidden ones from their deltas, the output layer from its exact gradient.
    fn teach(
        &self,
        student: Student<B>,
        traces: &[Trace<B>],
        deltas: Vec<Delta<B>>,
        top: &Tensor<B, 3>,
        error: Tensor<B, 3>,
    ) -> Student<B> {
        let Student { network, .. } = student;
        let lessons: Vec<Lesson<'_, B>> = traces
            .iter()
            .zip(deltas)
            .map(|(trace, delta)| Lesson::hidden(trace, delta))
            .chain([Lesson::output(top, error)])
            .collect();
        let layers = network.hidden.into_iter().chain([network.output]).collect();
        let mut hidden = Layer::learn_all(layers, &lessons, &self.adam);
        let output = hidden.pop().expect("the output layer has learned, too");
        Student { network: Network { hidden, output, ..network }, ..student }
    }
}

fn drop_out<B: Kernels>(values: Tensor<B, 3>, mask: Option<&Tensor<B, 3>>) -> Tensor<B, 3> {
    match mask {
        Some(mask) => B::scale(values, mask),
        None => values,
    }
}
