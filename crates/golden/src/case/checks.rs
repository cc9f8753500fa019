//! The comparisons of a case with its expected values.

use std::num::NonZeroU32;

use algorithms::{Rule, RuleGroup, pass::LayerSignal};
use burn::tensor::Tensor;
use kernels::{Kernels, OutputError};
use model::{Gradients, LayerUpdate};
use serde_json::Value;
use settings::{Place, Precision, Sampled, Tracker};
use tracker::{Inspection, Measurement, Reading, Value as Tracked};
use training::{Batch, Step, TrainState};

use super::{
    Case,
    train_state::{blocks, list},
};
use crate::comparison::{Comparison, numbers};

impl<B: Kernels> Case<'_, B> {
    pub(super) fn check_evaluation(&self, when: &str, train_state: &TrainState<B>, batch: &Batch<B>) {
        let (name, expected) = (self.name, &self.json[when]);
        let objective = train_state.network.objective;
        let logits = train_state.network.infer(&batch.input);
        let OutputError { loss, mistakes, .. } = objective.error(&logits, &batch.target);
        self.compare(&format!("{name} {when} loss"), loss, &expected["loss"]);
        self.compare(&format!("{name} {when} output"), objective.output(logits.clone()), &expected["output"]);
        if let Some(mistakes) = mistakes {
            let rate = mistakes.mul_scalar(100.0 / self.number("batch"));
            self.compare(&format!("{name} {when} error_rate"), rate, &expected["error_rate"]);
        }
        let goodness = list(&expected["label_goodness"]);
        for (layer, (expected, got)) in goodness.zip(train_state.network.goodness(&batch.input)).enumerate() {
            self.compare(&format!("{name} {when} label_goodness[{layer}]"), got, expected);
        }
    }

    pub(super) fn check_first_step(&self, step: &Step<B>, train_state: &TrainState<B>, expected: &Value) {
        let name = self.name;
        let inspection = step.inspection(&train_state.network, train_state.groups[0].teacher());
        for (layer, trace) in inspection.traces().iter().enumerate() {
            let expected = &expected["forward"]["h"][layer];
            // The vectors leave out neutral examples.
            let rows = first_rows(trace.activation.clone(), expected);
            self.compare(&format!("{name} h[{layer}]"), rows, expected);
        }
        // In the vectors of a second pass, the error is that of each example.
        let batch = if expected["second_input"].is_null() { 1.0 } else { self.number("batch") };
        self.compare(&format!("{name} e"), inspection.error().clone().mul_scalar(batch), &expected["e"]);
        let second_input = inspection.layer_signals()[0].second_input.as_ref();
        if let Some(input) = second_input.filter(|_| !expected["second_input"].is_null()) {
            self.compare(&format!("{name} second input"), input.values.clone(), &expected["second_input"]);
        }
        let gradients = blocks(&expected["grads"], &expected["classifier_grad"]);
        self.check_gradients("grads", &inspection, inspection.layer_signals(), &gradients);
        if let Some(exact) = inspection.exact_signals() {
            self.check_gradients(
                "bp_grads",
                &inspection,
                exact,
                &blocks(&expected["bp_grads"], &Value::Null),
            );
        }
        self.check_contrasts(&inspection, expected);
    }

    /// Compares how hidden layers tell positive from negative examples, and the classifier's pass over neutral ones.
    fn check_contrasts(&self, inspection: &Inspection<'_, B>, expected: &Value) {
        let name = self.name;
        for (layer, contrast) in inspection.contrasts().enumerate() {
            let input = inspection.traces()[layer].input.per_trial();
            let Value::Object(forward) = &expected["forward"] else { panic!("{name}: a forward pass") };
            let input = first_rows(input, &forward["a"][layer]);
            self.compare(&format!("{name} a[{layer}]"), input, &forward["a"][layer]);
            self.compare(
                &format!("{name} goodness[{layer}]"),
                contrast.goodness,
                &forward["goodness_logit"][layer],
            );
            self.compare(
                &format!("{name} signal[{layer}]"),
                contrast.signal,
                &expected["local_error"][layer],
            );
            let delta = inspection.layer_signals()[layer].delta.preactivation.clone();
            self.compare(&format!("{name} delta[{layer}]"), delta, &expected["delta"][layer]);
        }
        if let Some(features) = inspection.inputs().last().filter(|_| !expected["neutral"].is_null()) {
            let logits = inspection.network.output.preactivation(features);
            let neutral = &expected["neutral"];
            self.compare(&format!("{name} features"), features.per_trial(), &neutral["features"]);
            self.compare(&format!("{name} neutral logits"), logits, &neutral["logits"]);
        }
    }

    pub(super) fn check_trackers(
        &self,
        number: u64,
        step: &Step<B>,
        train_state: &TrainState<B>,
        step_values: &Value,
    ) {
        let group = &train_state.groups[0];
        let inspection = step.inspection(&train_state.network, group.teacher());
        let expected = &step_values["trackers"];
        let every_batch = Sampled { every: NonZeroU32::MIN };
        let trackers = [
            Tracker::BpCosine(every_batch),
            Tracker::WeightAlignment(every_batch),
            Tracker::LocalLoss(every_batch),
            Tracker::Gradients(every_batch),
            Tracker::Weights(every_batch),
            Tracker::Goodness(every_batch),
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
        if expected.is_null() {
            for layer in 0..train_state.network.hidden.len() {
                for (metric, name) in [
                    ("goodness_accuracy", "goodness_accuracy"),
                    ("goodness_loss", "ff_loss"),
                    ("peer_loss", "peer_loss"),
                ] {
                    check_read(&format!("layer_{}/{metric}", layer + 1), &step_values[name][layer]);
                }
            }
            return;
        }
        let is_backprop = matches!(group.rule.as_ref(), Rule::LayerAbove(None));
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
        expected: &[Value],
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

    pub(super) fn check_parameters(&self, train_state: &TrainState<B>, number: u64, step_values: &Value) {
        let expected = blocks(&step_values["params_after"], &step_values["classifier_after"]);
        let means = train_state.groups[0].running_means.iter().zip(list(&step_values["running_means_after"]));
        for (layer, (mean, expected)) in means.enumerate() {
            let what = format!("{} step {number} running_mean[{layer}]", self.name);
            self.compare(&what, mean.clone(), expected);
        }
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

/// Returns as many rows of `values` as `expected` has, `[trials, rows, columns]`.
fn first_rows<B: Kernels>(values: Tensor<B, 3>, expected: &Value) -> Tensor<B, 3> {
    let [trials, _, columns] = values.dims();
    let rows = expected.as_array().map_or(0, Vec::len);
    values.slice([0..trials, 0..rows, 0..columns])
}
