//! Inner products of weight gradients, without the gradients themselves where that is cheaper.
//!
//! With inputs X `[batch, inputs]` and deltas A and B `[batch, units]`, the weight gradients are X^T A and X^T B, and
//! `<X^T A, X^T B> = <(X X^T) A, B>`: three products with a side of `batch` instead of two of `inputs` by `units`.

use burn::tensor::Tensor;
use kernels::{Input, Kernels, Weights};
use settings::Precision;

/// The space of the weight gradients of one layer in one step.
pub(crate) struct GradientSpace<'a, B: Kernels> {
    input: &'a Input<B>,
    /// The term that weight decay adds to every gradient's values.
    decay: Option<Tensor<B, 3>>,
    /// `X X^T`, `[batch, batch]` of each trial; absent where gradients are computed.
    gram: Option<Input<B>>,
}

/// A weight gradient, or the factors of its inner products: the left one of one gradient meets the right one of the other.
pub(crate) enum WeightGradient<B: Kernels> {
    Computed(Weights<B>),
    Factors { left: Tensor<B, 3>, right: Tensor<B, 3> },
}

impl<'a, B: Kernels> GradientSpace<'a, B> {
    /// Creates the space of a layer with `input` (`[batch, inputs]` of each trial) and `weight` (`[trials, inputs, units]`)
    /// for this number of `gradients`.
    pub(crate) fn new(
        input: &'a Input<B>,
        weight: &Weights<B>,
        weight_decay: Option<&Tensor<B, 3>>,
        gradients: usize,
    ) -> Self {
        let [_, batch, inputs] = input.values.dims();
        let [_, _, units] = weight.dims();
        let is_cheaper = batch * (inputs + gradients * units) < gradients * inputs * units;
        let gram = (weight_decay.is_none() && is_cheaper)
            .then(|| Input { values: B::gram(&input.values), sets: input.sets.clone() });
        Self { input, decay: weight_decay.map(|decay| weight.values.clone() * decay.clone()), gram }
    }

    /// Returns the weight gradient that belongs to `delta` (`[trials, batch, units]`), weight decay included.
    pub(crate) fn gradient(&self, delta: &Tensor<B, 3>) -> WeightGradient<B> {
        if let Some(gram) = &self.gram {
            return WeightGradient::Factors {
                left: B::dense(gram, &Weights::new(delta.clone()), None, Precision::Full),
                right: delta.clone(),
            };
        }
        let gradient = B::weight_gradient(self.input, delta, Precision::Full);
        WeightGradient::Computed(match &self.decay {
            Some(decay) => gradient.with_values(gradient.values.clone() + decay.clone()),
            None => gradient,
        })
    }
}

impl<B: Kernels> WeightGradient<B> {
    /// Returns the inner product of each trial with a gradient of the same space, `[trials]`.
    pub(crate) fn inner_product(&self, other: &Self) -> Tensor<B, 1> {
        match (self, other) {
            (Self::Computed(left), Self::Computed(right)) => B::weights_inner_product(left, right),
            (Self::Factors { left, .. }, Self::Factors { right, .. }) => B::inner_product(left, right),
            _ => unreachable!("a space computes all of its gradients or none"),
        }
    }

    /// Returns the Frobenius norm of each trial, `[trials]`.
    pub(crate) fn norm(&self) -> Tensor<B, 1> {
        // Rounding can make the square of a vanishing gradient negative. `clamp` turns NaN into a number.
        let square = self.inner_product(self);
        square.clone().mask_fill(square.lower_elem(0.0), 0.0).sqrt()
    }
}

/// The smallest norm that a cosine divides by, as in the golden vectors: the cosine with a vanishing vector is 0.
const SMALLEST_NORM: f64 = 1e-6;

/// Returns the cosine of the angle between two vectors, from their inner product and their norms, all `[trials]`.
pub(crate) fn cosine<B: Kernels>(
    inner_product: Tensor<B, 1>,
    left_norm: Tensor<B, 1>,
    right_norm: Tensor<B, 1>,
) -> Tensor<B, 1> {
    let [left_norm, right_norm] = [left_norm, right_norm]
        .map(|norm| norm.clone().mask_fill(norm.lower_elem(SMALLEST_NORM), SMALLEST_NORM));
    inner_product / left_norm / right_norm
}

/// Returns the Frobenius norm of weights, `[trials]`.
pub(crate) fn norm_of_weights<B: Kernels>(weights: &Weights<B>) -> Tensor<B, 1> {
    B::weights_inner_product(weights, weights).sqrt()
}

/// Returns the Frobenius norm over everything but the trials, `[trials]`.
pub(crate) fn norm<B: Kernels>(values: &Tensor<B, 3>) -> Tensor<B, 1> {
    B::inner_product(values, values).sqrt()
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use burn_flex::Flex;
    use kernels::ProductKernels;

    use super::*;

    fn random(shape: [usize; 3], index: u64) -> Tensor<Flex, 3> {
        let mut stream = random::stream(3, "test", &[index]);
        let values: Vec<f32> =
            (0..shape.iter().product()).map(|_| random::uniform(&mut stream) - 0.5).collect();
        Tensor::from_data(TensorData::new(values, shape), &Default::default())
    }

    #[test]
    fn a_gradient_that_is_not_computed_has_the_same_inner_products() {
        let weight = Weights::new(random([2, 90, 70], 0));
        for input_trials in [1, 2] {
            let input = random([input_trials, 12, 90], 1).into();
            let deltas = [random([2, 12, 70], 2), random([2, 12, 70], 3)];
            let space = GradientSpace::new(&input, &weight, None, 2);
            assert!(space.gram.is_some(), "a batch of 12 is small");
            let computed = GradientSpace { gram: None, ..GradientSpace::new(&input, &weight, None, 2) };
            let products = |space: &GradientSpace<'_, Flex>| -> Vec<f32> {
                let [one, other] = deltas.each_ref().map(|delta| space.gradient(delta));
                let tensors = vec![one.inner_product(&other), other.inner_product(&one), one.norm()];
                Tensor::cat(tensors, 0).into_data().into_vec().expect("f32")
            };
            for (got, wanted) in products(&space).iter().zip(products(&computed)) {
                assert!((got - wanted).abs() <= 1e-4 * wanted.abs().max(1.0), "{got} {wanted}");
            }
        }
    }

    #[test]
    fn with_weight_decay_or_a_large_batch_the_gradient_is_computed() {
        let (input, weight) = (random([1, 64, 9], 0).into(), Weights::new(random([1, 9, 7], 1)));
        assert!(GradientSpace::new(&input, &weight, None, 2).gram.is_none());
        let input = random([1, 2, 9], 0).into();
        let decay = Tensor::full([1, 1, 1], 0.5, &Default::default());
        let space = GradientSpace::new(&input, &weight, Some(&decay), 2);
        let delta = random([1, 2, 7], 2);
        let wanted =
            Flex::weight_gradient(&input, &delta, Precision::Full).values + weight.values.mul_scalar(0.5);
        let [got, wanted] = [space.gradient(&delta).norm(), norm(&wanted)].map(Tensor::into_scalar);
        assert!((got - wanted).abs() <= 1e-5 * wanted, "{got} {wanted}");
    }

    #[test]
    fn a_vanishing_vector_has_cosine_zero_and_nan_stays_nan() {
        let of = |inner: f32, left: f32, right: f32| {
            let scalar = |value: f32| Tensor::<Flex, 1>::from_data([value], &Default::default());
            cosine(scalar(inner), scalar(left), scalar(right)).into_scalar()
        };
        assert_eq!(of(0.0, 0.0, 2.0), 0.0);
        assert_eq!(of(6.0, 3.0, 2.0), 1.0);
        assert!(of(f32::NAN, f32::NAN, 1.0).is_nan());
    }
}
