//! Operations on the rows of matrices, which rules need that treat some examples of a batch differently.

use std::ops::Range;

use burn::tensor::{Tensor, backend::Backend};

/// The number that is added to a root mean square before values are divided by it.
pub const ROOT_EPSILON: f64 = 1e-8;

/// Operations on rows, with bodies in plain tensor operations.
pub trait RowKernels: Backend {
    /// Divides the values of each row by their root mean square, `[trials, rows, columns]`.
    fn divide_by_root_mean_square(values: Tensor<Self, 3>) -> Tensor<Self, 3> {
        let root = (values.clone() * values.clone()).mean_dim(2).sqrt().add_scalar(ROOT_EPSILON);
        values / root
    }

    /// Returns the sum of the squares of each row: `[trials, rows, columns]` gives `[trials, rows, 1]`.
    fn square_sums(values: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        (values.clone() * values.clone()).sum_dim(2)
    }

    /// Returns some `rows` of each trial, `[trials, rows, columns]`.
    fn rows(values: &Tensor<Self, 3>, rows: Range<usize>) -> Tensor<Self, 3> {
        let [trials, all, columns] = values.dims();
        let is_whole = rows == (0..all);
        if is_whole { values.clone() } else { values.clone().slice([0..trials, rows, 0..columns]) }
    }

    /// Multiplies each row by a factor, `[trials, rows, 1]`.
    fn scale_rows(values: Tensor<Self, 3>, factors: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        values * factors.clone()
    }

    /// Adds `added`, `[trials, 1, columns]`, to the first `count` rows.
    fn add_to_first_rows(values: Tensor<Self, 3>, added: &Tensor<Self, 3>, count: usize) -> Tensor<Self, 3> {
        let [_, rows, _] = values.dims();
        let first = Self::rows(&values, 0..count) + added.clone();
        Tensor::cat(vec![first, Self::rows(&values, count..rows)], 1)
    }

    /// Returns `columns` of some matrices next to each other. Each is `[trials or 1, rows, columns]`, where the rows of one with fewer than
    /// the others are repeated.
    fn join_columns(parts: &[(&Tensor<Self, 3>, Range<usize>)]) -> Tensor<Self, 3> {
        let largest = |axis: usize| parts.iter().map(|(part, _)| part.dims()[axis]).max().unwrap_or(0);
        let (trials, rows) = (largest(0), largest(1));
        let parts = parts.iter().map(|(part, columns)| {
            let [own_trials, own_rows, _] = part.dims();
            let part = (*part).clone().slice([0..own_trials, 0..own_rows, columns.clone()]);
            repeated(repeated(part, 0, trials / own_trials), 1, rows / own_rows)
        });
        Tensor::cat(parts.collect(), 2)
    }
}

/// Returns `values` with an axis that is repeated, without a copy if it is there once.
fn repeated<B: Backend>(values: Tensor<B, 3>, axis: usize, times: usize) -> Tensor<B, 3> {
    if times == 1 { values } else { values.repeat_dim(axis, times) }
}
