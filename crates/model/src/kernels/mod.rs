//! The operations that a training step is made of, on populations.
//!
//! Each has a default body in plain tensor operations, which every backend can run; a backend overrides those where
//! it can do better. Layers and rules call nothing else in the hot path and do not know which body runs.

#[cfg(feature = "cube")]
mod cube;
mod flex;

use burn::tensor::{Int, Tensor, TensorData, activation, backend::Backend};
use random::{Key, Stream, uniform};

use crate::{
    Activated, Adam, AdamStep, Input, Normalized, OutputError, Parameter, activate, activate_with_slope,
    batch_norm,
};
use settings::{Activation, Precision};

/// A weight matrix that is to learn from its gradient `input^T delta`.
pub struct WeightUpdate<'a, B: Backend> {
    /// `[trials, inputs, outputs]`.
    pub weight: Parameter<B>,
    /// `[batch, inputs]` of each trial.
    pub input: &'a Input<B>,
    /// `[trials, batch, outputs]`.
    pub delta: &'a Tensor<B, 3>,
}

/// What a trial drops at a layer: at this rate, by draws of this key.
#[derive(Clone, Copy, Debug)]
pub struct Drop {
    /// From 0 to below 1.
    pub rate: f32,
    /// The factor on what is not dropped, 1 / (1 - rate).
    pub kept: f32,
    /// Of the stream that [`uniform`] draws come from, one for each value.
    pub key: Key,
}

/// Images as they are stored, in the host's memory.
#[derive(Clone, Debug)]
pub struct Pictures {
    /// `[images, channels, height, width]`.
    pub pixels: Vec<u8>,
    /// Channels, height and width of an image.
    pub shape: [usize; 3],
    /// What is subtracted from the pixels of each channel, and what then divides them.
    pub scaling: Vec<(f32, f32)>,
}

/// How an image is changed before it is scaled: moved by an affine map, then its values.
///
/// The pixel at a place `p` of the changed image comes from `linear p + shift` of the given one, both in pixels from the
/// centre as `[y, x]`; it is interpolated between its four neighbours, beyond its edges the image is mirrored. Then `v` becomes
/// `contrast (v - mean) + mean + brightness`, with the mean over the channel of the moved image, clipped to 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// `[y, x]` by `[y, x]`.
    pub linear: [[f32; 2]; 2],
    /// `[y, x]`.
    pub shift: [f32; 2],
    /// 1 leaves values as they are.
    pub contrast: f32,
    /// Of the values from 0 to 255.
    pub brightness: f32,
}

/// Images on the device, as they are stored: a batch is gathered, changed and scaled there.
pub trait Gallery<B: Backend>: Send {
    /// The images at `indices` (`[count]`), changed where `changes` (one for each of them) are given and then scaled:
    /// `[count, pixels]`.
    fn gather(&self, indices: &Tensor<B, 1, Int>, changes: Option<&[Change]>) -> Tensor<B, 2>;
}

/// The training step's operations on a backend.
pub trait Kernels: Backend {
    /// A tensor whose values `fill` writes, row by row. What it finds there is undefined, so it must write them all.
    fn filled(shape: [usize; 3], device: &Self::Device, fill: impl FnOnce(&mut [f32])) -> Tensor<Self, 3> {
        let mut values = vec![0.0; shape.iter().product()];
        fill(&mut values);
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// Can products run in `precision` on `device`? Everything else here expects that they can.
    fn supports(precision: Precision, _device: &Self::Device) -> bool {
        precision == Precision::Full
    }

    /// `pictures` on the device; `None`, and they are not asked for, where batches are better gathered in the host's memory.
    fn gallery(
        _pictures: impl FnOnce() -> Pictures,
        _device: &Self::Device,
    ) -> Option<Box<dyn Gallery<Self>>> {
        None
    }

    /// Gives back memory that this thread, or the device, keeps only for the next steps of a population. Called when a
    /// population ends or shrinks: what comes next needs other sizes.
    fn forget_kept_memory(_device: &Self::Device) {}

    /// `input weight + bias`: `[batch, inputs]` of each trial, `[trials, inputs, outputs]` and `[trials, 1, outputs]`
    /// give `[trials, batch, outputs]`.
    fn dense(
        input: &Input<Self>,
        weight: &Tensor<Self, 3>,
        bias: Option<&Tensor<Self, 3>>,
        _precision: Precision,
    ) -> Tensor<Self, 3> {
        let product = input.per_trial().matmul(weight.clone());
        match bias {
            Some(bias) => product + bias.clone(),
            None => product,
        }
    }

    /// [`Kernels::dense`], and then [`Kernels::activate`].
    fn dense_activated(
        activation: Activation,
        input: &Input<Self>,
        weight: &Tensor<Self, 3>,
        bias: Option<&Tensor<Self, 3>>,
        precision: Precision,
    ) -> Activated<Self> {
        Self::activate(activation, Self::dense(input, weight, bias, precision))
    }

    /// `signal weight^T`: `[trials or 1, batch, outputs]` and `[trials, inputs, outputs]` give
    /// `[trials, batch, inputs]`.
    fn dense_transposed(
        signal: &Tensor<Self, 3>,
        weight: &Tensor<Self, 3>,
        _precision: Precision,
    ) -> Tensor<Self, 3> {
        signal.clone().matmul(weight.clone().transpose())
    }

    /// The activation of a `[trials, batch, units]` preactivation.
    fn apply(activation: Activation, preactivation: Tensor<Self, 3>) -> Tensor<Self, 3> {
        activate(activation, preactivation)
    }

    /// The activation of a `[trials, batch, units]` preactivation, with its slope.
    fn activate(activation: Activation, preactivation: Tensor<Self, 3>) -> Activated<Self> {
        activate_with_slope(activation, preactivation)
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

    /// The error of the softmax of `logits` (`[trials, batch, outputs]`) against targets (`[trials or 1, batch, outputs]`):
    /// softmax minus target.
    fn softmax_error(logits: Tensor<Self, 3>, target: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        activation::softmax(logits, 2) - target.clone()
    }

    /// The mean over everything but the trials of squared `values`, `[trials, rows, columns]`: `[trials]`.
    fn mean_square(values: &Tensor<Self, 3>) -> Tensor<Self, 1> {
        let [trials, _, _] = values.dims();
        (values.clone() * values.clone()).mean_dim(2).mean_dim(1).reshape([trials])
    }

    /// `input^T delta`, summed over the batch: `[batch, inputs]` of each trial and `[trials, batch, outputs]` give
    /// `[trials, inputs, outputs]`.
    fn weight_gradient(
        input: &Input<Self>,
        delta: &Tensor<Self, 3>,
        _precision: Precision,
    ) -> Tensor<Self, 3> {
        input.per_trial().transpose().matmul(delta.clone())
    }

    /// Factors on a layer's output, `[trials, batch, units]`: 0 or 1 / (1 - rate).
    fn dropout_factors(drops: &[Drop], batch: usize, units: usize, device: &Self::Device) -> Tensor<Self, 3> {
        let factors = drops.iter().flat_map(|drop| drop.factors(batch * units)).collect();
        Tensor::from_data(TensorData::new(factors, [drops.len(), batch, units]), device)
    }

    /// Normalizes `preactivation` (`[trials, batch, units]`) by its own statistics, then times `scale` plus `shift`, both
    /// `[trials, 1, units]`.
    fn normalize(
        preactivation: Tensor<Self, 3>,
        scale: &Tensor<Self, 3>,
        shift: &Tensor<Self, 3>,
    ) -> (Tensor<Self, 3>, Normalized<Self>) {
        batch_norm::normalize(preactivation, scale, shift)
    }

    /// From the signal at a normalization's output to the one at its input, both `[trials, batch, units]`.
    fn normalization_delta(normalized: &Normalized<Self>, signal: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        batch_norm::delta(normalized, signal)
    }

    /// Gradients of scale and shift from the signal at a normalization's output, each `[trials, 1, units]`.
    fn normalization_gradients(
        normalized: &Normalized<Self>,
        signal: &Tensor<Self, 3>,
    ) -> [Tensor<Self, 3>; 2] {
        [(signal.clone() * normalized.standardized.clone()).sum_dim(1), Self::bias_gradient(signal)]
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

    /// Weight matrices after a step against their gradients plus weight decay, in the order of `updates`. Given
    /// together, because a backend may work on all of them at once.
    fn learn_weights(
        updates: Vec<WeightUpdate<'_, Self>>,
        step: &AdamStep<Self>,
        precision: Precision,
    ) -> Vec<Parameter<Self>> {
        let learn = |WeightUpdate { weight, input, delta }| {
            let gradient = Self::weight_gradient(input, delta, precision);
            let gradient = match &step.weight_decay {
                Some(decay) => gradient + weight.value.clone() * decay.clone(),
                None => gradient,
            };
            Self::learn(weight, gradient, step)
        };
        updates.into_iter().map(learn).collect()
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

impl Drop {
    /// So many factors, in the order of the draws.
    pub(crate) fn factors(self, count: usize) -> Vec<f32> {
        if self.rate == 0.0 {
            return vec![1.0; count];
        }
        let mut stream: Stream = self.key.stream();
        (0..count).map(|_| if uniform(&mut stream) < self.rate { 0.0 } else { self.kept }).collect()
    }
}

#[cfg(feature = "plain")]
impl Kernels for burn_ndarray::NdArray {}
