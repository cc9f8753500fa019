//! Weight matrices in the layout that a backend's products read.

use std::ops::Range;

use burn::tensor::{Int, Tensor, backend::Backend};

use crate::{Kernels, PerTrial, part};

/// The weight matrices of a population.
#[derive(Clone, Debug)]
pub struct Weights<B: Backend> {
    /// The values, `[trials, inputs, columns]` in the backend's order. There may be more columns than outputs, whose values are no
    /// weights: values can be scaled and added, but not looked up or summed.
    pub values: Tensor<B, 3>,
    outputs: usize,
}

impl<B: Kernels> Weights<B> {
    /// Creates weights from `[trials, inputs, outputs]` in row-major order.
    pub fn new(plain: Tensor<B, 3>) -> Self {
        let [_, _, outputs] = plain.dims();
        Self { values: B::arranged(plain), outputs }
    }

    /// Returns the values in row-major order, `[trials, inputs, outputs]`.
    pub fn plain(&self) -> Tensor<B, 3> {
        B::plain(self.values.clone(), self.outputs)
    }
}

impl<B: Backend> Weights<B> {
    /// Creates weights from values that are in the backend's order already.
    pub(crate) fn of_arranged(values: Tensor<B, 3>, outputs: usize) -> Self {
        Self { values, outputs }
    }

    /// Returns `[trials, inputs, outputs]`.
    pub fn dims(&self) -> [usize; 3] {
        let [trials, inputs, _] = self.values.dims();
        [trials, inputs, self.outputs]
    }

    /// Returns the weights of some `trials`, or the only ones if all trials share them.
    pub fn part(&self, trials: &Range<usize>) -> Self {
        Self { values: part(&self.values, trials), ..*self }
    }

    /// Returns weights of the same shape with other values, which are in the backend's order.
    pub fn with_values(&self, values: Tensor<B, 3>) -> Self {
        Self { values, ..*self }
    }
}

impl<B: Backend> Weights<B> {
    /// Adds the L2 term of `weight` to the gradient of `weight`; `decay` holds the coefficient of each trial, `[trials, 1, 1]`.
    pub fn with_decay(self, weight: &Self, decay: Option<&Tensor<B, 3>>) -> Self {
        match decay {
            Some(decay) => {
                let of_decay = weight.values.clone() * decay.clone();
                Self { values: self.values + of_decay, ..self }
            }
            None => self,
        }
    }
}

impl<B: Backend> PerTrial for Weights<B> {
    type Backend = B;

    fn zeros_like(&self) -> Self {
        self.with_values(self.values.zeros_like())
    }

    fn select(self, positions: &Tensor<B, 1, Int>) -> Self {
        Self { values: PerTrial::select(self.values, positions), ..self }
    }
}
