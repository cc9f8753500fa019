//! Inner products of weight gradients that are not formed where that is cheaper.
//!
//! With inputs X `[batch, inputs]` and deltas A and B `[batch, units]`, the weight gradients are X^T A and X^T B, and
//! `<X^T A, X^T B> = <(X X^T) A, B>`: three products with a side of `batch` instead of two of `inputs` by `units`.

use burn::tensor::Tensor;
use model::{Input, Kernels};
use settings::Precision;

/// Where the weight gradients of one layer live, in one step.
pub(crate) struct GradientSpace<'a, B: Kernels> {
    input: &'a Input<B>,
    /// What weight decay adds to every gradient, `[trials, inputs, units]`.
    decay: Option<Tensor<B, 3>>,
    /// `X X^T`, `[batch, batch]` of each trial; absent where gradients are formed.
    gram: Option<Input<B>>,
}

/// A weight gradient, or what stands for it in inner products.
pub(crate) struct WeightGradient<B: Kernels> {
    left: Tensor<B, 3>,
    right: Tensor<B, 3>,
}

impl<'a, B: Kernels> GradientSpace<'a, B> {
    /// Of a layer with `input` (`[batch, inputs]` of each trial) and `weight` (`[trials, inputs, units]`), for so many
    /// `gradients`.
    pub(crate) fn new(
        input: &'a Input<B>,
        weight: &Tensor<B, 3>,
        weight_decay: Option<&Tensor<B, 3>>,
        gradients: usize,
    ) -> Self {
        let [_, batch, inputs] = input.values.dims();
        let [_, _, units] = weight.dims();
        let is_cheaper = batch * (inputs + gradients * units) < gradients * inputs * units;
        let gram = (weight_decay.is_none() && is_cheaper).then(|| Input {
            values: B::dense_transposed(&input.values, &input.values, Precision::Full),
            sets: input.sets.clone(),
        });
        Self { input, decay: weight_decay.map(|decay| weight.clone() * decay.clone()), gram }
    }

    /// The gradient that `delta` (`[trials, batch, units]`) stands for, weight decay included.
    pub(crate) fn gradient(&self, delta: &Tensor<B, 3>) -> WeightGradient<B> {
        if let Some(gram) = &self.gram {
            return WeightGradient {
                left: B::dense(gram, delta, None, Precision::Full),
                right: delta.clone(),
            };
        }
        let gradient = B::weight_gradient(self.input, delta, Precision::Full);
        let gradient = match &self.decay {
            Some(decay) => gradient + decay.clone(),
            None => gradient,
        };
        WeightGradient { left: gradient.clone(), right: gradient }
    }
}

impl<B: Kernels> WeightGradient<B> {
    /// `[trials]`.
    pub(crate) fn inner_product(&self, other: &Self) -> Tensor<B, 1> {
        B::inner_product(&self.left, &other.right)
    }

    /// The Frobenius norm, `[trials]`.
    pub(crate) fn norm(&self) -> Tensor<B, 1> {
        // Rounding can take the square of a gradient that vanishes below zero. `clamp` turns NaN into a number.
        let square = self.inner_product(self);
        square.clone().mask_fill(square.lower_elem(0.0), 0.0).sqrt()
    }
}

/// Norms below this one count as this one, as in the golden vectors: the cosine with a vector that vanishes is 0.
const SMALLEST_NORM: f64 = 1e-6;

/// The cosine of the angle between two vectors, from their inner product and their norms, all `[trials]`.
pub(crate) fn cosine<B: Kernels>(
    inner_product: Tensor<B, 1>,
    left_norm: Tensor<B, 1>,
    right_norm: Tensor<B, 1>,
) -> Tensor<B, 1> {
    let at_least = |norm: Tensor<B, 1>| norm.clone().mask_fill(norm.lower_elem(SMALLEST_NORM), SMALLEST_NORM);
    inner_product / at_least(left_norm) / at_least(right_norm)
}

/// The Frobenius norm over everything but the trials, `[trials]`.
pub(crate) fn norm<B: Kernels>(values: &Tensor<B, 3>) -> Tensor<B, 1> {
    B::inner_product(values, values).sqrt()
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use burn_flex::Flex;
    use model::ProductKernels;

    use super::*;

    fn random(shape: [usize; 3], index: u64) -> Tensor<Flex, 3> {
        let mut stream = random::stream(3, "test", &[index]);
        let values: Vec<f32> =
            (0..shape.iter().product()).map(|_| random::uniform(&mut stream) - 0.5).collect();
        Tensor::from_data(TensorData::new(values, shape), &Default::default())
    }

    #[test]
    fn a_gradient_that_is_not_formed_has_the_same_inner_products() {
        let weight = random([2, 90, 70], 0);
        for input_trials in [1, 2] {
            let input = random([input_trials, 12, 90], 1).into();
            let deltas = [random([2, 12, 70], 2), random([2, 12, 70], 3)];
            let space = GradientSpace::new(&input, &weight, None, 2);
            assert!(space.gram.is_some(), "a batch of 12 is small");
            let formed = GradientSpace { gram: None, ..GradientSpace::new(&input, &weight, None, 2) };
            let products = |space: &GradientSpace<'_, Flex>| -> Vec<f32> {
                let [one, other] = deltas.each_ref().map(|delta| space.gradient(delta));
                let tensors = vec![one.inner_product(&other), other.inner_product(&one), one.norm()];
                Tensor::cat(tensors, 0).into_data().into_vec().expect("f32")
            };
            for (got, wanted) in products(&space).iter().zip(products(&formed)) {
                assert!((got - wanted).abs() <= 1e-4 * wanted.abs().max(1.0), "{got} {wanted}");
            }
        }
    }

    #[test]
    fn weight_decay_and_large_batches_form_the_gradient() {
        let (input, weight) = (random([1, 64, 9], 0).into(), random([1, 9, 7], 1));
        assert!(GradientSpace::new(&input, &weight, None, 2).gram.is_none());
        let input = random([1, 2, 9], 0).into();
        let decay = Tensor::full([1, 1, 1], 0.5, &Default::default());
        let space = GradientSpace::new(&input, &weight, Some(&decay), 2);
        let delta = random([1, 2, 7], 2);
        let wanted = Flex::weight_gradient(&input, &delta, Precision::Full) + weight.clone().mul_scalar(0.5);
        let [got, wanted] = [space.gradient(&delta).norm(), norm(&wanted)].map(Tensor::into_scalar);
        assert!((got - wanted).abs() <= 1e-5 * wanted, "{got} {wanted}");
    }

    #[test]
    fn what_vanishes_has_cosine_zero_and_what_is_no_number_stays_none() {
        let of = |inner: f32, left: f32, right: f32| {
            let scalar = |value: f32| Tensor::<Flex, 1>::from_data([value], &Default::default());
            cosine(scalar(inner), scalar(left), scalar(right)).into_scalar()
        };
        assert_eq!(of(0.0, 0.0, 2.0), 0.0);
        assert_eq!(of(6.0, 3.0, 2.0), 1.0);
        assert!(of(f32::NAN, f32::NAN, 1.0).is_nan());
    }
}
