//! Adam as Keras defines it: epsilon is outside the bias correction (Kingma & Ba 2015, arXiv:1412.6980).
//!
//! PyTorch divides the second moment by its bias correction before it adds epsilon; Keras adds epsilon to the
//! uncorrected root, so equal constants give slightly different steps. The golden vectors are Keras'.

use burn::tensor::{Tensor, backend::Backend};

/// The fraction of the gradient's average that a step keeps.
pub(crate) const BETA_1: f64 = 0.9;
/// The fraction of the squared gradient's average that a step keeps.
pub(crate) const BETA_2: f64 = 0.999;
/// A small number that keeps the step finite where the gradient was always zero.
pub(crate) const EPSILON: f64 = 1e-7;

/// The settings of one update.
#[derive(Clone, Debug)]
pub struct AdamStep<B: Backend> {
    /// The bias-corrected learning rate of each trial, `[trials, 1, 1]`.
    pub rate: Tensor<B, 3>,
    /// The L2 coefficient of each trial, `[trials, 1, 1]`; `None` where it is 0 for all.
    pub weight_decay: Option<Tensor<B, 3>>,
}

/// Returns the factor on the learning rate that corrects the bias of moments that started at zero; `step` counts from 1.
pub fn bias_correction(step: u64) -> f64 {
    (1.0 - power(BETA_2, step)).sqrt() / (1.0 - power(BETA_1, step))
}

/// Returns a power by products alone: the last bits of the library's functions depend on the system.
fn power(mut base: f64, mut exponent: u64) -> f64 {
    let mut power = 1.0;
    while exponent > 0 {
        if exponent % 2 == 1 {
            power *= base;
        }
        base *= base;
        exponent /= 2;
    }
    power
}
