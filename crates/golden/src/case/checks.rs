//! The comparisons of a case with its expected values.

use std::num::NonZeroU32;

use algorithms::{Rule, RuleGroup, pass::LayerSignal};
use kernels::{Kernels, OutputError};
use model::{Gradients, LayerUpdate};
use serde_json::Value;
use settings::{Place, Precision, Sampled, Tracker};
use tracker::{Inspection, Measurement, Reading, Value as Tracked};
use training::{Batch, Step, TrainState};

use super::Case;
use crate::comparison::{Comparison, numbers};

impl<B: Kernels> Case<'_, B> {
    pub(super) fn check_evaluation(&self, when: &str, train_state: &TrainState<B>, batch: &Batch<B>) {
        let (name, expected) = (self.name, &self.json[when]);
        let objective = train_state.network.objective;
        let logits = train_state.network.infer(batch.input.clone());
        let OutputError { loss, mistakes, .. } = objective.error(&logits, &batch.target);
        self.compare(&format!("{name} {when} loss"), loss, &expected["loss"]);
        self.compare(&format!("{name} {when} output"), objective.output(logits.clone()), &expected["output"]);
        if let Some(mistakes) = mistakes {
            let rate = mistakes.mul_scalar(100.0 / self.number("batch"));
            self.compare(&format!("{name} {when} error_rate"), rate, &expected["error_rate"]);
        }
    }

    pub(super) fn check_first_step(
        &self,
        step: &Step<B>,
        train_state: &TrainState<B>,
        rule: &Rule<B>,
        expected: &Value,
    ) {
        let name = self.name;
        let inspection = inspection(step, train_state, rule);
        for (layer, trace) in inspection.traces().iter().enumerate() {
            let expected = &expected["forward"]["h"][layer];
            self.compare(&format!("{name} h[{layer}]"), trace.activation.clone(), expected);
        }
        // In the vectors of a second pass, the error is that of each example.
        let batch = if expected["second_input"].is_null() { 1.0 } else { self.number("batch") };
        self.compare(&format!("{name} e"), inspection.error().clone().mul_scalar(batch), &expected["e"]);
        if let Some(input) = &inspection.layer_signals()[0].second_input {
            self.compare(&format!("{name} second input"), input.values.clone(), &expected["second_input"]);
        }
        self.check_gradients("grads", &inspection, inspection.layer_signals(), &expected["grads"]);
        self.check_gradients("bp_grads", &inspection, inspection.exact_signals(), &expected["bp_grads"]);
    }

    pub(super) fn check_trackers(
        &self,
        number: u64,
        step: &Step<B>,
        train_state: &TrainState<B>,
        rule: &Rule<B>,
        expected: &Value,
    ) {
        let inspection = inspection(step, train_state, rule);
        let every_batch = Sampled { every: NonZeroU32::MIN };
        let trackers = [
            Tracker::BpCosine(every_batch),
            Tracker::WeightAlignment(every_batch),
            Tracker::LocalLoss(every_batch),
            Tracker::Gradients(every_batch),
            Tracker::Weights(every_batch),
        ];
        let mut readings: Vec<Reading<B>> = Vec::new();
        for measurement in trackers.into_iter().flat_map(tracker::measurements) {
            if let Measurement::Step(_, measure) = measurement {
                readings.extend(measure(&inspection));
            }
        }
        let mut checked = 0;
        let mut check_read = |metric: &str, expected: &Value| {
            let what = format!("{} step {number} {metric}", self.name);
            let reading = readings.iter().find(|reading| reading.metric.to_string() == metric);
            match reading.map(|reading| &reading.value) {
                Some(Tracked::PerTrial(value)) if !expected.is_null() => {
                    self.compare(&what, value.clone(), expected);
                    checked += 1;
                }
                // The vectors write 0 for a cosine with a vector that is zero.
                Some(Tracked::Cosine { values, .. }) if numbers(expected) == [0.0] => {
                    let values: Vec<f32> =
                        values.clone().into_data().convert::<f32>().into_vec().expect("f32");
                    assert!(values.iter().all(|value| value.is_infinite()), "{what}: {values:?}");
                    checked += 1;
                }
                Some(Tracked::Cosine { values, .. }) if !expected.is_null() => {
                    let comparison = Comparison::of_cosines(&what, values.clone(), expected);
                    self.compared.borrow_mut().push(comparison);
                    checked += 1;
                }
                // The gradient of a bias in front of batch norm is exactly 0 in the vectors, and not measured here.
                None => assert!(expected.is_null() || numbers(expected) == [0.0], "{what} was not measured"),
                // The first layer's alignment is null in the vectors.
                Some(_) => panic!("{what} is no tensor, or was measured unexpectedly"),
            }
        };
        let is_backprop = matches!(rule, Rule::LayerAbove(None));
        for layer in 0..train_state.network.hidden.len() {
            for (metric, name) in [
                ("weight_gradient_norm", "kernel_gradients"),
                ("bias_gradient_norm", "bias_gradients"),
                ("weight_norm", "weight_norm"),
                ("bias_norm", "bias_norm"),
                ("local_loss_train", "local_loss"),
                ("weight_alignment", "weight_alignment"),
            ] {
                check_read(&format!("layer_{}/{metric}", layer + 1), &expected[name][layer]);
            }
            let cosine = if is_backprop { &Value::from(1.0) } else { &expected["bp_cosine"][layer] };
            check_read(&format!("layer_{}/bp_cosine", layer + 1), cosine);
            if is_backprop {
                check_read(&format!("layer_{}/bp_cosine_signal", layer + 1), &Value::from(1.0));
            }
        }
        check_read("output/weight_alignment", &expected["out_weight_alignment_before_update"]);
        assert!(
            checked >= 3 * train_state.network.hidden.len(),
            "{} step {number}: {checked} values",
            self.name
        );
    }

    /// Compares gradients, weight decay included, in the vectors' order: per block kernel, bias, gamma, beta.
    fn check_gradients(
        &self,
        what: &str,
        inspection: &Inspection<'_, B>,
        signals: &[LayerSignal<B>],
        expected: &Value,
    ) {
        // Backpropagation decays all layers, also those that a rule leaves alone.
        let place = if what == "bp_grads" { Place::Output } else { Place::Layer(1) };
        let mut gradients = Vec::new();
        let network = inspection.network;
        let layers = network.hidden.iter().chain([&network.output]).zip(inspection.inputs().zip(signals));
        for (index, (layer, (input, signal))) in layers.enumerate() {
            let is_output = index == network.hidden.len();
            let update = match (&signal.second_input, inspection.traces().get(index)) {
                (None, Some(trace)) => LayerUpdate::of_trace(trace, signal.delta.clone()),
                _ => LayerUpdate::of_input(signal.input(input), signal.delta.clone()),
            };
            let Gradients { weight, bias, batch_norm } = update.gradients(Precision::Full);
            let place = if is_output { Place::Output } else { place };
            gradients.push(inspection.with_decay(weight, &layer.weight.value, place).plain());
            if let Some(parameter) = &layer.bias {
                gradients.push(bias.unwrap_or_else(|| parameter.value.zeros_like()));
            }
            gradients.extend(batch_norm.into_iter().flatten());
        }
        let expected = expected.as_array().unwrap_or_else(|| panic!("{}: {what} is a list", self.name));
        assert_eq!(gradients.len(), expected.len(), "{} {what}", self.name);
        for (index, (gradient, expected)) in gradients.into_iter().zip(expected).enumerate() {
            self.compare(
                &format!("{} {what}[{index}] {}", self.name, expected["name"]),
                gradient,
                &expected["value"],
            );
        }
    }

    pub(super) fn check_feedback(&self, train_state: &TrainState<B>, number: u64, expected: &Value) {
        let RuleGroup { rule, feedback, .. } = &train_state.groups[0];
        let layers = train_state.network.hidden.iter().skip(1).chain([&train_state.network.output]);
        for (layer, (matrix, above)) in feedback.iter().zip(layers).enumerate() {
            let matrix = match rule.as_ref() {
                Rule::LayerAbove(Some(backward)) => backward.matrix(&above.weight.value, Some(matrix)),
                _ => matrix.clone(),
            };
            if !expected.is_null() {
                let what = format!("{} step {number} feedback[{layer}]", self.name);
                self.compare(&what, matrix.plain(), &expected[layer]);
            }
        }
    }

    pub(super) fn check_parameters(&self, train_state: &TrainState<B>, number: u64, expected: &Value) {
        let layers = train_state.network.hidden.iter().chain([&train_state.network.output]);
        for (index, layer) in layers.enumerate() {
            let weight = layer.weight.value.plain();
            let mut parameters = vec![("kernel", &weight)];
            parameters.extend(layer.bias.iter().map(|bias| ("bias", &bias.value)));
            if let Some(norm) = &layer.batch_norm {
                parameters.extend([("gamma", &norm.gamma.value), ("beta", &norm.beta.value)]);
                parameters.extend([("mm", &norm.moving_mean), ("mv", &norm.moving_variance)]);
            }
            for (field, value) in parameters {
                let what = format!("{} step {number} block {index} {field}", self.name);
                self.compare(&what, value.clone(), &expected[index][field]);
            }
        }
    }
}

fn inspection<'a, B: Kernels>(
    step: &'a Step<'_, B>,
    train_state: &'a TrainState<B>,
    rule: &'a Rule<B>,
) -> Inspection<'a, B> {
    let TrainState { network, groups, .. } = train_state;
    step.inspection(network, &groups[0].feedback, rule)
}
