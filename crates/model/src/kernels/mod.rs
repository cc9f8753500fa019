//! The operations that a training step is made of, on populations.
//!
//! Each has a default body in plain tensor operations, which every backend can run; a backend overrides those where
//! it can do better. Layers and rules call nothing else in the hot path and do not know which body runs.

mod flex;

use burn::tensor::{Tensor, TensorData, activation, backend::Backend};

use crate::{Activated, Activation, Adam, AdamStep, OutputError, Parameter};

/// A weight matrix that is to learn from its gradient `input^T delta`.
pub struct WeightLesson<'a, B: Backend> {
    /// `[trials, inputs, outputs]`.
    pub weight: Parameter<B>,
    /// `[trials or 1, batch, inputs]`.
    pub input: &'a Tensor<B, 3>,
    /// `[trials, batch, outputs]`.
    pub delta: &'a Tensor<B, 3>,
}

/// The training step's operations on a backend.
pub trait Kernels: Backend {
    /// A tensor whose values `fill` writes, row by row. What it finds there is undefined, so it must write them all.
    fn filled(shape: [usize; 3], device: &Self::Device, fill: impl FnOnce(&mut [f32])) -> Tensor<Self, 3> {
        let mut values = vec![0.0; shape.iter().product()];
        fill(&mut values);
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// Gives back memory that this thread keeps only for the next steps of a population. Called when a
    /// population ends or shrinks: what comes next needs other sizes.
    fn forget_kept_memory() {}

    /// `input weight + bias`: `[trials or 1, batch, inputs]`, `[trials, inputs, outputs]` and `[trials, 1, outputs]`
    /// give `[trials, batch, outputs]`.
    fn dense(
        input: &Tensor<Self, 3>,
        weight: &Tensor<Self, 3>,
        bias: Option<&Tensor<Self, 3>>,
    ) -> Tensor<Self, 3> {
        let product = input.clone().matmul(weight.clone());
        match bias {
            Some(bias) => product + bias.clone(),
            None => product,
        }
    }

    /// [`Kernels::dense`], and then [`Kernels::activate`].
    fn dense_activated(
        activation: Activation,
        input: &Tensor<Self, 3>,
        weight: &Tensor<Self, 3>,
        bias: Option<&Tensor<Self, 3>>,
    ) -> Activated<Self> {
        Self::activate(activation, Self::dense(input, weight, bias))
    }

    /// `signal weight^T`: `[trials or 1, batch, outputs]` and `[trials, inputs, outputs]` give
    /// `[trials, batch, inputs]`.
    fn dense_transposed(signal: &Tensor<Self, 3>, weight: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        signal.clone().matmul(weight.clone().transpose())
    }

    /// The activation of a `[trials, batch, units]` preactivation.
    fn apply(activation: Activation, preactivation: Tensor<Self, 3>) -> Tensor<Self, 3> {
        activation.apply(preactivation)
    }

    /// The activation of a `[trials, batch, units]` preactivation, with its slope.
    fn activate(activation: Activation, preactivation: Tensor<Self, 3>) -> Activated<Self> {
        activation.apply_with_slope(preactivation)
    }

    /// `values` times `factors`, one by one; both `[trials, batch, units]`.
    fn scale(values: Tensor<Self, 3>, factors: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        values * factors.clone()
    }

    /// The cross-entropy of the softmax of `logits` (`[trials, batch, outputs]`) against one-hot targets
    /// (`[trials or 1, batch, outputs]`), with its error and the wrongly classified examples.
    fn cross_entropy(logits: &Tensor<Self, 3>, target: &Tensor<Self, 3>) -> OutputError<Self> {
        let [trials, batch, _] = logits.dims();
        let log_probability = activation::log_softmax(logits.clone(), 2);
        let loss = (log_probability.clone() * target.clone()).sum_dim(2).mean_dim(1).neg();
        let error = (log_probability.exp() - target.clone()).div_scalar(batch as f64);
        let label = target.clone().argmax(2).expand([trials, batch, 1]);
        let wrong = logits.clone().argmax(2).not_equal(label).float().sum_dim(1);
        OutputError { loss: loss.reshape([trials]), error, mistakes: Some(wrong.reshape([trials])) }
    }

    /// `input^T delta`, summed over the batch: `[trials or 1, batch, inputs]` and `[trials, batch, outputs]` give
    /// `[trials, inputs, outputs]`.
    fn weight_gradient(input: &Tensor<Self, 3>, delta: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        input.clone().transpose().matmul(delta.clone())
    }

    /// `delta`, summed over the batch: `[trials, batch, units]` gives `[trials, 1, units]`.
    fn bias_gradient(delta: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        delta.clone().sum_dim(1)
    }

    /// The sum of `left * right` over everything but the trials: two tensors of one shape give `[trials]`.
    fn inner_product(left: &Tensor<Self, 3>, right: &Tensor<Self, 3>) -> Tensor<Self, 1> {
        let [trials, _, _] = left.dims();
        (left.clone() * right.clone()).sum_dim(2).sum_dim(1).reshape([trials])
    }

    /// Weight matrices after a step against their gradients plus weight decay, in the order of `lessons`. Given
    /// together, because a backend may work on all of them at once.
    fn learn_weights(lessons: Vec<WeightLesson<'_, Self>>, step: &AdamStep<Self>) -> Vec<Parameter<Self>> {
        let learn = |WeightLesson { weight, input, delta }| {
            let gradient = Self::weight_gradient(input, delta);
            let gradient = match &step.weight_decay {
                Some(decay) => gradient + weight.value.clone() * decay.clone(),
                None => gradient,
            };
            Self::learn(weight, gradient, step)
        };
        lessons.into_iter().map(learn).collect()
    }

    /// A parameter after a step against `gradient`, which has its shape.
    fn learn(
        parameter: Parameter<Self>,
        gradient: Tensor<Self, 3>,
        step: &AdamStep<Self>,
    ) -> Parameter<Self> {
        let (value, moments) = Adam::update(parameter.value, parameter.moments, gradient, &step.rate);
        Parameter { value, moments }
    }
}

#[cfg(feature = "cuda")]
impl Kernels for burn_cuda::Cuda {}
