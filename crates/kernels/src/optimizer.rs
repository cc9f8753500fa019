//! The step of an optimizer.
//!
//! Adam has the form of Keras: epsilon is outside the bias correction (Kingma & Ba 2015, arXiv:1412.6980, section 2). The paper's
//! algorithm and PyTorch add epsilon to the corrected root. That is the same step with an epsilon that changes from step to step.

use std::ops::Range;

use burn::tensor::{Tensor, TensorData, backend::Backend};
use settings::{AdamForm, Optimizer, OptimizerKind};

/// The settings of one update.
#[derive(Clone, Debug)]
pub struct OptimizerStep<B: Backend> {
    /// The kind of optimizer of all trials.
    pub kind: OptimizerKind,
    /// The [`Coefficients`] of each trial, `[trials, 1, Coefficients::COUNT]`.
    pub coefficients: Tensor<B, 3>,
    /// The L2 coefficient of each trial, `[trials, 1, 1]`; `None` where it is 0 for all.
    pub weight_decay: Option<Tensor<B, 3>>,
    /// The factor on each trial's weights before the step, `[trials, 1, 1]`; `None` where it is 1 for all.
    pub kept: Option<Tensor<B, 3>>,
}

impl<B: Backend> OptimizerStep<B> {
    /// Creates the step with this `number`, counted from 1 over the whole training, without decay. `trials` are the optimizer and the
    /// learning rate of each trial.
    ///
    /// # Panics
    /// If there is no trial, or if optimizers are of several kinds.
    pub fn new(trials: &[(Optimizer, f64)], number: u64, device: &B::Device) -> Self {
        let kind = trials[0].0.kind();
        assert!(
            trials.iter().all(|(optimizer, _)| optimizer.kind() == kind),
            "a population has one kind of optimizer"
        );
        let coefficients = trials.iter().map(|&(optimizer, rate)| Coefficients::of(optimizer, rate, number));
        let values: Vec<f32> = coefficients.flat_map(Coefficients::to_array).collect();
        let shape = [trials.len(), 1, Coefficients::COUNT];
        let coefficients = Tensor::from_data(TensorData::new(values, shape), device);
        Self { kind, coefficients, weight_decay: None, kept: None }
    }

    /// Returns the step of some `trials`.
    pub fn part(&self, trials: &Range<usize>) -> Self {
        let part_of = |numbers: &Tensor<B, 3>| numbers.clone().slice([trials.clone()]);
        Self {
            kind: self.kind,
            coefficients: part_of(&self.coefficients),
            weight_decay: self.weight_decay.as_ref().map(part_of),
            kept: self.kept.as_ref().map(part_of),
        }
    }
}

/// The numbers of a trial's step, without decay. No kernel reads a number that the kind of optimizer does not have.
#[derive(Clone, Copy, Debug)]
pub struct Coefficients {
    /// The learning rate, with its bias correction.
    pub rate: f32,
    /// The share of the gradient's average that a step keeps; the momentum.
    pub kept_first: f32,
    /// The share of the new gradient in its average.
    pub new_first: f32,
    /// The share of the squared gradient's average that a step keeps.
    pub kept_square: f32,
    /// The share of the new squared gradient in its average.
    pub new_square: f32,
    pub epsilon: f32,
}

impl Coefficients {
    /// The number of coefficients.
    pub const COUNT: usize = 6;

    /// Returns the coefficients of the step with this `number`, counted from 1.
    fn of(optimizer: Optimizer, rate: f64, number: u64) -> Self {
        let (correction, first, square, epsilon) = match optimizer {
            Optimizer::Adam { beta_1, beta_2, epsilon, form } => {
                let root = (1.0 - power(beta_2, number)).sqrt();
                let epsilon = match form {
                    AdamForm::Keras => epsilon,
                    AdamForm::Paper => epsilon * root,
                };
                (root / (1.0 - power(beta_1, number)), beta_1, beta_2, epsilon)
            }
            Optimizer::RmsProp { smoothing, epsilon } => (1.0, 0.0, smoothing, epsilon),
            Optimizer::Sgd { momentum, .. } => (1.0, momentum, 0.0, 0.0),
        };
        // In double precision: 1 - 0.999 in single precision is wrong by 1e-5.
        let [new_first, new_square] = [first, square].map(|kept| (1.0 - kept) as f32);
        Self {
            rate: rate as f32 * correction as f32,
            kept_first: first as f32,
            new_first,
            kept_square: square as f32,
            new_square,
            epsilon: epsilon as f32,
        }
    }

    /// Returns the coefficients in the order of the fields.
    pub fn to_array(self) -> [f32; Self::COUNT] {
        let Self { rate, kept_first, new_first, kept_square, new_square, epsilon } = self;
        [rate, kept_first, new_first, kept_square, new_square, epsilon]
    }

    /// Returns the coefficients of [`to_array`](Self::to_array).
    pub fn from_array(
        [rate, kept_first, new_first, kept_square, new_square, epsilon]: [f32; Self::COUNT],
    ) -> Self {
        Self { rate, kept_first, new_first, kept_square, new_square, epsilon }
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One optimizer of each kind. RMSprop's epsilon is large: where a gradient is nearly 0, its step would be as uncertain as the sign.
    pub(crate) const OPTIMIZERS: [Optimizer; 5] = [
        Optimizer::ADAM,
        Optimizer::RmsProp { smoothing: 0.9, epsilon: 0.1 },
        Optimizer::Sgd { momentum: 0.0, nesterov: false },
        Optimizer::Sgd { momentum: 0.9, nesterov: false },
        Optimizer::Sgd { momentum: 0.9, nesterov: true },
    ];

    /// Returns an optimizer of the same kind with numbers that differ from trial to trial; the first trial's are the given ones.
    pub(crate) fn of_trial(optimizer: Optimizer, trial: usize) -> Optimizer {
        let shares = |share: f64| share - 0.1 * trial as f64;
        let epsilons = |epsilon: f64| epsilon * (1 + trial) as f64;
        match optimizer {
            Optimizer::Adam { beta_1, beta_2, epsilon, form } => {
                let (beta_1, beta_2) = (shares(beta_1), shares(beta_2));
                Optimizer::Adam { beta_1, beta_2, epsilon: epsilons(epsilon), form }
            }
            Optimizer::RmsProp { smoothing, epsilon } => {
                Optimizer::RmsProp { smoothing: shares(smoothing), epsilon: epsilons(epsilon) }
            }
            Optimizer::Sgd { momentum: 0.0, .. } => optimizer,
            Optimizer::Sgd { momentum, nesterov } => Optimizer::Sgd { momentum: shares(momentum), nesterov },
        }
    }

    #[test]
    fn coefficients_keep_their_order_in_arrays() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(Coefficients::from_array(values).to_array(), values);
    }
}
