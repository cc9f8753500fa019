//! Trainable values with the optimizer's state.

use burn::tensor::{Int, Tensor, backend::Backend};
use settings::OptimizerKind;

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

/// A trainable `value`: [`Weights`](crate::Weights), or a `[trials, 1, units]` tensor.
#[derive(Clone, Debug)]
pub struct Parameter<T> {
    pub value: T,
    /// The optimizer's state, in the order of [`OptimizerKind::states`]: values of the parameter's shape.
    pub states: Vec<T>,
}

impl<T: PerTrial> Parameter<T> {
    /// Creates a parameter whose state is zero.
    pub fn new(value: T, optimizer: OptimizerKind) -> Self {
        let zeros = value.zeros_like();
        Self { value, states: vec![zeros; optimizer.states().len()] }
    }

    /// Keeps only the trials at `positions`, in that order.
    pub fn select(self, positions: &Tensor<T::Backend, 1, Int>) -> Self {
        self.map(|values| values.select(positions))
    }
}

impl<T> Parameter<T> {
    /// Applies `function` to the value and to each state.
    pub(crate) fn map<U>(self, function: impl Fn(T) -> U) -> Parameter<U> {
        let Self { value, states } = self;
        Parameter { value: function(value), states: states.into_iter().map(function).collect() }
    }
}
