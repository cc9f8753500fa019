//! Three optimizer steps of one network, and evaluation before and after.

use std::{cell::RefCell, num::NonZeroU32};

use algorithms::{Rule, RuleGroup, pass::LayerSignal};
use burn::tensor::Tensor;
use kernels::{Kernels, OutputError, Parameter, Squash, Weights};
use model::{BatchNorm, GivenMasks, Gradients, Layer, Network, Objective};
use serde_json::Value;
use settings::{
    Activation, AdamForm, Algorithm, Configuration, Initialization, Loss, Magnitude, Optimizer, Place,
    Precision, Sampled, Schedule, TargetLoss, Tracker, Trial,
};
use tracker::{Inspection, Measurement, Reading, StepInEpoch, Value as Tracked};
use training::{Batch, Step, TrainState};

use crate::comparison::{Comparison, numbers, tensor};

/// One network, its batch, and the expected values of three steps.
pub(crate) struct Case<'a, B: Kernels> {
    name: &'a str,
    json: &'a Value,
    /// The number of equal trials, which train as a population.
    trials: usize,
    device: &'a B::Device,
    compared: RefCell<Vec<Comparison>>,
}

impl<'a, B: Kernels> Case<'a, B> {
    pub(crate) fn new(name: &'a str, json: &'a Value, trials: usize, device: &'a B::Device) -> Self {
        Self { name, json, trials, device, compared: RefCell::default() }
    }

    /// Runs evaluation, three steps, and evaluation again, and compares each with the vectors.
    pub(crate) fn replay(self) -> Vec<Comparison> {
        self.run();
        self.compared.into_inner()
    }

    fn compare<const D: usize>(&self, what: &str, actual: Tensor<B, D>, expected: &Value) {
        self.compared.borrow_mut().push(Comparison::of(what, actual, expected));
    }

    /// Returns a tensor with a copy for each trial.
    fn tensor(&self, value: &Value) -> Tensor<B, 3> {
        tensor(value, self.trials, self.device)
    }

    /// Returns a tensor that all trials share, with a leading dimension of 1.
    fn shared(&self, value: &Value) -> Tensor<B, 3> {
        tensor(value, 1, self.device)
    }

    fn config(&self, field: &str) -> &Value {
        &self.json["config"][field]
    }

    fn flag(&self, field: &str) -> bool {
        self.config(field).as_bool().unwrap_or_else(|| panic!("{}: no flag `{field}`", self.name))
    }

    fn number(&self, field: &str) -> f64 {
        self.config(field).as_f64().unwrap_or_else(|| panic!("{}: no number `{field}`", self.name))
    }

    fn text(&self, field: &str) -> &str {
        self.config(field).as_str().unwrap_or_else(|| panic!("{}: no text `{field}`", self.name))
    }

    fn squash(&self) -> Squash {
        match self.text("scale") {
            "standard" => Squash::Tanh,
            _ => Squash::Sigmoid,
        }
    }

    /// Whether the program has the rule of the case.
    pub(crate) fn has_rule(&self) -> bool {
        self.known_algorithm().is_some()
    }

    fn known_algorithm(&self) -> Option<Algorithm> {
        algorithm(self.text("algorithm"))
    }

    fn algorithm(&self) -> Algorithm {
        self.known_algorithm().unwrap_or_else(|| panic!("{}: an unknown rule", self.name))
    }

    fn optimizer(&self) -> Optimizer {
        // Older vectors name none.
        let given = self.config("optimizer");
        if given.is_null() { Optimizer::ADAM } else { optimizer(given) }
    }

    fn rule(&self) -> Rule<B> {
        algorithms::rule(self.algorithm(), self.squash())
    }

    fn parameter(&self, value: &Value) -> Parameter<Tensor<B, 3>> {
        Parameter::new(self.tensor(value), self.optimizer().kind())
    }

    fn layer(&self, block: &Value, is_hidden: bool) -> Layer<B> {
        Layer {
            weight: Parameter::new(Weights::new(self.tensor(&block["kernel"])), self.optimizer().kind()),
            bias: block.get("bias").map(|bias| self.parameter(bias)),
            batch_norm: (is_hidden && self.flag("batchnorm")).then(|| BatchNorm {
                gamma: self.parameter(&block["gamma"]),
                beta: self.parameter(&block["beta"]),
                moving_mean: self.tensor(&block["mm"]),
                moving_variance: self.tensor(&block["mv"]),
            }),
            precision: Precision::Full,
        }
    }

    fn train_state(&self) -> TrainState<B> {
        let blocks = self.json["params"].as_array().expect("params is a list of blocks");
        let (output, hidden) = blocks.split_last().expect("there is an output block");
        let network = Network {
            hidden: hidden.iter().map(|block| self.layer(block, true)).collect(),
            output: self.layer(output, false),
            activation: match self.text("activation") {
                "tanh" => Activation::Tanh,
                "relu" => Activation::Relu,
                "swish" => Activation::Swish,
                "lrelu" | "leaky_relu" => Activation::LeakyRelu,
                "sigmoid" => Activation::Sigmoid,
                "elu" => Activation::Elu,
                other => panic!("{}: unknown activation {other}", self.name),
            },
            objective: match self.text("problem") {
                "classification" => Objective::Classification(match self.config("loss").as_str() {
                    None | Some("softmax_cross_entropy") => Loss::SoftmaxCrossEntropy,
                    Some("sigmoid_cross_entropy") => Loss::SigmoidCrossEntropy,
                    Some("mean_squared_error") => Loss::MeanSquaredError,
                    Some(other) => panic!("{}: unknown loss {other}", self.name),
                }),
                _ => Objective::Reconstruction(self.squash()),
            },
            optimizer: self.optimizer().kind(),
        };
        let per_step = &self.json["feedback_per_step"][0];
        let matrices = per_step.as_array().or_else(|| self.json["feedback"].as_array());
        let matrices = matrices.expect("feedback is a list");
        let mut feedback: Vec<Weights<B>> =
            matrices.iter().map(|matrix| Weights::new(self.tensor(matrix))).collect();
        if self.algorithm().keeps_offsets() {
            let above = network.hidden.iter().skip(1).chain([&network.output]);
            for (matrix, layer) in feedback.iter_mut().zip(above) {
                *matrix = Weights::new(matrix.plain() - layer.weight.value.plain());
            }
        }
        // The network is given, so its shape and first weights do not matter.
        let configuration = Configuration {
            optimizer: self.optimizer(),
            dropout: self.number("dropout"),
            input_dropout: self.input_dropout(),
            weight_decay: self.number("weight_decay"),
            decoupled_decay: self.config("decay")["decoupled"].as_f64().unwrap_or(0.0),
            clip_norm: self.config("clip_norm").as_f64(),
            schedule: schedule(self.config("schedule")),
            // In place of what is drawn, the vectors have matrices; this is only the quickest draw.
            feedback: self.algorithm().feedback().map(|_| Initialization::Zeros),
            ..Configuration::new(self.algorithm(), &[1], self.number("lr"))
        };
        let trial = Trial { configuration, seed: 0 };
        let group = RuleGroup::new(
            self.algorithm(),
            self.squash(),
            0..self.trials,
            feedback,
            self.optimizer().kind(),
        );
        TrainState::from_parts(network, vec![group], vec![trial; self.trials], EPOCHS)
    }

    fn masks(&self, train_state: &TrainState<B>) -> GivenMasks<B> {
        let factors =
            |mask: &Value, rate: f64| (rate > 0.0).then(|| self.tensor(mask).mul_scalar(1.0 / (1.0 - rate)));
        let (rate, masks) = (self.number("dropout"), &self.json["dropout_masks"]);
        let layers = 0..train_state.network.hidden.len();
        GivenMasks {
            input: factors(&self.json["input_mask"], self.input_dropout()),
            hidden: layers.map(|layer| factors(&masks[layer], rate)).collect(),
        }
    }

    /// Returns the rate, which older vectors do not have.
    fn input_dropout(&self) -> f64 {
        self.config("input_dropout").as_f64().unwrap_or(0.0)
    }

    fn run(&self) {
        let name = self.name;
        let rule = self.rule();
        let mut train_state = self.train_state();
        let batch =
            Batch { input: self.shared(&self.json["x"]).into(), target: self.shared(&self.json["y"]) };
        self.check_evaluation("eval_before", &train_state, &batch);
        for (index, expected) in self.json["steps"].as_array().expect("a list of steps").iter().enumerate() {
            let number = index as u64 + 1;
            let masks = Box::new(self.masks(&train_state));
            train_state = self.in_step(train_state, number);
            let step = Step::with_masks(&train_state, &batch, masks, number);
            if number == 1 {
                self.check_first_step(&step, &train_state, &rule, expected);
            }
            self.check_trackers(number, &step, &train_state, &rule, &expected["trackers"]);
            let (updated, outcome) = step.take(train_state);
            train_state = updated;
            self.compare(&format!("{name} step {number} loss"), outcome.loss, &expected["loss"]);
            if let Some(mistakes) = outcome.mistakes {
                let rate = mistakes.mul_scalar(100.0 / self.number("batch"));
                self.compare(&format!("{name} step {number} error_rate"), rate, &expected["error_rate"]);
            }
            self.check_parameters(&train_state, number, &expected["params_after"]);
            self.check_feedback(&train_state, number, &expected["feedback_after"]);
        }
        self.check_evaluation("eval_after", &train_state, &batch);
    }

    /// Prepares a step, which is an epoch for schedules, with the given feedback in place of drawn one.
    fn in_step(&self, train_state: TrainState<B>, number: u64) -> TrainState<B> {
        let epoch = u32::try_from(number).expect("three steps");
        let mut train_state = train_state.in_step(StepInEpoch { epoch, step: 0, steps: 1 });
        let given = &self.json["feedback_per_step"][number as usize - 1];
        for (matrix, given) in
            train_state.groups[0].feedback.iter_mut().zip(given.as_array().into_iter().flatten())
        {
            *matrix = Weights::new(self.tensor(given));
        }
        train_state
    }

    fn check_evaluation(&self, when: &str, train_state: &TrainState<B>, batch: &Batch<B>) {
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

    fn check_first_step(
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
        self.compare(&format!("{name} e"), inspection.error().clone(), &expected["e"]);
        self.check_gradients("grads", &inspection, inspection.layer_signals(), &expected["grads"]);
        self.check_gradients("bp_grads", &inspection, inspection.exact_signals(), &expected["bp_grads"]);
    }

    fn check_trackers(
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
                    self.compare(&what, values.clone(), expected);
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
            checked >= 4 * train_state.network.hidden.len(),
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
        let layers = inspection.network.hidden.iter().zip(inspection.traces());
        for ((layer, trace), signal) in layers.zip(signals) {
            let Gradients { weight, bias, batch_norm } = layer.gradients(trace, &signal.delta);
            gradients.push(inspection.with_decay(weight, &layer.weight.value, place).plain());
            if let Some(parameter) = &layer.bias {
                gradients.push(bias.unwrap_or_else(|| parameter.value.zeros_like()));
            }
            gradients.extend(batch_norm.into_iter().flatten());
        }
        let weight = B::weight_gradient(inspection.top(), inspection.error(), Precision::Full);
        gradients.push(
            inspection.with_decay(weight, &inspection.network.output.weight.value, Place::Output).plain(),
        );
        gradients.push(inspection.error().clone().sum_dim(1));
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

    fn check_feedback(&self, train_state: &TrainState<B>, number: u64, expected: &Value) {
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

    fn check_parameters(&self, train_state: &TrainState<B>, number: u64, expected: &Value) {
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

/// The number of steps, each of which is an epoch for schedules.
const EPOCHS: u32 = 3;

/// Returns the rule with this name in the vectors, if the program has it.
pub(crate) fn algorithm(name: &str) -> Option<Algorithm> {
    Some(match name {
        "bp" => Algorithm::Backprop,
        "fa" => Algorithm::FeedbackAlignment,
        "usf" => Algorithm::SignSymmetric(Magnitude::Uniform),
        "frsf" => Algorithm::SignSymmetric(Magnitude::Fixed),
        "dfa" => Algorithm::Dfa,
        "brsf" => Algorithm::SignSymmetric(Magnitude::Batchwise),
        "kp" => Algorithm::KolenPollack,
        "dkp" => Algorithm::DirectKolenPollack,
        "pred" => Algorithm::LocalLoss(TargetLoss::LearnedCrossEntropy),
        "sdfa" => Algorithm::SignDfa,
        "shallow" => Algorithm::Shallow,
        "drtp" => Algorithm::Drtp,
        "cce" => Algorithm::LocalLoss(TargetLoss::CrossEntropy),
        "mse" => Algorithm::LocalLoss(TargetLoss::MeanSquaredError),
        _ => return None,
    })
}

/// Returns the optimizer that is described.
pub(crate) fn optimizer(given: &Value) -> Optimizer {
    let number = |field: &str| given[field].as_f64().unwrap_or_else(|| panic!("an optimizer has {field}"));
    let adam = |form| Optimizer::Adam {
        beta_1: number("beta1"),
        beta_2: number("beta2"),
        epsilon: number("epsilon"),
        form,
    };
    match given["name"].as_str().expect("an optimizer has a name") {
        "adam_keras" => adam(AdamForm::Keras),
        "adam" => adam(AdamForm::Paper),
        "sgd" => Optimizer::Sgd { momentum: number("momentum"), nesterov: given["nesterov"] == true },
        "rmsprop" => Optimizer::RmsProp { smoothing: number("alpha"), epsilon: number("epsilon") },
        other => panic!("unknown optimizer {other}"),
    }
}

/// Returns the schedule that is described; `null` is a constant rate.
pub(crate) fn schedule(given: &Value) -> Schedule {
    let number = |field: &str| given[field].as_f64().unwrap_or_else(|| panic!("a schedule has {field}"));
    match given["name"].as_str().unwrap_or("constant") {
        "constant" => Schedule::Constant,
        "step" => Schedule::Step {
            at: numbers(&given["milestones"]).into_iter().map(|epoch| epoch as u32).collect(),
            factor: number("factor"),
        },
        "exponential" => Schedule::Exponential { factor: number("factor") },
        "cosine" => Schedule::Cosine { floor: number("floor") },
        "linear_to_zero" => Schedule::LinearToZero { from: number("from") as u32 },
        "warmup" => {
            Schedule::Warmup { epochs: number("epochs") as u32, then: Box::new(schedule(&given["then"])) }
        }
        other => panic!("unknown schedule {other}"),
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
