//! Every rule against golden vectors: three optimizer steps, evaluation before and after.
//!
//! Reads every case that `index.json` names in the folder `GOLDEN_VECTORS`, by default the project's own copy. The
//! vectors were computed in float64 with PyTorch's autograd and checked against the predecessor (TensorFlow 2.14).

use std::{
    env, fs,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
};

use algorithms::{Algorithm, Class, Rule, TargetLoss, pass::Taught};
use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;
use model::{
    Activation, Adam, BatchNorm, Gradients, Layer, Network, Objective, OutputError, Parameter, Precision,
    Squash, initialization::orthogonal,
};
use serde_json::Value;
use tracker::{Inspection, Reading, Sampled, Tracker, Value as Tracked};
use training::{Batch, FirstWeights, Step, Student, TrialSettings};

/// Relative to the largest entry of a tensor, which counts as at least [`FLOOR`].
const TOLERANCE: f64 = 2e-5;
const FLOOR: f64 = 1e-2;

/// Every case runs alone and as a population of equal trials.
const POPULATIONS: [usize; 2] = [1, 3];

fn own_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn folder() -> PathBuf {
    // Relative to the root of the project, from where the command is run.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    env::var_os("GOLDEN_VECTORS").map_or_else(own_folder, |folder| root.join(folder))
}

fn read(name: &str) -> Value {
    read_from(&folder(), name)
}

/// A file that is no case: from the folder if it has it, else from the project's copy.
fn read_beside(name: &str) -> Value {
    let is_there = folder().join(format!("{name}.json")).is_file();
    read_from(&if is_there { folder() } else { own_folder() }, name)
}

fn read_from(folder: &Path, name: &str) -> Value {
    let path = folder.join(format!("{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All numbers of a nested list, in order.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        Value::Number(number) => vec![number.as_f64().expect("a JSON number is a float")],
        Value::Bool(flag) => vec![f64::from(u8::from(*flag))],
        other => panic!("expected numbers, found {other}"),
    }
}

/// A matrix, or a vector as a single row, repeated for every trial.
fn tensor(value: &Value, trials: usize) -> Tensor<Flex, 3> {
    let numbers: Vec<f32> = numbers(value).into_iter().map(|number| number as f32).collect();
    let rows = match value {
        Value::Array(items) if items.first().is_some_and(Value::is_array) => items.len(),
        _ => 1,
    };
    let shape = [trials, rows, numbers.len() / rows];
    Tensor::from_data(TensorData::new(numbers.repeat(trials), shape), &Default::default())
}

/// Compares every trial of `actual` with `expected`.
#[track_caller]
fn check<const D: usize>(what: &str, actual: Tensor<Flex, D>, expected: &Value) {
    let actual = actual.into_data().into_vec::<f32>().expect("f32");
    let expected = numbers(expected);
    assert_eq!(actual.len() % expected.len(), 0, "{what}: {} against {}", actual.len(), expected.len());
    let largest = expected.iter().fold(FLOOR, |largest, value| largest.max(value.abs()));
    for (index, value) in actual.iter().enumerate() {
        let wanted = expected[index % expected.len()];
        let off = (f64::from(*value) - wanted).abs() / largest;
        assert!(
            off <= TOLERANCE,
            "{what}[{index}]: got {value}, wanted {wanted}, off by {off:e} of {largest}"
        );
    }
}

struct Case {
    name: String,
    json: Value,
    trials: usize,
}

impl Case {
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

    fn algorithm(&self) -> Algorithm {
        match self.text("algorithm") {
            "bp" => Algorithm::Backprop,
            "dfa" => Algorithm::Dfa,
            "drtp" => Algorithm::Drtp,
            "cce" => Algorithm::LocalLoss(TargetLoss::CrossEntropy),
            "mse" => Algorithm::LocalLoss(TargetLoss::MeanSquaredError),
            other => panic!("{}: unknown algorithm {other}", self.name),
        }
    }

    fn rule(&self) -> Rule<Flex> {
        self.algorithm().rule(self.squash())
    }

    fn layer(&self, block: &Value, is_hidden: bool) -> Layer<Flex> {
        let parameter = |field: &str| Parameter::new(tensor(&block[field], self.trials));
        Layer {
            weight: parameter("kernel"),
            bias: block.get("bias").map(|_| parameter("bias")),
            batch_norm: (is_hidden && self.flag("batchnorm")).then(|| BatchNorm {
                gamma: parameter("gamma"),
                beta: parameter("beta"),
                moving_mean: tensor(&block["mm"], self.trials),
                moving_variance: tensor(&block["mv"], self.trials),
            }),
            precision: Precision::Full,
        }
    }

    fn student(&self) -> Student<Flex> {
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
                other => panic!("{}: unknown activation {other}", self.name),
            },
            objective: match self.text("problem") {
                "classification" => Objective::Classification,
                _ => Objective::Reconstruction(self.squash()),
            },
        };
        let matrices = self.json["feedback"].as_array().expect("feedback is a list");
        let feedback = matrices.iter().map(|matrix| tensor(matrix, self.trials)).collect();
        let trial = TrialSettings {
            algorithm: self.algorithm(),
            first_weights: FirstWeights::Orthogonal,
            feedback: None,
            seed: 0,
            learning_rate: self.number("lr"),
            dropout: self.number("dropout"),
            weight_decay: self.number("weight_decay"),
        };
        let class = Class { rule: Arc::new(self.rule()), trials: 0..self.trials, feedback };
        Student::from_parts(network, vec![class], vec![trial; self.trials])
    }

    fn masks(&self, student: &Student<Flex>) -> Vec<Option<Tensor<Flex, 3>>> {
        let rate = self.number("dropout");
        let masks = self.json["dropout_masks"].as_array();
        (0..student.network.hidden.len())
            .map(|layer| {
                (rate > 0.0).then(|| {
                    let mask = &masks.expect("a case with dropout has masks")[layer];
                    tensor(mask, self.trials).mul_scalar(1.0 / (1.0 - rate))
                })
            })
            .collect()
    }

    fn run(&self) {
        let name = &self.name;
        let rule = self.rule();
        let mut student = self.student();
        // All trials share the batch, which then has a single leading row.
        let batch = Batch { input: tensor(&self.json["x"], 1).into(), target: tensor(&self.json["y"], 1) };
        self.check_evaluation("eval_before", &student, &batch);
        for (index, expected) in self.json["steps"].as_array().expect("a list of steps").iter().enumerate() {
            let number = index as u64 + 1;
            let masks = Box::new(self.masks(&student));
            let step = Step { batch: &batch, masks, adam: student.adam_step(number) };
            if number == 1 {
                self.check_first_step(&step, &student, &rule, expected);
            }
            self.check_trackers(number, &step, &student, &rule, &expected["trackers"]);
            let (taught, outcome) = step.take(student);
            student = taught;
            check(&format!("{name} step {number} loss"), outcome.loss, &expected["loss"]);
            if let Some(mistakes) = outcome.mistakes {
                let rate = mistakes.mul_scalar(100.0 / self.number("batch"));
                check(&format!("{name} step {number} error_rate"), rate, &expected["error_rate"]);
            }
            self.check_parameters(&student, number, &expected["params_after"]);
        }
        self.check_evaluation("eval_after", &student, &batch);
    }

    fn check_evaluation(&self, when: &str, student: &Student<Flex>, batch: &Batch<Flex>) {
        let (name, expected) = (&self.name, &self.json[when]);
        let objective = student.network.objective;
        let logits = student.network.infer(batch.input.clone());
        let OutputError { loss, mistakes, .. } = objective.error(&logits, &batch.target);
        check(&format!("{name} {when} loss"), loss, &expected["loss"]);
        check(&format!("{name} {when} output"), objective.output(logits.clone()), &expected["output"]);
        if let Some(mistakes) = mistakes {
            let rate = mistakes.mul_scalar(100.0 / self.number("batch"));
            check(&format!("{name} {when} error_rate"), rate, &expected["error_rate"]);
        }
    }

    fn check_first_step(
        &self,
        step: &Step<Flex>,
        student: &Student<Flex>,
        rule: &Rule<Flex>,
        expected: &Value,
    ) {
        let name = &self.name;
        let decay = step.adam.weight_decay.as_ref();
        let seen = Inspection::new(&student.network, &student.classes[0].feedback, rule, step.pass(), decay);
        for (layer, trace) in seen.traces().iter().enumerate() {
            let expected = &expected["forward"]["h"][layer];
            check(&format!("{name} h[{layer}]"), trace.activation.clone(), expected);
        }
        check(&format!("{name} e"), seen.error().clone(), &expected["e"]);
        self.check_gradients("grads", &seen, seen.taught(), &expected["grads"]);
        self.check_gradients("bp_grads", &seen, seen.exactly_taught(), &expected["bp_grads"]);
    }

    /// What the trackers read of a step, by the names of the vectors.
    fn check_trackers(
        &self,
        number: u64,
        step: &Step<Flex>,
        student: &Student<Flex>,
        rule: &Rule<Flex>,
        expected: &Value,
    ) {
        let decay = step.adam.weight_decay.as_ref();
        let seen = Inspection::new(&student.network, &student.classes[0].feedback, rule, step.pass(), decay);
        let every_batch = Sampled { every: NonZeroU32::MIN };
        let trackers = [
            Tracker::BpCosine(every_batch),
            Tracker::WeightAlignment(every_batch),
            Tracker::LocalLoss(every_batch),
            Tracker::Gradients(every_batch),
            Tracker::Weights(every_batch),
        ];
        let read: Vec<Reading<Flex>> =
            trackers.into_iter().flat_map(|tracker| tracker.gauge().inspect(&seen)).collect();
        let value = |metric: &str| {
            let reading = read.iter().find(|reading| reading.metric.to_string() == metric)?;
            let Tracked::PerTrial(value) = reading.value.clone() else { panic!("{metric} is no tensor") };
            Some(value)
        };
        let mut checked = 0;
        let mut check_read = |metric: &str, expected: &Value| {
            let what = format!("{} step {number} {metric}", self.name);
            match value(metric) {
                Some(value) if !expected.is_null() => {
                    check(&what, value, expected);
                    checked += 1;
                }
                // The gradient of a bias in front of batch norm is exactly 0 in the vectors, and not measured here.
                None => assert!(expected.is_null() || numbers(expected) == [0.0], "{what} was not measured"),
                // The first layer's alignment is null in the vectors.
                Some(_) => panic!("{what} was measured"),
            }
        };
        let is_backprop = matches!(rule, Rule::LayerAbove(_));
        for layer in 0..student.network.hidden.len() {
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
        assert!(checked >= 4 * student.network.hidden.len(), "{} step {number}: {checked} values", self.name);
    }

    /// In the vectors' order: per block kernel, bias, gamma, beta; weight decay included.
    fn check_gradients(
        &self,
        what: &str,
        seen: &Inspection<'_, Flex>,
        taught: &[Taught<Flex>],
        expected: &Value,
    ) {
        let decayed = |gradient: Tensor<Flex, 3>, weight: &Parameter<Flex>| match seen.weight_decay {
            Some(decay) => gradient + weight.value.clone() * decay.clone(),
            None => gradient,
        };
        let mut gradients = Vec::new();
        for ((layer, trace), taught) in seen.network.hidden.iter().zip(seen.traces()).zip(taught) {
            let Gradients { weight, bias, batch_norm } = layer.gradients(trace, &taught.delta);
            gradients.push(decayed(weight, &layer.weight));
            if let Some(parameter) = &layer.bias {
                gradients.push(bias.unwrap_or_else(|| parameter.value.zeros_like()));
            }
            gradients.extend(batch_norm.into_iter().flatten());
        }
        let weight = <Flex as model::Kernels>::weight_gradient(seen.top(), seen.error(), Precision::Full);
        gradients.push(decayed(weight, &seen.network.output.weight));
        gradients.push(seen.error().clone().sum_dim(1));
        let expected = expected.as_array().unwrap_or_else(|| panic!("{}: {what} is a list", self.name));
        assert_eq!(gradients.len(), expected.len(), "{} {what}", self.name);
        for (index, (gradient, expected)) in gradients.into_iter().zip(expected).enumerate() {
            check(
                &format!("{} {what}[{index}] {}", self.name, expected["name"]),
                gradient,
                &expected["value"],
            );
        }
    }

    fn check_parameters(&self, student: &Student<Flex>, number: u64, expected: &Value) {
        let layers = student.network.hidden.iter().chain([&student.network.output]);
        for (index, layer) in layers.enumerate() {
            let what = |field: &str| format!("{} step {number} block {index} {field}", self.name);
            let expected = &expected[index];
            check(&what("kernel"), layer.weight.value.clone(), &expected["kernel"]);
            if let Some(bias) = &layer.bias {
                check(&what("bias"), bias.value.clone(), &expected["bias"]);
            }
            if let Some(norm) = &layer.batch_norm {
                check(&what("gamma"), norm.gamma.value.clone(), &expected["gamma"]);
                check(&what("beta"), norm.beta.value.clone(), &expected["beta"]);
                check(&what("mm"), norm.moving_mean.clone(), &expected["mm"]);
                check(&what("mv"), norm.moving_variance.clone(), &expected["mv"]);
            }
        }
    }
}

#[test]
fn every_rule_takes_the_golden_steps() {
    let index = read("index");
    let names: Vec<&str> =
        index.as_array().expect("a list of names").iter().filter_map(Value::as_str).collect();
    assert!(!names.is_empty(), "{} names no case", folder().join("index.json").display());
    for name in &names {
        for trials in POPULATIONS {
            Case { name: (*name).into(), json: read(name), trials }.run();
        }
    }
}

#[test]
fn adam_takes_the_golden_steps() {
    let adam = read_beside("adam");
    let (gradients, expected) =
        (adam["grads"].as_array().expect("a list"), adam["params"].as_array().expect("a list"));
    let rate = tensor(&adam["lr"], 1);
    let mut parameter = Parameter::new(tensor(&expected[0], 1));
    for (index, gradient) in gradients.iter().enumerate() {
        let rate = rate.clone().mul_scalar(Adam::bias_correction(index as u64 + 1));
        let (value, moments) = Adam::update(parameter.value, parameter.moments, tensor(gradient, 1), &rate);
        parameter = Parameter { value, moments };
        check(&format!("adam step {}", index + 1), parameter.value.clone(), &expected[index + 1]);
    }
}

#[test]
fn orthogonal_matrices_are_the_golden_ones() {
    for case in read_beside("init_orthogonal").as_array().expect("a list of cases") {
        let size = |field: &str| case[field].as_u64().expect("a size") as usize;
        let (rows, columns) = (size("rows"), size("cols"));
        let matrix = orthogonal(rows, columns, &numbers(&case["normal"]));
        let tensor = model::stack::<Flex>(&[&matrix], &Default::default());
        check(&format!("orthogonal {rows}x{columns}"), tensor, &case["orthogonal"]);
    }
}
