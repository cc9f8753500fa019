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
    // Not `powf`, whose last bits depend on the system's library. With more steps than `i32` counts, both powers are 0.
    let step = i32::try_from(step).unwrap_or(i32::MAX);
    (1.0 - BETA_2.powi(step)).sqrt() / (1.0 - BETA_1.powi(step))
}
