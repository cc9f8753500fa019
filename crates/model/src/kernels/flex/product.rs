//! Matrix products, in blocks that threads can share.
//!
//! Neither the blocks nor the bits of a product depend on the number of threads.

use burn::tensor::Tensor;
use burn_flex::{Flex, FlexTensor};

use super::{
    Operand,
    buffers::tensor_to_fill,
    elementwise::{activate, add},
    panels::{ProductScratch, SCRATCH, Scratch, WIDE, pack, panel_width},
    shared::Shared,
    tensor,
    tile::{Left, NOTHING, Right, Tile, accumulate},
};
use crate::{
    Activated, Input, ProductKernels,
    vector::{Vector, Work, run},
};
use settings::{Activation, Precision};

/// The largest number of rows of a block of the result, whose columns are those of a panel. With fewer rows a weight is loaded
/// too often.
pub(super) const BLOCK_ROWS: usize = 128;
/// The values of k that a tile runs through before the next tile: so many rows of a panel stay in the second-level cache.
pub(super) const DEPTH: usize = 256;

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
        // The rows of the weights are read as they are, and the smaller signal is transposed.
        tensor(transposed_product_of(&Operand::of(weight), &Operand::of(signal).transposed()))
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
    let (rows, columns) = (left.rows, right.columns);
    let mut output = tensor_to_fill([left.trials.max(right.trials), rows, columns]);
    let target = Shared::new(output.storage_mut::<f32>());
    for_each_block(left, right, BLOCK_ROWS, |Block { trial, row, column, width, values, row_stride }| {
        for (line, values) in values.chunks_exact(row_stride).enumerate() {
            let row = row + line;
            // SAFETY: the output is borrowed above, and blocks do not overlap.
            let part = unsafe { target.part((trial * rows + row) * columns + column, width) };
            part.copy_from_slice(&values[..width]);
            finish(trial, row, column, part);
        }
    });
    output
}

/// Returns the transposed product `left right` of every trial.
fn transposed_product_of(left: &Operand, right: &Operand) -> FlexTensor {
    let (rows, columns) = (left.rows, right.columns);
    let mut output = tensor_to_fill([left.trials.max(right.trials), columns, rows]);
    let target = Shared::new(output.storage_mut::<f32>());
    for_each_block(left, right, 2 * BLOCK_ROWS, |Block { trial, row, column, width, values, row_stride }| {
        let height = values.len() / row_stride;
        for line in 0..width {
            // SAFETY: the output is borrowed above, and blocks do not overlap.
            let part = unsafe { target.part((trial * columns + column + line) * rows + row, height) };
            for (value, result) in part.iter_mut().zip(values[line..].iter().step_by(row_stride)) {
                *value = *result;
            }
        }
    });
    output
}

/// A computed block of a product.
struct Block<'a> {
    trial: usize,
    /// The first row and the first column of the block in the product.
    row: usize,
    column: usize,
    width: usize,
    /// The rows, each with the block's values first.
    values: &'a [f32],
    row_stride: usize,
}

/// Computes `left right` of every trial in blocks of `block_rows` rows and a panel's columns, and calls `take` on each.
fn for_each_block(left: &Operand, right: &Operand, block_rows: usize, take: impl Fn(Block<'_>) + Sync) {
    let (rows, columns, trials) = (left.rows, right.columns, left.trials.max(right.trials));
    assert_eq!(
        left.columns, right.rows,
        "a product's left factor has as many columns as its right one has rows"
    );
    assert!(
        [left.trials, right.trials].iter().all(|&count| count == 1 || count == trials),
        "one factor per trial, or one for all"
    );
    let (down, across) = (rows.div_ceil(block_rows), columns.div_ceil(WIDE));
    threads::share(trials * down * across, |index| {
        let (trial, block) = (index / (down * across), index % (down * across));
        let (row, column) = (block / across * block_rows, block % across * WIDE);
        let (height, width) = (block_rows.min(rows - row), WIDE.min(columns - column));
        let product = Product {
            left: left.matrix(trial).from(row, 0),
            right: right.matrix(trial).from(0, column),
            depth: left.columns,
        };
        SCRATCH.with_borrow_mut(|scratch| {
            let row_stride = panel_width(width);
            let values = product.block(height, width, scratch);
            take(Block { trial, row, column, width, values, row_stride });
        });
    });
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
    /// Returns the first `rows` by `columns` values; at most a panel of columns, in rows of a panel's width.
    fn block<'s>(&self, rows: usize, columns: usize, scratch: &'s mut ProductScratch) -> &'s [f32] {
        let Self { left, right, depth } = *self;
        assert!(left.holds(rows, depth) && right.holds(depth, columns), "a block is within its matrices");
        let ProductScratch { right: panel, result, .. } = scratch;
        let result = result.values(rows * panel_width(columns));
        run(BlockWork { product: *self, rows, columns, panel, result });
        result
    }
}

/// Computes a block of a product.
struct BlockWork<'a, 's> {
    product: Product<'a>,
    rows: usize,
    columns: usize,
    panel: &'s mut Scratch,
    result: &'s mut [f32],
}

impl Work for BlockWork<'_, '_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Self { product: Product { left, right, depth }, rows, columns, panel, result } = self;
        let width = panel_width(columns);
        if depth == 0 {
            result.fill(0.0);
        }
        for first_k in (0..depth).step_by(DEPTH) {
            let depth = DEPTH.min(depth - first_k);
            let panel = panel.values(depth * width);
            pack(right.from(first_k, 0), depth, columns, width, panel);
            let tiles = Tiles {
                left: Left::of(left.from(0, first_k)),
                right: Right { values: panel.as_ptr(), row_stride: width },
                depth,
                result: result.as_mut_ptr(),
                width,
                continues: first_k > 0,
            };
            // SAFETY: the sizes of both factors were checked, and the panel and the result have `width` columns.
            unsafe { tiles.all::<V>(rows) };
        }
    }
}

/// The products of some values of k, which all tiles of a block add.
#[derive(Clone, Copy)]
struct Tiles {
    left: Left,
    right: Right,
    depth: usize,
    result: *mut f32,
    width: usize,
    /// Whether the result holds the sums of the values of k before.
    continues: bool,
}

impl Tiles {
    /// # Safety
    /// The processor has the instruction set of `V`. The left factor and the result have `rows` rows.
    #[inline(always)]
    unsafe fn all<V: Vector>(self, rows: usize) {
        // SAFETY: the caller guarantees it.
        unsafe {
            match (V::LANES, self.width) {
                (16, WIDE) => self.of_size::<V, 6, 4>(rows),
                (16, _) => self.of_size::<V, 8, 1>(rows),
                (8, _) => self.of_size::<V, 6, 2>(rows),
                _ => self.of_size::<V, 6, 4>(rows),
            }
        }
    }

    #[inline(always)]
    unsafe fn of_size<V: Vector, const ROWS: usize, const VECTORS: usize>(self, rows: usize) {
        let mut row = 0;
        // SAFETY: the caller of `all` guarantees the rows.
        unsafe {
            while rows - row >= ROWS {
                self.row_of_tiles::<V, ROWS, VECTORS>(row);
                row += ROWS;
            }
            if rows - row >= 4 {
                self.row_of_tiles::<V, 4, VECTORS>(row);
                row += 4;
            }
            if rows - row >= 2 {
                self.row_of_tiles::<V, 2, VECTORS>(row);
                row += 2;
            }
            if rows - row >= 1 {
                self.row_of_tiles::<V, 1, VECTORS>(row);
            }
        }
    }

    #[inline(always)]
    unsafe fn row_of_tiles<V: Vector, const ROWS: usize, const VECTORS: usize>(self, row: usize) {
        let left = Left { values: self.left.values.wrapping_add(row * self.left.row_stride), ..self.left };
        for column in (0..self.width).step_by(VECTORS * V::LANES) {
            // SAFETY: the caller of `all` guarantees the rows; `width` is a multiple of a tile's width.
            unsafe {
                let target = self.result.add(row * self.width + column);
                let before: Tile<V, ROWS, VECTORS> =
                    if self.continues { load(target, self.width) } else { [[V::splat(0.0); VECTORS]; ROWS] };
                let right = Right { values: self.right.values.add(column), ..self.right };
                store(&accumulate(before, left, right, self.depth, &NOTHING), target, self.width);
            }
        }
    }
}

// Not by `array::from_fn`: closures are not compiled for the instruction set.
#[inline(always)]
unsafe fn load<V: Vector, const ROWS: usize, const VECTORS: usize>(
    source: *const f32,
    row_stride: usize,
) -> Tile<V, ROWS, VECTORS> {
    // SAFETY: the caller guarantees a tile at `source`.
    unsafe {
        let mut tile = [[V::splat(0.0); VECTORS]; ROWS];
        for (row, vectors) in tile.iter_mut().enumerate() {
            for (index, vector) in vectors.iter_mut().enumerate() {
                *vector = V::load(source.add(row * row_stride + index * V::LANES));
            }
        }
        tile
    }
}

#[inline(always)]
unsafe fn store<V: Vector, const ROWS: usize, const VECTORS: usize>(
    tile: &Tile<V, ROWS, VECTORS>,
    target: *mut f32,
    row_stride: usize,
) {
    for (row, vectors) in tile.iter().enumerate() {
        for (index, vector) in vectors.iter().enumerate() {
            // SAFETY: the caller guarantees a tile at `target`.
            unsafe { vector.store(target.add(row * row_stride + index * V::LANES)) };
        }
    }
}
