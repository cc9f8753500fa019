//! Does a backend compute the values of the golden vectors?
//!
//! The vectors were computed in float64 with PyTorch's autograd and checked against the predecessor of this program (TensorFlow 2.14): three
//! optimizer steps of networks under every rule, Adam alone, and orthogonal initialization.

mod case;
mod comparison;
mod vectors;

use burn::tensor::Tensor;
use case::Case;
pub use comparison::Comparison;
use comparison::{numbers, tensor};
use engine::{DeviceError, on_device};
use kernels::{AdamStep, Kernels, Parameter, bias_correction};
use model::initialization::orthogonal;
use serde_json::Value;
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
            compared.extend(Case::<B>::new(name, json, trials, device).replay());
        }
    }
    compared.extend(adam_steps::<B>(&vectors.adam, device));
    compared.extend(orthogonal_matrices::<B>(&vectors.orthogonal, device));
    compared
}

fn adam_steps<B: Kernels>(adam: &Value, device: &B::Device) -> Vec<Comparison> {
    let (gradients, expected) =
        (adam["grads"].as_array().expect("a list"), adam["params"].as_array().expect("a list"));
    let rate: Tensor<B, 3> = tensor(&adam["lr"], 1, device);
    let mut parameter = Parameter::new(tensor(&expected[0], 1, device));
    let mut compared = Vec::new();
    for (number, (gradient, expected)) in (1..).zip(gradients.iter().zip(&expected[1..])) {
        let step = AdamStep { rate: rate.clone().mul_scalar(bias_correction(number)), weight_decay: None };
        parameter = B::learn(parameter, tensor(gradient, 1, device), &step);
        compared.push(Comparison::of(&format!("adam step {number}"), parameter.value.clone(), expected));
    }
    compared
}

fn orthogonal_matrices<B: Kernels>(cases: &Value, device: &B::Device) -> Vec<Comparison> {
    let cases = cases.as_array().expect("a list of cases");
    cases
        .iter()
        .map(|case| {
            let [rows, columns] =
                ["rows", "cols"].map(|field| case[field].as_u64().expect("a size") as usize);
            let matrix = orthogonal(rows, columns, &numbers(&case["normal"]));
            let tensor = model::stack::<B>(&[&matrix], device);
            Comparison::of(&format!("orthogonal {rows}x{columns}"), tensor, &case["orthogonal"])
        })
        .collect()
}
