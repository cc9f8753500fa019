//! Does a backend compute the values of the golden vectors?
//!
//! The vectors were computed in float64 with PyTorch's autograd and checked against the predecessor of this program (TensorFlow 2.14) and
//! the code of the rules' authors: three steps of networks under every rule, optimizers alone, schedules, and orthogonal initialization.

mod case;
mod comparison;
mod names;
mod vectors;

use std::collections::BTreeSet;

use burn::tensor::Tensor;
use case::Case;
pub use comparison::Comparison;
use comparison::{numbers, tensor};
use engine::{DeviceError, on_device};
use kernels::{Kernels, OptimizerStep, Parameter, WeightUpdate, Weights};
use model::initialization::orthogonal;
use serde_json::Value;
use settings::Precision;
pub use vectors::{Vectors, VectorsError};

/// The largest allowed deviation of an entry in full f32.
pub const TOLERANCE: f64 = 2e-5;

/// The numbers of equal trials that every case runs with.
const POPULATIONS: [usize; 2] = [1, 3];

/// Computes everything in `vectors` with the backend of `device`; see [`replay`].
///
/// # Errors
/// If the device cannot be used.
pub fn replay_on(device: settings::Device, vectors: &Vectors) -> Result<Vec<Comparison>, DeviceError> {
    on_device!(device, |B, handle| replay::<B>(vectors, handle))
}

/// Computes everything in `vectors` on `device`; returns the largest deviation of each tensor.
///
/// # Panics
/// If a file of the vectors has an unexpected structure.
pub fn replay<B: Kernels>(vectors: &Vectors, device: &B::Device) -> Vec<Comparison> {
    let mut compared = Vec::new();
    for (name, json) in &vectors.cases {
        for trials in POPULATIONS {
            let case = Case::<B>::new(name, json, trials, device);
            if case.has_rule() {
                compared.extend(case.replay());
            }
        }
    }
    for (name, table) in &vectors.optimizers {
        compared.extend(optimizer_steps::<B>(name, table, device));
    }
    compared.extend(vectors.orthogonal.iter().map(|case| orthogonal_matrix::<B>(case, device)));
    compared.extend(vectors.schedules.iter().map(schedule_rates));
    compared
}

/// Runs an optimizer on a matrix with given gradients, without decay and with each kind of decay, as far as the table has them.
fn optimizer_steps<B: Kernels>(name: &str, table: &Value, device: &B::Device) -> Vec<Comparison> {
    let optimizer = names::optimizer(&table["optimizer"]);
    let rate = table["lr"].as_f64().expect("a rate");
    let of_trial = |number: f64| Tensor::full([1, 1, 1], number, device);
    let gradients = table["grads"].as_array().expect("a list");
    let mut compared = Vec::new();
    for variant in [Some(table), table.get("with_l2"), table.get("with_decoupled")].into_iter().flatten() {
        let decay = |kind: &str| variant["decay"][kind].as_f64().unwrap_or(0.0);
        let expected = variant["params"].as_array().expect("a list");
        let mut weight = Parameter::new(Weights::new(tensor(&expected[0], 1, device)), optimizer.kind());
        for (number, (gradient, expected)) in (1..).zip(gradients.iter().zip(&expected[1..])) {
            let step = OptimizerStep {
                weight_decay: Some(of_trial(decay("l2"))),
                kept: Some(of_trial(1.0 - rate * decay("decoupled"))),
                ..OptimizerStep::new(&[(optimizer, rate)], number, device)
            };
            // With one example for each row, the gradient of these weights is the delta.
            let delta = tensor::<B>(gradient, 1, device);
            let [_, rows, _] = delta.dims();
            let identity = Tensor::<B, 2>::eye(rows, device).unsqueeze::<3>();
            let update = WeightUpdate { weight, input: &identity.into(), delta: &delta };
            weight = B::learn_weights(vec![update], &step, Precision::Full).pop().expect("one was given");
            let what = format!("{name}, decay {} and {}, step {number}", decay("l2"), decay("decoupled"));
            compared.push(Comparison::of(&what, weight.value.plain(), expected));
        }
    }
    compared
}

/// Returns the rules of the vectors that the program does not have; their cases are left out.
pub fn unknown_rules(vectors: &Vectors) -> BTreeSet<&str> {
    let names = vectors.cases.iter().filter_map(|(_, json)| json["config"]["algorithm"].as_str());
    names.filter(|name| names::algorithm(name).is_none()).collect()
}

fn schedule_rates(table: &Value) -> Comparison {
    let schedule = names::schedule(&table["schedule"]);
    let rate = table["lr"].as_f64().expect("a rate");
    let epochs = table["epochs"].as_u64().expect("a number of epochs") as u32;
    let rates: Vec<f32> = (1..=epochs).map(|epoch| schedule.rate(rate, epoch, epochs) as f32).collect();
    Comparison::of_numbers(&format!("schedule {}", schedule.name()), &rates, &numbers(&table["rates"]))
}

fn orthogonal_matrix<B: Kernels>(case: &Value, device: &B::Device) -> Comparison {
    let [rows, columns] = ["rows", "cols"].map(|field| case[field].as_u64().expect("a size") as usize);
    let matrix = orthogonal(rows, columns, &numbers(&case["normal"]));
    let tensor = model::stack::<B>(&[&matrix], device);
    Comparison::of(&format!("orthogonal {rows}x{columns}"), tensor, &case["orthogonal"])
}
