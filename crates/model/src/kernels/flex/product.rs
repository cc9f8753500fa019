//! Matrix products, in blocks that threads can share.
//!
//! Neither the blocks nor the bits of a product depend on the number of threads.

use burn::tensor::Tensor;
use burn_flex::{Flex, FlexTensor};
use gemm::Parallelism;

use super::{
    Operand,
    buffers::tensor_to_fill,
    elementwise::{activate, add},
    shared::Shared,
    tensor,
};
use crate::{Activated, Input, ProductKernels};
use settings::{Activation, Precision};

/// Rows and columns of an output block. Narrower blocks are as fast; with fewer rows a weight is loaded too often.
pub(super) const OUTPUT_BLOCK: [usize; 2] = [128, 64];

impl ProductKernels for Flex {
    fn dense(
        input: &Input<Self>,
        weight: &Tensor<Self, 3>,
        bias: Option<&Tensor<Self, 3>>,
        _: Precision,
    ) -> Tensor<Self, 3> {
        let bias = bias.map(Operand::of);
        let output = product_of(&Operand::shared(input), &Operand::of(weight), |trial, _, column, values| {
            add_bias(bias.as_ref(), trial, column, values);
        });
        tensor(output)
    }

    fn dense_activated(
        activation: Activation,
        input: &Input<Self>,
        weight: &Tensor<Self, 3>,
        bias: Option<&Tensor<Self, 3>>,
        _: Precision,
    ) -> Activated<Self> {
        let [trials, _, units] = weight.dims();
        let batch = input.batch();
        let bias = bias.map(Operand::of);
        let mut slope = tensor_to_fill([trials, batch, units]);
        let slopes = Shared::new(slope.storage_mut::<f32>());
        let input = Operand::shared(input);
        let output = product_of(&input, &Operand::of(weight), |trial, row, column, values| {
            add_bias(bias.as_ref(), trial, column, values);
            // SAFETY: each part of the output is finished once, and the slopes have the output's shape.
            let slopes = unsafe { slopes.part((trial * batch + row) * units + column, values.len()) };
            activate(activation, values, slopes);
        });
        Activated { output: tensor(output), slope: tensor(slope) }
    }

    fn dense_transposed(signal: &Tensor<Self, 3>, weight: &Tensor<Self, 3>, _: Precision) -> Tensor<Self, 3> {
        tensor(product_of(&Operand::of(signal), &Operand::of(weight).transposed(), |_, _, _, _| ()))
    }

    fn weight_gradient(input: &Input<Self>, delta: &Tensor<Self, 3>, _: Precision) -> Tensor<Self, 3> {
        tensor(product_of(&Operand::shared(input).transposed(), &Operand::of(delta), |_, _, _, _| ()))
    }
}

fn add_bias(bias: Option<&Operand>, trial: usize, column: usize, values: &mut [f32]) {
    if let Some(bias) = bias {
        add(values, &bias.trial(trial)[column..][..values.len()]);
    }
}

/// Returns `left right` of every trial. Calls `finish(trial, row, column, values)` once for every part of a row, while it
/// is in cache.
fn product_of(
    left: &Operand,
    right: &Operand,
    finish: impl Fn(usize, usize, usize, &mut [f32]) + Sync,
) -> FlexTensor {
    let (rows, columns, trials) = (left.rows, right.columns, left.trials.max(right.trials));
    assert_eq!(
        left.columns, right.rows,
        "a product's left factor has as many columns as its right one has rows"
    );
    assert!(
        [left.trials, right.trials].iter().all(|&count| count == 1 || count == trials),
        "one factor per trial, or one for all"
    );
    let [block_rows, block_columns] = OUTPUT_BLOCK;
    let (down, across) = (rows.div_ceil(block_rows), columns.div_ceil(block_columns));
    let mut output = tensor_to_fill([trials, rows, columns]);
    let target = Shared::new(output.storage_mut::<f32>());
    threads::share(trials * down * across, |index| {
        let (trial, block) = (index / (down * across), index % (down * across));
        let (row, column) = (block / across * block_rows, block % across * block_columns);
        let (height, width) = (block_rows.min(rows - row), block_columns.min(columns - column));
        let product = Product {
            left: left.matrix(trial).from(row, 0),
            right: right.matrix(trial).from(0, column),
            depth: left.columns,
        };
        let start = (trial * rows + row) * columns + column;
        // SAFETY: the output is borrowed above, and blocks do not overlap.
        unsafe { product.write(height, width, target.address(start), columns) };
        for line in 0..height {
            // SAFETY: as above; the product is done.
            finish(trial, row + line, column, unsafe { target.part(start + line * columns, width) });
        }
    });
    output
}

/// Values as a matrix: the index of the value at (row, column) is `row * row_stride + column * column_stride`.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub values: &'a [f32],
    pub row_stride: usize,
    pub column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Creates a row-major matrix with rows of `columns` values.
    pub(super) fn rows_of(values: &'a [f32], columns: usize) -> Self {
        Self { values, row_stride: columns, column_stride: 1 }
    }

    pub(super) fn transposed(self) -> Self {
        Self { values: self.values, row_stride: self.column_stride, column_stride: self.row_stride }
    }

    /// Returns the part of the matrix that begins at a row and a column.
    pub(super) fn from(self, row: usize, column: usize) -> Self {
        let start = row * self.row_stride + column * self.column_stride;
        Self { values: &self.values[start.min(self.values.len())..], ..self }
    }

    /// Returns whether the values contain a block of this size that begins at the first value.
    fn holds(&self, rows: usize, columns: usize) -> bool {
        let last = (rows.max(1) - 1) * self.row_stride + (columns.max(1) - 1) * self.column_stride;
        rows == 0 || columns == 0 || last < self.values.len()
    }
}

/// The product `left right`, where `left` is `[rows, depth]` and `right` `[depth, columns]`.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    pub left: Matrix<'a>,
    pub right: Matrix<'a>,
    pub depth: usize,
}

impl Product<'_> {
    /// Writes the first `rows` by `columns` values; row `r` of the result begins at `target + r * row_stride`.
    ///
    /// # Safety
    /// The memory of the result can be written, and no other thread uses it during the call.
    pub(super) unsafe fn write(&self, rows: usize, columns: usize, target: *mut f32, row_stride: usize) {
        let Self { left, right, depth } = *self;
        assert!(left.holds(rows, depth) && right.holds(depth, columns), "a block is within its matrices");
        // SAFETY: the strides and sizes stay within `left` and `right`, as was just checked. The caller guarantees that
        // the target can be written.
        unsafe {
            gemm::gemm(
                rows,
                columns,
                depth,
                target,
                1,
                stride(row_stride),
                false,
                left.values.as_ptr(),
                stride(left.column_stride),
                stride(left.row_stride),
                right.values.as_ptr(),
                stride(right.column_stride),
                stride(right.row_stride),
                0.0,
                1.0,
                false,
                false,
                false,
                Parallelism::None,
            );
        }
    }
}

fn stride(length: usize) -> isize {
    isize::try_from(length).expect("a matrix fits the address space")
}
