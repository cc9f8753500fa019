//! Batch normalization (Ioffe & Szegedy 2015, arXiv:1502.03167) with Keras' constants.

use burn::tensor::{Int, Tensor, backend::Backend};

use kernels::{BATCH_NORM_EPSILON, Kernels, Normalized, OptimizerStep, Parameter};
use settings::OptimizerKind;

/// The fraction of the old moving statistics that a step keeps.
const MOMENTUM: f64 = 0.99;

/// A normalization of each unit over the batch, with a learned scale and shift. Every tensor is `[trials, 1, units]`.
#[derive(Clone, Debug)]
pub struct BatchNorm<B: Backend> {
    pub gamma: Parameter<Tensor<B, 3>>,
    pub beta: Parameter<Tensor<B, 3>>,
    /// The average of the batches' means, which inference uses.
    pub moving_mean: Tensor<B, 3>,
    /// The average of the batches' biased variances, which inference uses.
    pub moving_variance: Tensor<B, 3>,
}

impl<B: Kernels> BatchNorm<B> {
    /// Returns the identity: unit scale, no shift, zero mean, unit variance.
    pub fn new(trials: usize, units: usize, optimizer: OptimizerKind, device: &B::Device) -> Self {
        let shape = [trials, 1, units];
        Self {
            gamma: Parameter::new(Tensor::ones(shape, device), optimizer),
            beta: Parameter::new(Tensor::zeros(shape, device), optimizer),
            moving_mean: Tensor::zeros(shape, device),
            moving_variance: Tensor::ones(shape, device),
        }
    }

    /// Normalizes `preactivation` (`[trials, batch, units]`) by the batch's statistics.
    pub fn forward(&self, preactivation: Tensor<B, 3>) -> (Tensor<B, 3>, Normalized<B>) {
        B::normalize(preactivation, &self.gamma.value, &self.beta.value)
    }

    /// Normalizes `preactivation` (`[trials, batch, units]`) by the moving statistics.
    pub fn infer(&self, preactivation: Tensor<B, 3>) -> Tensor<B, 3> {
        let inverse_deviation = self.moving_variance.clone().add_scalar(BATCH_NORM_EPSILON).sqrt().recip();
        (preactivation - self.moving_mean.clone()) * inverse_deviation * self.gamma.value.clone()
            + self.beta.value.clone()
    }

    /// Updates scale, shift and the moving statistics. `signal` is the teaching signal at the normalization's output.
    pub fn learn(self, normalized: &Normalized<B>, signal: &Tensor<B, 3>, step: &OptimizerStep<B>) -> Self {
        let [gamma, beta] = B::normalization_gradients(normalized, signal);
        Self {
            gamma: B::learn(self.gamma, gamma, step),
            beta: B::learn(self.beta, beta, step),
            moving_mean: moved(self.moving_mean, &normalized.mean),
            moving_variance: moved(self.moving_variance, &normalized.variance),
        }
    }
}

fn moved<B: Backend>(average: Tensor<B, 3>, batch: &Tensor<B, 3>) -> Tensor<B, 3> {
    average.mul_scalar(MOMENTUM) + batch.clone().mul_scalar(1.0 - MOMENTUM)
}

impl<B: Backend> BatchNorm<B> {
    /// Keeps only the trials at `positions`, in that order.
    pub fn select(self, positions: &Tensor<B, 1, Int>) -> Self {
        Self {
            gamma: self.gamma.select(positions),
            beta: self.beta.select(positions),
            moving_mean: self.moving_mean.select(0, positions.clone()),
            moving_variance: self.moving_variance.select(0, positions.clone()),
        }
    }
}
