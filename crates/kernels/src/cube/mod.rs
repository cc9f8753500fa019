//! Kernels for GPUs, in CubeCL.
//!
//! Each operation of a step is one launch for all trials of a population. The operations after a product run while its sums
//! are still in registers: bias, activation and slope after a layer's product, weight decay and Adam after a weight
//! gradient, which never reaches memory. Trials that see the same examples read one copy of them.
//!
//! Results are the same bits from run to run on one device. A trial's bits depend neither on the number of trials in its
//! population nor on its position among them: there are no atomic additions, every sum has a fixed order, and the division
//! of work into cubes depends only on the shape of one trial. Between devices, and between GPU and CPU, results agree
//! within the rounding of sums in another order.

mod batch_norm;
mod dropout;
mod elementwise;
mod images;
mod launch;
mod optimizers;
mod output_error;
mod product;
mod reductions;
mod slab;
mod tensor_cores;
mod tile;
mod vectors;

use burn::tensor::{Tensor, backend::Backend as _};
use burn_cubecl::{BoolElement, CubeRuntime};

use self::{
    images::CubeImageSet,
    launch::{Backend, Matrices, numbers_tensor},
    optimizers::{Settings, State},
    product::Product,
    tile::Factors,
};
use super::{
    BatchKernels, ElementwiseKernels, ImageSet, Images, Kernels, LayerDropout, NormalizationKernels,
    ProductKernels, ReductionKernels, RowKernels, UpdateKernels, WeightUpdate,
};
use crate::{Activated, Input, Normalized, OptimizerStep, OutputError, Parameter, Weights};
use settings::{Activation, Loss, Precision};

impl<R: CubeRuntime, B: BoolElement> Kernels for Backend<R, B> {
    fn supports(precision: Precision, device: &Self::Device) -> bool {
        precision == Precision::Full || tensor_cores::are_available::<R>(device)
    }

    fn forget_kept_memory(device: &Self::Device) {
        Self::memory_cleanup(device);
    }
}

impl<R: CubeRuntime, B: BoolElement> BatchKernels for Backend<R, B> {
    fn image_set(images: impl FnOnce() -> Images, device: &Self::Device) -> Option<Box<dyn ImageSet<Self>>> {
        Some(Box::new(CubeImageSet::<R>::new(images(), device)))
    }
}

impl<R: CubeRuntime, B: BoolElement> ElementwiseKernels for Backend<R, B> {
    fn activate(activation: Activation, preactivation: Tensor<Self, 3>) -> Activated<Self> {
        let values = Matrices::owned(preactivation);
        let slope = elementwise::activate(activation, &values);
        Activated { output: values.into_tensor(), slope: slope.into_tensor() }
    }

    fn scale(values: Tensor<Self, 3>, factors: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        let values = Matrices::owned(values);
        elementwise::scale(&values, &Matrices::of(factors));
        values.into_tensor()
    }

    fn dropout_factors(
        dropouts: &[LayerDropout],
        batch: usize,
        units: usize,
        device: &Self::Device,
    ) -> Tensor<Self, 3> {
        dropout::factors::<R>(dropouts, batch, units, device).into_tensor()
    }
}

impl<R: CubeRuntime, B: BoolElement> ProductKernels for Backend<R, B> {
    fn dense(
        input: &Input<Self>,
        weight: &Weights<Self>,
        bias: Option<&Tensor<Self, 3>>,
        precision: Precision,
    ) -> Tensor<Self, 3> {
        let (left, right) = (Matrices::of(&input.values), Matrices::of(&weight.values));
        let product = product_of(input, &left, &right, Factors::Plain, precision);
        product.output(bias.map(Matrices::of).as_ref()).into_tensor()
    }

    fn dense_activated(
        activation: Activation,
        input: &Input<Self>,
        weight: &Weights<Self>,
        bias: Option<&Tensor<Self, 3>>,
        precision: Precision,
    ) -> Activated<Self> {
        let (left, right) = (Matrices::of(&input.values), Matrices::of(&weight.values));
        let product = product_of(input, &left, &right, Factors::Plain, precision);
        let (output, slope) = product.activated(activation, bias.map(Matrices::of).as_ref());
        Activated { output: output.into_tensor(), slope: slope.into_tensor() }
    }

    fn dense_transposed(
        signal: &Tensor<Self, 3>,
        weight: &Weights<Self>,
        precision: Precision,
    ) -> Tensor<Self, 3> {
        let (left, right) = (Matrices::of(signal), Matrices::of(&weight.values));
        let trials = left.dims()[0].max(right.dims()[0]);
        let factors = Factors::RightTransposed;
        Product { left: &left, right: &right, sets: None, trials, factors, precision }
            .output(None)
            .into_tensor()
    }

    fn gram(values: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        Self::dense_transposed(values, &Weights::new(values.clone()), Precision::Full)
    }

    fn weights_inner_product(left: &Weights<Self>, right: &Weights<Self>) -> Tensor<Self, 1> {
        Self::inner_product(&left.values, &right.values)
    }

    fn weight_gradient(input: &Input<Self>, delta: &Tensor<Self, 3>, precision: Precision) -> Weights<Self> {
        let (left, right) = (Matrices::of(&input.values), Matrices::of(delta));
        let product = product_of(input, &left, &right, Factors::LeftTransposed, precision);
        Weights::new(product.output(None).into_tensor())
    }
}

impl<R: CubeRuntime, B: BoolElement> ReductionKernels for Backend<R, B> {
    fn bias_gradient(delta: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        reductions::sum_of_rows(&Matrices::of(delta)).into_tensor()
    }

    fn inner_product(left: &Tensor<Self, 3>, right: &Tensor<Self, 3>) -> Tensor<Self, 1> {
        numbers_tensor(reductions::inner_product(&Matrices::of(left), &Matrices::of(right)))
    }

    fn output_error(loss: Loss, logits: &Tensor<Self, 3>, target: &Tensor<Self, 3>) -> OutputError<Self> {
        let (loss, error, mistakes) =
            output_error::output_error(loss, &Matrices::of(logits), &Matrices::of(target));
        let [loss, mistakes] = [loss, mistakes].map(numbers_tensor);
        OutputError { loss, error: error.into_tensor(), mistakes: Some(mistakes) }
    }

    fn softmax_error(logits: Tensor<Self, 3>, target: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        let [_, batch, _] = logits.dims();
        Self::output_error(Loss::SoftmaxCrossEntropy, &logits, target).error.mul_scalar(batch as f64)
    }
}

impl<R: CubeRuntime, B: BoolElement> NormalizationKernels for Backend<R, B> {
    fn normalize(
        preactivation: Tensor<Self, 3>,
        scale: &Tensor<Self, 3>,
        shift: &Tensor<Self, 3>,
    ) -> (Tensor<Self, 3>, Normalized<Self>) {
        let values = Matrices::owned(preactivation);
        let [standardized, gain, mean, variance] =
            batch_norm::normalize(&values, &Matrices::of(scale), &Matrices::of(shift))
                .map(Matrices::into_tensor);
        (values.into_tensor(), Normalized { standardized, gain, mean, variance })
    }

    fn normalization_delta(normalized: &Normalized<Self>, signal: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        let [signal, standardized, gain] =
            [signal, &normalized.standardized, &normalized.gain].map(Matrices::of);
        batch_norm::delta(&signal, &standardized, &gain).into_tensor()
    }

    fn normalization_gradients(
        normalized: &Normalized<Self>,
        signal: &Tensor<Self, 3>,
    ) -> [Tensor<Self, 3>; 2] {
        let [signal, standardized] = [signal, &normalized.standardized].map(Matrices::of);
        batch_norm::gradients(&signal, &standardized).map(Matrices::into_tensor)
    }
}

impl<R: CubeRuntime, B: BoolElement> RowKernels for Backend<R, B> {}

impl<R: CubeRuntime, B: BoolElement> UpdateKernels for Backend<R, B> {
    fn learn_weights(
        updates: Vec<WeightUpdate<'_, Self>>,
        step: &OptimizerStep<Self>,
        precision: Precision,
    ) -> Vec<Parameter<Weights<Self>>> {
        let settings = Settings::of(step);
        updates
            .into_iter()
            .map(|WeightUpdate { weight, input, delta }| {
                let (left, right) = (Matrices::of(&input.values), Matrices::of(delta));
                let product = product_of(input, &left, &right, Factors::LeftTransposed, precision);
                let state = State::take(weight.map(|weights| weights.values));
                state.learn_product(product, &settings);
                state.give().map(Weights::new)
            })
            .collect()
    }

    fn learn(
        parameter: Parameter<Tensor<Self, 3>>,
        gradient: Tensor<Self, 3>,
        step: &OptimizerStep<Self>,
    ) -> Parameter<Tensor<Self, 3>> {
        let state = State::take(parameter);
        state.learn(&Matrices::take(gradient), &Settings::of(step));
        state.give()
    }
}

/// Returns a product whose left factor is `input`; `left` is the matrices of its values.
fn product_of<'a, R: CubeRuntime, B: BoolElement>(
    input: &Input<Backend<R, B>>,
    left: &'a Matrices<R>,
    right: &'a Matrices<R>,
    factors: Factors,
    precision: Precision,
) -> Product<'a, R> {
    let sets = input.sets.as_ref().map(|sets| sets.on_device().clone().into_primitive().into_tensor_arg());
    let trials = input.sets.as_ref().map_or(left.dims()[0], |sets| sets.of_trials().len());
    Product { left, right, sets, trials: trials.max(right.dims()[0]), factors, precision }
}

#[cfg(all(test, any(feature = "cuda", feature = "wgpu")))]
mod tests;
