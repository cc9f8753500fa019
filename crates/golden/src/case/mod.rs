//! Three optimizer steps of one network, and evaluation before and after.

mod checks;
mod train_state;

use std::cell::RefCell;

use algorithms::Rule;
use burn::tensor::Tensor;
use kernels::{Kernels, Squash, Weights};
use model::GivenMasks;
use serde_json::Value;
use settings::{Algorithm, Optimizer};
use tracker::StepInEpoch;
use training::{Batch, Step, TrainState};

use crate::{
    comparison::{Comparison, tensor},
    names,
};

/// The number of steps, each of which is an epoch for schedules.
const STEPS: u32 = 3;

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

    /// Whether the program has the rule of the case.
    pub(crate) fn has_rule(&self) -> bool {
        self.known_algorithm().is_some()
    }

    /// Runs evaluation, three steps, and evaluation again, and compares each with the vectors.
    pub(crate) fn replay(self) -> Vec<Comparison> {
        self.run();
        self.compared.into_inner()
    }

    fn run(&self) {
        let name = self.name;
        let mut train_state = self.train_state();
        let batch =
            Batch { input: self.shared(&self.json["x"]).into(), target: self.shared(&self.json["y"]) };
        self.check_evaluation("eval_before", &train_state, &batch);
        for (index, expected) in self.json["steps"].as_array().expect("a list of steps").iter().enumerate() {
            let number = index as u64 + 1;
            let masks = Box::new(self.masks(&train_state));
            train_state = self.in_step(train_state, number);
            let labeled = self.labeled(&train_state, &batch, index);
            let step = Step::with_masks(&train_state, labeled, masks, step_in_epoch(number));
            if number == 1 {
                self.check_first_step(&step, &train_state, expected);
            }
            self.check_trackers(number, &step, &train_state, expected);
            let (updated, outcome) = step.take(train_state);
            train_state = updated;
            self.compare(&format!("{name} step {number} loss"), outcome.loss, &expected["loss"]);
            if let Some(mistakes) = outcome.mistakes {
                let rate = mistakes.mul_scalar(100.0 / self.number("batch"));
                self.compare(&format!("{name} step {number} error_rate"), rate, &expected["error_rate"]);
            }
            self.check_parameters(&train_state, number, expected);
            self.check_feedback(&train_state, number, &expected["feedback_after"]);
        }
        self.check_evaluation("eval_after", &train_state, &batch);
    }

    /// Prepares a step, which is an epoch for schedules, with the given feedback in place of drawn one.
    fn in_step(&self, train_state: TrainState<B>, number: u64) -> TrainState<B> {
        let mut train_state = train_state.in_step(step_in_epoch(number));
        let given = &self.json["feedback_per_step"][number as usize - 1];
        for (matrix, given) in
            train_state.groups[0].feedback.iter_mut().zip(given.as_array().into_iter().flatten())
        {
            *matrix = Weights::new(self.tensor(given));
        }
        train_state
    }

    /// Returns the batch of the step with this index, with given labels of negative examples where the rule has some.
    fn labeled(&self, train_state: &TrainState<B>, batch: &Batch<B>, index: usize) -> Batch<B> {
        match train_state.groups[0].rule.as_ref() {
            Rule::Contrast(rule) => {
                let negative = self.shared(&self.json["negative_labels"][index]);
                rule.rows(&train_state.network, batch, &negative)
            }
            _ => batch.clone(),
        }
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

    fn known_algorithm(&self) -> Option<Algorithm> {
        names::algorithm(self.text("algorithm"))
    }

    fn algorithm(&self) -> Algorithm {
        self.known_algorithm().unwrap_or_else(|| panic!("{}: an unknown rule", self.name))
    }

    fn optimizer(&self) -> Optimizer {
        names::optimizer(self.config("optimizer"))
    }

    /// Returns the rate, which older vectors do not have.
    fn input_dropout(&self) -> f64 {
        self.config("input_dropout").as_f64().unwrap_or(0.0)
    }
}

/// Returns the place of a step that is an epoch.
fn step_in_epoch(number: u64) -> StepInEpoch {
    StepInEpoch { epoch: u32::try_from(number).expect("three steps"), step: 0, steps: 1 }
}
