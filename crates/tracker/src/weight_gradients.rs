//! Cosines and norms of weight gradients, without the gradients themselves where that is cheaper.
//!
//! With inputs X `[batch, inputs]` and deltas A and B `[batch, units]`, the weight gradients are X^T A and X^T B, and
//! `<X^T A, X^T B> = <(X X^T) A, B>`: three products with a side of `batch` instead of two of `inputs` by `units`.
//!
//! Everything is divided by its largest absolute value before it is squared, so that the square of a gradient that single
//! precision holds neither vanishes nor overflows.

use burn::tensor::Tensor;
use kernels::{Input, Kernels, Weights};
use settings::Precision;

/// The space of the weight gradients of one layer in one step.
pub(crate) struct GradientSpace<'a, B: Kernels> {
    input: &'a Input<B>,
    /// The term that weight decay adds to every gradient's values.
    decay: Option<Tensor<B, 3>>,
    /// Absent where gradients are computed.
    gram: Option<Gram<B>>,
}

/// The products of the examples of a batch with each other, of inputs that were divided by their largest value.
struct Gram<B: Kernels> {
    /// `X X^T`, `[batch, batch]` of each trial.
    products: Input<B>,
    /// The largest absolute value of each trial's inputs, `[trials or 1, 1, 1]`.
    largest: Tensor<B, 3>,
}

/// A weight gradient, divided by a number.
pub(crate) struct WeightGradient<B: Kernels> {
    direction: Direction<B>,
    /// The number that it was divided by, `[trials]`.
    scale: Tensor<B, 1>,
}

/// A vector, or the factors of its inner products: the left one of one vector meets the right one of the other.
enum Direction<B: Kernels> {
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
        let gram = (weight_decay.is_none() && is_cheaper).then(|| Gram::new(input));
        Self { gram, ..Self::of_gradients(input, weight, weight_decay) }
    }

    /// Creates the space in which gradients are computed, for those that meet gradients with another input.
    pub(crate) fn of_gradients(
        input: &'a Input<B>,
        weight: &Weights<B>,
        weight_decay: Option<&Tensor<B, 3>>,
    ) -> Self {
        Self { input, decay: weight_decay.map(|decay| weight.values.clone() * decay.clone()), gram: None }
    }

    /// Returns the weight gradient that belongs to `delta` (`[trials, batch, units]`), weight decay included.
    pub(crate) fn gradient(&self, delta: &Tensor<B, 3>) -> WeightGradient<B> {
        if let Some(Gram { products, largest }) = &self.gram {
            let (delta, scale) = divided_by_largest(delta.clone());
            return WeightGradient {
                direction: Direction::Factors {
                    left: B::dense(products, &Weights::new(delta.clone()), None, Precision::Full),
                    right: delta,
                },
                scale: (scale * largest.clone()).flatten(0, 2),
            };
        }
        let gradient = B::weight_gradient(self.input, delta, Precision::Full);
        let values = match &self.decay {
            Some(decay) => gradient.values.clone() + decay.clone(),
            None => gradient.values.clone(),
        };
        let (values, scale) = divided_by_largest(values);
        let direction = Direction::Computed(gradient.with_values(values));
        WeightGradient { direction, scale: scale.flatten(0, 2) }
    }
}

impl<B: Kernels> Gram<B> {
    fn new(input: &Input<B>) -> Self {
        let (values, largest) = divided_by_largest(input.values.clone());
        let products = Input { values: B::gram(&values), sets: input.sets.clone() };
        let largest = Input { values: largest, sets: input.sets.clone() };
        Self { products, largest: largest.per_trial() }
    }
}

impl<B: Kernels> WeightGradient<B> {
    /// Returns the cosine of the angle to a gradient of the same space, `[trials]`; see [`cosine`].
    pub(crate) fn cosine(&self, other: &Self) -> Tensor<B, 1> {
        let inner_product = self.direction.inner_product(&other.direction);
        cosine(inner_product, self.direction.norm(), other.direction.norm())
    }

    /// Returns the Frobenius norm of each trial, `[trials]`.
    pub(crate) fn norm(&self) -> Tensor<B, 1> {
        self.direction.norm() * self.scale.clone()
    }
}

impl<B: Kernels> Direction<B> {
    fn inner_product(&self, other: &Self) -> Tensor<B, 1> {
        match (self, other) {
            (Self::Computed(left), Self::Computed(right)) => B::weights_inner_product(left, right),
            (Self::Factors { left, .. }, Self::Factors { right, .. }) => B::inner_product(left, right),
            _ => unreachable!("a space computes all of its gradients or none"),
        }
    }

    fn norm(&self) -> Tensor<B, 1> {
        // Rounding can make the square of a vanishing gradient negative. `clamp` turns NaN into a number.
        let square = self.inner_product(self);
        square.clone().mask_fill(square.lower_elem(0.0), 0.0).sqrt()
    }
}

/// Divides the values of each trial by the largest absolute one and returns that, too, `[trials, 1, 1]`; 1 where all are zero.
fn divided_by_largest<B: Kernels>(values: Tensor<B, 3>) -> (Tensor<B, 3>, Tensor<B, 3>) {
    let largest = values.clone().abs().max_dim(2).max_dim(1);
    let largest = largest.clone().mask_fill(largest.equal_elem(0.0), 1.0);
    (values / largest.clone(), largest)
}

/// Returns the cosine of the angle between two vectors, from their inner product and their norms, all `[trials]`. It is
/// infinite where a vector is zero, which has no angle.
pub(crate) fn cosine<B: Kernels>(
    inner_product: Tensor<B, 1>,
    left_norm: Tensor<B, 1>,
    right_norm: Tensor<B, 1>,
) -> Tensor<B, 1> {
    let is_zero = left_norm.clone().equal_elem(0.0).bool_or(right_norm.clone().equal_elem(0.0));
    (inner_product / left_norm / right_norm).mask_fill(is_zero, f32::INFINITY)
}

/// Returns the cosine of the angle between two vectors of each trial, `[trials]`; see [`cosine`].
pub(crate) fn cosine_between<B: Kernels>(left: &Tensor<B, 3>, right: &Tensor<B, 3>) -> Tensor<B, 1> {
    let [left, right] = [left, right].map(|values| divided_by_largest(values.clone()).0);
    cosine(B::inner_product(&left, &right), norm(&left), norm(&right))
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

    fn host(values: Tensor<Flex, 1>) -> Vec<f32> {
        values.into_data().into_vec().expect("f32")
    }

    #[test]
    fn a_gradient_that_is_not_computed_has_the_same_norm_and_cosine() {
        let weight = Weights::new(random([2, 90, 70], 0));
        for (input_trials, size) in [(1, 1.0), (2, 1.0), (2, 1e-18), (2, 1e18)] {
            let input = (random([input_trials, 12, 90], 1) * size).into();
            let deltas = [random([2, 12, 70], 2) * size, random([2, 12, 70], 3)];
            let space = GradientSpace::new(&input, &weight, None, 2);
            assert!(space.gram.is_some(), "a batch of 12 is small");
            let computed = GradientSpace { gram: None, ..GradientSpace::new(&input, &weight, None, 2) };
            let values = |space: &GradientSpace<'_, Flex>| -> Vec<f32> {
                let [one, other] = deltas.each_ref().map(|delta| space.gradient(delta));
                let values = [one.cosine(&other), other.cosine(&one), one.norm(), other.norm()];
                values.into_iter().flat_map(host).collect()
            };
            for (got, wanted) in values(&space).iter().zip(values(&computed)) {
                assert!((got - wanted).abs() <= 1e-3 * wanted.abs(), "{got} {wanted} at {size}");
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

    /// Vectors whose squares single precision does not hold.
    #[test]
    fn a_vector_and_its_multiple_have_cosine_one_at_any_size() {
        for size in [1e-37, 1e-20, 1.0, 1e30] {
            let left = random([2, 3, 4], 0);
            for cosine in host(cosine_between(&(left.clone() * size), &(left * 0.5))) {
                assert!((cosine - 1.0).abs() < 1e-6, "{cosine} at {size}");
            }
        }
    }

    #[test]
    fn a_cosine_with_a_zero_vector_is_infinite_and_nan_stays_nan() {
        let of = |inner: f32, left: f32, right: f32| {
            let scalar = |value: f32| Tensor::<Flex, 1>::from_data([value], &Default::default());
            cosine(scalar(inner), scalar(left), scalar(right)).into_scalar()
        };
        assert_eq!(of(0.0, 0.0, 2.0), f32::INFINITY);
        assert_eq!(of(0.0, 2.0, 0.0), f32::INFINITY);
        assert_eq!(of(6.0, 3.0, 2.0), 1.0);
        assert!(of(f32::NAN, f32::NAN, 1.0).is_nan());
    }
}
