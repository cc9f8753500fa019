//! The step of an optimizer.
//!
//! Adam has the form of Keras: epsilon is outside the bias correction (Kingma & Ba 2015, arXiv:1412.6980, section 2). The paper's
//! algorithm and PyTorch add epsilon to the corrected root. That is the same step with an epsilon that changes from step to step.

use std::ops::Range;

use burn::tensor::{Tensor, backend::Backend};
use settings::{AdamForm, Optimizer};

/// The settings of one update.
#[derive(Clone, Debug)]
pub struct OptimizerStep<B: Backend> {
    /// The optimizer, with the constants of this step.
    pub optimizer: Optimizer,
    /// The learning rate of each trial with its bias correction, `[trials, 1, 1]`.
    pub rate: Tensor<B, 3>,
    /// The L2 coefficient of each trial, `[trials, 1, 1]`; `None` where it is 0 for all.
    pub weight_decay: Option<Tensor<B, 3>>,
    /// The factor on each trial's weights before the step, `[trials, 1, 1]`; `None` where it is 1 for all.
    pub kept: Option<Tensor<B, 3>>,
}

impl<B: Backend> OptimizerStep<B> {
    /// Creates the step with this `number`, counted from 1 over the whole training, without decay. `rate` is the learning rate of each
    /// trial, `[trials, 1, 1]`.
    pub fn new(optimizer: Optimizer, number: u64, rate: &Tensor<B, 3>) -> Self {
        let (optimizer, rate) = match optimizer {
            Optimizer::Adam { beta_1, beta_2, epsilon, form } => {
                let root = (1.0 - power(beta_2, number)).sqrt();
                let epsilon = match form {
                    AdamForm::Keras => epsilon,
                    AdamForm::Paper => epsilon * root,
                };
                let corrected = rate.clone().mul_scalar(root / (1.0 - power(beta_1, number)));
                (Optimizer::Adam { beta_1, beta_2, epsilon, form: AdamForm::Keras }, corrected)
            }
            Optimizer::Sgd { .. } | Optimizer::RmsProp { .. } => (optimizer, rate.clone()),
        };
        Self { optimizer, rate, weight_decay: None, kept: None }
    }

    /// Returns the step of some `trials`.
    pub fn part(&self, trials: &Range<usize>) -> Self {
        let part_of = |numbers: &Tensor<B, 3>| numbers.clone().slice([trials.clone()]);
        Self {
            optimizer: self.optimizer,
            rate: part_of(&self.rate),
            weight_decay: self.weight_decay.as_ref().map(part_of),
            kept: self.kept.as_ref().map(part_of),
        }
    }
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
