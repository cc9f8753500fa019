//! Trainable values and Adam's moments.

use burn::tensor::{Int, Tensor, backend::Backend};

/// Values of each trial of a population.
pub trait PerTrial: Clone {
    type Backend: Backend;

    /// Returns zeros of the same shape.
    fn zeros_like(&self) -> Self;

    /// Keeps only the trials at `positions`, in that order.
    fn select(self, positions: &Tensor<Self::Backend, 1, Int>) -> Self;
}

impl<B: Backend> PerTrial for Tensor<B, 3> {
    type Backend = B;

    fn zeros_like(&self) -> Self {
        Self::zeros_like(self)
    }

    fn select(self, positions: &Tensor<B, 1, Int>) -> Self {
        Self::select(self, 0, positions.clone())
    }
}

/// A trainable `value` with the optimizer's state: [`Weights`](crate::Weights), or a `[trials, 1, units]` tensor.
#[derive(Clone, Debug)]
pub struct Parameter<T> {
    pub value: T,
    pub moments: Moments<T>,
}

/// Adam's moving averages of a gradient and of its square, each of the parameter's shape.
#[derive(Clone, Debug)]
pub struct Moments<T> {
    pub first: T,
    pub second: T,
}

impl<T: PerTrial> Parameter<T> {
    /// Creates a parameter whose moments are zero.
    pub fn new(value: T) -> Self {
        let zeros = value.zeros_like();
        Self { value, moments: Moments { first: zeros.clone(), second: zeros } }
    }

    /// Keeps only the trials at `positions`, in that order.
    pub fn select(self, positions: &Tensor<T::Backend, 1, Int>) -> Self {
        self.map(|values| values.select(positions))
    }
}

impl<T> Parameter<T> {
    /// Applies `function` to the value and to both moments.
    pub(crate) fn map<U>(self, function: impl Fn(T) -> U) -> Parameter<U> {
        let Self { value, moments: Moments { first, second } } = self;
        Parameter {
            value: function(value),
            moments: Moments { first: function(first), second: function(second) },
        }
    }
}
