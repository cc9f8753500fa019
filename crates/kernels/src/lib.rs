//! Which operations does a training step consist of, and how does each backend do them?
//!
//! Layers and rules call nothing else in the hot path. Every tensor has a leading `trials` axis: weights are `[trials, inputs,
//! outputs]`, in the order that the backend's products read, and activations `[trials, batch, units]`. A few operations have a body
//! in plain tensor operations, for backends that gain nothing from a kernel of their own.

#[cfg(feature = "cube")]
mod cube;
mod flex;
mod images;
mod input;
mod optimizer;
mod output;
mod parameter;
mod rows;
mod weights;

use burn::tensor::{Tensor, backend::Backend};
use random::Key;

pub use self::{
    images::{BatchKernels, ImageSet, ImageTransform, Images},
    input::{Input, Sets, part},
    optimizer::{Coefficients, OptimizerStep},
    output::{OutputError, Squash},
    parameter::{Parameter, PerTrial},
    rows::{ROOT_EPSILON, RowKernels},
    weights::Weights,
};
use settings::{Activation, Loss, Precision};

/// All operations of a training step on a backend: those of the other traits here, which are its supertraits, and two
/// that concern the device.
pub trait Kernels: BatchKernels + NormalizationKernels + RowKernels + UpdateKernels {
    /// Returns whether products can run in `precision` on `device`. All other operations require that they can.
    fn supports(precision: Precision, _device: &Self::Device) -> bool {
        precision == Precision::Full
    }

    /// Frees memory that this thread, or the device, keeps only for the next steps of a population. Called when a
    /// population ends or shrinks, because later steps need other sizes.
    fn forget_kept_memory(_device: &Self::Device) {}
}

/// The slope of [`Activation::LeakyRelu`] at and below 0.
pub const LEAK: f64 = 0.2;

/// The output and the slope of an activation, each `[trials, batch, units]`.
#[derive(Clone, Debug)]
pub struct Activated<B: Backend> {
    pub output: Tensor<B, 3>,
    /// The derivative d output / d preactivation.
    pub slope: Tensor<B, 3>,
}

/// Operations on one value at a time.
pub trait ElementwiseKernels: Backend {
    /// Returns the activation of a `[trials, batch, units]` preactivation, with its slope.
    fn activate(activation: Activation, preactivation: Tensor<Self, 3>) -> Activated<Self>;

    /// Returns squashed values with their slopes, all `[trials, batch, outputs]`.
    fn squash(squash: Squash, values: Tensor<Self, 3>) -> Activated<Self> {
        let output = squash.apply(values);
        Activated { slope: squash.slope(output.clone()), output }
    }

    /// Returns the elementwise product of `values` and `factors`, both `[trials, batch, units]`.
    fn scale(values: Tensor<Self, 3>, factors: &Tensor<Self, 3>) -> Tensor<Self, 3>;

    /// Draws the dropout factors of a layer's output, 0 or 1 / (1 - rate), `[trials, batch, units]`.
    fn dropout_factors(
        dropouts: &[LayerDropout],
        batch: usize,
        units: usize,
        device: &Self::Device,
    ) -> Tensor<Self, 3>;
}

/// A trial's dropout at one layer in one step.
#[derive(Clone, Copy, Debug)]
pub struct LayerDropout {
    /// The probability that a unit is dropped, from 0 to below 1.
    pub rate: f32,
    /// The factor on units that are not dropped, 1 / (1 - rate).
    pub kept: f32,
    /// The key of the stream of [`uniform`] draws, one for each value.
    pub key: Key,
}

/// Matrix products with a layer's weights, its input and its delta.
pub trait ProductKernels: ElementwiseKernels {
    /// Arranges `[trials, inputs, outputs]` as products read it: see [`Weights::values`].
    fn arranged(plain: Tensor<Self, 3>) -> Tensor<Self, 3> {
        plain
    }

    /// Returns the values of [`arranged`](Self::arranged) matrices, whose number of `outputs` is given, in row-major order again.
    fn plain(arranged: Tensor<Self, 3>, _outputs: usize) -> Tensor<Self, 3> {
        arranged
    }

    /// Returns `input weight + bias`: `[batch, inputs]` of each trial, `[trials, inputs, outputs]` and
    /// `[trials, 1, outputs]` give `[trials, batch, outputs]`.
    fn dense(
        input: &Input<Self>,
        weight: &Weights<Self>,
        bias: Option<&Tensor<Self, 3>>,
        precision: Precision,
    ) -> Tensor<Self, 3>;

    /// Returns [`activate`](ElementwiseKernels::activate) of [`dense`](Self::dense).
    fn dense_activated(
        activation: Activation,
        input: &Input<Self>,
        weight: &Weights<Self>,
        bias: Option<&Tensor<Self, 3>>,
        precision: Precision,
    ) -> Activated<Self>;

    /// Returns `signal weight^T`: `[trials or 1, batch, outputs]` and `[trials, inputs, outputs]` give
    /// `[trials, batch, inputs]`.
    fn dense_transposed(
        signal: &Tensor<Self, 3>,
        weight: &Weights<Self>,
        precision: Precision,
    ) -> Tensor<Self, 3>;

    /// Returns `values values^T` of each matrix: `[matrices, rows, columns]` gives `[matrices, rows, rows]`.
    fn gram(values: &Tensor<Self, 3>) -> Tensor<Self, 3>;

    /// Returns the sum of `left * right` over all weights of a trial, `[trials]`; both have one shape.
    fn weights_inner_product(left: &Weights<Self>, right: &Weights<Self>) -> Tensor<Self, 1>;

    /// Returns `input^T delta`, summed over the batch: `[batch, inputs]` of each trial and `[trials, batch, outputs]` give
    /// `[trials, inputs, outputs]`.
    fn weight_gradient(input: &Input<Self>, delta: &Tensor<Self, 3>, precision: Precision) -> Weights<Self>;
}

/// Sums over the batch, and over all values of a trial.
pub trait ReductionKernels: Backend {
    /// Returns `delta`, summed over the batch: `[trials, batch, units]` gives `[trials, 1, units]`.
    fn bias_gradient(delta: &Tensor<Self, 3>) -> Tensor<Self, 3>;

    /// Returns the sum of `left * right` over all values of a trial, `[trials]`; both are `[trials or 1, rows, columns]`.
    fn inner_product(left: &Tensor<Self, 3>, right: &Tensor<Self, 3>) -> Tensor<Self, 1>;

    /// Returns the mean of the squared `values` of a trial: `[trials, rows, columns]` gives `[trials]`.
    fn mean_square(values: &Tensor<Self, 3>) -> Tensor<Self, 1> {
        let [_, rows, columns] = values.dims();
        Self::inner_product(values, values).div_scalar((rows * columns) as f64)
    }

    /// Returns the loss of `logits` (`[trials, batch, outputs]`) against one-hot targets (`[trials or 1, batch, outputs]`), with its
    /// error and the number of misclassified examples.
    fn output_error(loss: Loss, logits: &Tensor<Self, 3>, target: &Tensor<Self, 3>) -> OutputError<Self>;

    /// Returns softmax minus target; `logits` are `[trials, batch, outputs]`, targets `[trials or 1, batch, outputs]`.
    fn softmax_error(logits: Tensor<Self, 3>, target: &Tensor<Self, 3>) -> Tensor<Self, 3>;
}

/// The number that is added to a variance before its root is taken.
pub const BATCH_NORM_EPSILON: f64 = 1e-3;

/// The results of a training pass through batch norm that the update needs.
#[derive(Clone, Debug)]
pub struct Normalized<B: Backend> {
    /// The values with zero mean and unit variance over the batch, `[trials, batch, units]`.
    pub standardized: Tensor<B, 3>,
    /// The factor on deviations from the mean, scale / sqrt(variance + epsilon), `[trials, 1, units]`.
    pub gain: Tensor<B, 3>,
    /// The mean over the batch, `[trials, 1, units]`.
    pub mean: Tensor<B, 3>,
    /// The biased variance over the batch, `[trials, 1, units]`.
    pub variance: Tensor<B, 3>,
}

/// The forward and backward pass of batch norm.
pub trait NormalizationKernels: ReductionKernels {
    /// Normalizes `preactivation` (`[trials, batch, units]`) by the batch's statistics, then multiplies by `scale` and adds
    /// `shift`, both `[trials, 1, units]`.
    fn normalize(
        preactivation: Tensor<Self, 3>,
        scale: &Tensor<Self, 3>,
        shift: &Tensor<Self, 3>,
    ) -> (Tensor<Self, 3>, Normalized<Self>);

    /// Returns the signal at a normalization's input from the one at its output, both `[trials, batch, units]`.
    fn normalization_delta(normalized: &Normalized<Self>, signal: &Tensor<Self, 3>) -> Tensor<Self, 3>;

    /// Returns the gradients of scale and shift from the signal at a normalization's output, each `[trials, 1, units]`.
    fn normalization_gradients(
        normalized: &Normalized<Self>,
        signal: &Tensor<Self, 3>,
    ) -> [Tensor<Self, 3>; 2];
}

/// Updates of parameters by an optimizer.
pub trait UpdateKernels: ProductKernels {
    /// Updates weight matrices by one step against their gradients, with both kinds of decay. Returns them in the order of
    /// `updates`, which are given together because a backend may work on all of them at once.
    fn learn_weights(
        updates: Vec<WeightUpdate<'_, Self>>,
        step: &OptimizerStep<Self>,
        precision: Precision,
    ) -> Vec<Parameter<Weights<Self>>>;

    /// Updates a parameter by one step against `gradient`, which has its shape, without decay.
    fn learn(
        parameter: Parameter<Tensor<Self, 3>>,
        gradient: Tensor<Self, 3>,
        step: &OptimizerStep<Self>,
    ) -> Parameter<Tensor<Self, 3>>;
}

/// A weight matrix, with the factors of its gradient `input^T delta`.
pub struct WeightUpdate<'a, B: Backend> {
    /// The weights, `[trials, inputs, outputs]`.
    pub weight: Parameter<Weights<B>>,
    /// The layer's input, `[batch, inputs]` of each trial.
    pub input: &'a Input<B>,
    /// The signal at the layer's preactivation, `[trials, batch, outputs]`.
    pub delta: &'a Tensor<B, 3>,
}
