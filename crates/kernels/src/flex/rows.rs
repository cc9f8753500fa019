//! Operations on rows: each row is worked on by one thread.

use std::ops::Range;

use burn::tensor::Tensor;
use burn_flex::Flex;
use cpu::{inner_product, vectorized};

use super::{CHUNK, Operand, buffers::tensor_to_fill, owned, tensor};
use crate::rows::{ROOT_EPSILON, RowKernels};

impl RowKernels for Flex {
    fn divide_by_root_mean_square(values: Tensor<Self, 3>) -> Tensor<Self, 3> {
        let [_, _, columns] = values.dims();
        let mut output = owned(values);
        share_rows(output.storage_mut::<f32>(), columns, |_, row| {
            let mean = (inner_product(row, row) / columns as f64) as f32;
            divide(row, mean.sqrt() + ROOT_EPSILON as f32);
        });
        tensor(output)
    }

    fn square_sums(values: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        let [trials, rows, columns] = values.dims();
        let values = Operand::of(values);
        let mut sums = tensor_to_fill([trials, rows, 1]);
        threads::share_chunks(sums.storage_mut::<f32>(), rows_together(columns), |index, sums| {
            let first = index * rows_together(columns);
            for (row, sum) in (first..).zip(sums) {
                let row = &values.values()[row * columns..][..columns];
                *sum = inner_product(row, row) as f32;
            }
        });
        tensor(sums)
    }

    fn rows(values: &Tensor<Self, 3>, rows: Range<usize>) -> Tensor<Self, 3> {
        let [trials, all, columns] = values.dims();
        if rows == (0..all) {
            return values.clone();
        }
        let values = Operand::of(values);
        let count = rows.len();
        let mut output = tensor_to_fill([trials, count, columns]);
        share_rows(output.storage_mut::<f32>(), columns, |index, row| {
            let source = index / count * all + rows.start + index % count;
            row.copy_from_slice(&values.values()[source * columns..][..columns]);
        });
        tensor(output)
    }

    fn scale_rows(values: Tensor<Self, 3>, factors: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        let [trials, rows, columns] = values.dims();
        assert_eq!(factors.dims(), [trials, rows, 1], "each row has a factor");
        let factors = Operand::of(factors);
        let mut output = owned(values);
        share_rows(output.storage_mut::<f32>(), columns, |index, row| multiply(row, factors.values()[index]));
        tensor(output)
    }

    fn add_to_first_rows(values: Tensor<Self, 3>, added: &Tensor<Self, 3>, count: usize) -> Tensor<Self, 3> {
        let [trials, rows, columns] = values.dims();
        assert_eq!(added.dims(), [trials, 1, columns], "each trial has a row to add");
        let added = Operand::of(added);
        let mut output = owned(values);
        share_rows(output.storage_mut::<f32>(), columns, |index, row| {
            if index % rows < count {
                add(row, added.trial(index / rows));
            }
        });
        tensor(output)
    }

    fn join_columns(parts: &[(&Tensor<Self, 3>, Range<usize>)]) -> Tensor<Self, 3> {
        let largest = |axis: usize| parts.iter().map(|(part, _)| part.dims()[axis]).max().unwrap_or(0);
        let (trials, rows) = (largest(0), largest(1));
        let operands: Vec<(Operand, &Range<usize>)> =
            parts.iter().map(|(part, columns)| (Operand::of(part), columns)).collect();
        let columns = operands.iter().map(|(_, columns)| columns.len()).sum();
        let mut output = tensor_to_fill([trials, rows, columns]);
        share_rows(output.storage_mut::<f32>(), columns, |index, mut row| {
            let (trial, index) = (index / rows, index % rows);
            for (operand, columns) in &operands {
                let (target, rest) = row.split_at_mut(columns.len());
                let source = &operand.trial(trial)[index % operand.rows * operand.columns..];
                target.copy_from_slice(&source[(*columns).clone()]);
                row = rest;
            }
        });
        tensor(output)
    }
}

/// Returns the number of rows that are worth sharing with another core.
fn rows_together(columns: usize) -> usize {
    CHUNK.div_ceil(columns.max(1))
}

/// Calls `work` with each row of `values` and its index.
fn share_rows(values: &mut [f32], columns: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    let together = rows_together(columns);
    threads::share_chunks(values, (together * columns).max(1), |index, rows| {
        for (row, values) in (index * together..).zip(rows.chunks_exact_mut(columns)) {
            work(row, values);
        }
    });
}

vectorized! {
    fn divide<'a>(values: &'a mut [f32], divisor: f32) {
        for value in values {
            *value /= divisor;
        }
    }
}

vectorized! {
    fn multiply<'a>(values: &'a mut [f32], factor: f32) {
        for value in values {
            *value *= factor;
        }
    }
}

vectorized! {
    fn add<'a>(values: &'a mut [f32], added: &'a [f32]) {
        for (value, added) in values.iter_mut().zip(added) {
            *value += added;
        }
    }
}
