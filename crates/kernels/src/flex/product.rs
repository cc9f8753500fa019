//! Matrix products, in blocks that threads can share.
//!
//! Neither the blocks nor the bits of a product depend on the number of threads.

use burn::tensor::Tensor;
use burn_flex::{Flex, FlexTensor};
use cpu::{LeftRows, NARROWEST, Panels, Shared, block_product, copy, vectorized};

use super::{
    Operand,
    activations::activate_row,
    buffers::tensor_to_fill,
    panels::{PanelOperand, SCRATCH},
    reductions::weights_inner_product,
    tensor,
};
use crate::{Activated, Input, ProductKernels, Weights};
use settings::{Activation, Precision};

/// The largest number of rows of a block of the result, whose columns are those of a panel.
pub(super) const BLOCK_ROWS: usize = 128;

/// Returns the number of rows of a block of a result with these numbers of `rows` and `panels`: enough blocks that threads end together,
/// but not less than two tiles each.
fn block_rows(rows: usize, panels: usize) -> usize {
    const BLOCKS: usize = 16;
    const TILE_ROWS: usize = 6;
    let parts = (BLOCKS / panels.max(1)).max(1);
    rows.div_ceil(parts).next_multiple_of(TILE_ROWS).clamp(2 * TILE_ROWS, BLOCK_ROWS)
}

impl ProductKernels for Flex {
    fn arranged(plain: Tensor<Self, 3>) -> Tensor<Self, 3> {
        tensor(PanelOperand::packed(&Operand::of(&plain)).into_buffer())
    }

    fn plain(arranged: Tensor<Self, 3>, outputs: usize) -> Tensor<Self, 3> {
        tensor(PanelOperand::of_values(arranged, outputs).unpacked())
    }

    fn dense(
        input: &Input<Self>,
        weight: &Weights<Self>,
        bias: Option<&Tensor<Self, 3>>,
        _: Precision,
    ) -> Tensor<Self, 3> {
        let bias = bias.map(Operand::of);
        tensor(product_of(&Operand::shared(input), &PanelOperand::of(weight), bias.as_ref()))
    }

    fn dense_activated(
        activation: Activation,
        input: &Input<Self>,
        weight: &Weights<Self>,
        bias: Option<&Tensor<Self, 3>>,
        _: Precision,
    ) -> Activated<Self> {
        let (left, right, bias) = (Operand::shared(input), PanelOperand::of(weight), bias.map(Operand::of));
        let (trials, rows, units) = (left.trials.max(right.trials), left.rows, right.panels.columns);
        let mut output = tensor_to_fill([trials, rows, units]);
        let mut slope = tensor_to_fill([trials, rows, units]);
        let outputs = Shared::new(output.storage_mut::<f32>());
        let slopes = Shared::new(slope.storage_mut::<f32>());
        for_each_block(&LeftOperand::Rows(&left), &right, |block| {
            let rows = RowsOf { trial_rows: rows, columns: units, block: &block };
            let bias = part_of(bias.as_ref(), &block);
            activate(activation, block.values, block.width, bias, rows.of(outputs), rows.of(slopes));
        });
        Activated { output: tensor(output), slope: tensor(slope) }
    }

    fn dense_transposed(signal: &Tensor<Self, 3>, weight: &Weights<Self>, _: Precision) -> Tensor<Self, 3> {
        let (signal, weight) = (Operand::of(signal), PanelOperand::of(weight));
        if weight.panels.columns <= NARROWEST {
            // There are few weights, so they are transposed.
            return tensor(product_of(&signal, &weight.transposed(), None));
        }
        tensor(transposed_product_of(&weight, &PanelOperand::packed(&signal.transposed())))
    }

    fn gram(values: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        let rows = Operand::of(values);
        let columns = PanelOperand::packed(&Operand::of(values).transposed());
        tensor(product_of(&rows, &columns, None))
    }

    fn weights_inner_product(left: &Weights<Self>, right: &Weights<Self>) -> Tensor<Self, 1> {
        weights_inner_product(left, right)
    }

    fn weight_gradient(input: &Input<Self>, delta: &Tensor<Self, 3>, _: Precision) -> Weights<Self> {
        let (left, right) = (Operand::shared(input).transposed(), PanelOperand::packed(&Operand::of(delta)));
        let panels = Panels::of(left.rows, right.panels.columns);
        let trials = left.trials.max(right.trials);
        let mut output = tensor_to_fill([trials, panels.rows, panels.padded_columns()]);
        let target = Shared::new(output.storage_mut::<f32>());
        for_each_block(&LeftOperand::Rows(&left), &right, |block| {
            let panel = panels.get(block.panel);
            let start = block.trial * panels.length() + panel.start + block.row * panel.width;
            // SAFETY: the output is borrowed above, and blocks do not overlap.
            unsafe { target.part(start, block.values.len()) }.copy_from_slice(block.values);
        });
        Weights::of_arranged(tensor(output), panels.columns)
    }
}

/// Returns `left right` of every trial, plus a bias where there is one.
fn product_of(left: &Operand, right: &PanelOperand, bias: Option<&Operand>) -> FlexTensor {
    let (rows, columns) = (left.rows, right.panels.columns);
    let mut output = tensor_to_fill([left.trials.max(right.trials), rows, columns]);
    let target = Shared::new(output.storage_mut::<f32>());
    for_each_block(&LeftOperand::Rows(left), right, |block| {
        let outputs = RowsOf { trial_rows: rows, columns, block: &block }.of(target);
        add_bias(block.values, block.width, part_of(bias, &block), outputs);
    });
    output
}

/// Returns the transposed product `left right` of every trial.
fn transposed_product_of(left: &PanelOperand, right: &PanelOperand) -> FlexTensor {
    let (rows, columns) = (left.panels.rows, right.panels.columns);
    let mut output = tensor_to_fill([left.trials.max(right.trials), columns, rows]);
    let target = Shared::new(output.storage_mut::<f32>());
    for_each_block(
        &LeftOperand::Panels(left),
        right,
        |Block { trial, row, column, columns: count, width, values, .. }| {
            let height = values.len() / width;
            for line in 0..count {
                // SAFETY: the output is borrowed above, and blocks do not overlap.
                let part = unsafe { target.part((trial * columns + column + line) * rows + row, height) };
                for (value, result) in part.iter_mut().zip(values[line..].iter().step_by(width)) {
                    *value = *result;
                }
            }
        },
    );
    output
}

/// A computed block of a product: rows of a panel.
struct Block<'a> {
    trial: usize,
    /// The first row and the first column of the block in the product.
    row: usize,
    column: usize,
    columns: usize,
    /// The index of the panel.
    panel: usize,
    /// The number of values of a row, of which the last may be beyond the product's columns.
    width: usize,
    values: &'a [f32],
}

/// The rows of a block in a `[trials, rows, columns]` tensor.
struct RowsOf<'a> {
    trial_rows: usize,
    columns: usize,
    block: &'a Block<'a>,
}

impl RowsOf<'_> {
    /// Returns the rows in the values of such a tensor, which are borrowed for as long as the block is used.
    fn of(&self, values: Shared) -> Rows {
        let Block { trial, row, column, columns, .. } = *self.block;
        let first = (trial * self.trial_rows + row) * self.columns + column;
        Rows { values, first, stride: self.columns, columns }
    }
}

/// A block of rows of a tensor, of which no other thread writes a part.
struct Rows {
    values: Shared,
    first: usize,
    stride: usize,
    columns: usize,
}

impl Rows {
    /// # Safety
    /// The tensor is borrowed, no other block has these rows, and this row is not in use.
    #[inline(always)]
    unsafe fn get<'a>(&self, row: usize) -> &'a mut [f32] {
        // SAFETY: the caller guarantees it.
        unsafe { self.values.part(self.first + row * self.stride, self.columns) }
    }
}

/// Returns the part of a bias that belongs to the columns of a block.
fn part_of<'a>(bias: Option<&'a Operand>, block: &Block<'_>) -> Option<&'a [f32]> {
    bias.map(|bias| &bias.trial(block.trial)[block.column..][..block.columns])
}

vectorized! {
    /// Adds a bias to the values of a block.
    fn add_bias<'a>(values: &'a [f32], width: usize, bias: Option<&'a [f32]>, outputs: Rows) {
        for (row, values) in values.chunks_exact(width).enumerate() {
            // SAFETY: the caller borrows the tensor, blocks do not overlap, and each row is used once.
            write_row(values, bias, unsafe { outputs.get(row) });
        }
    }
}

vectorized! {
    /// Adds a bias to the values of a block, and applies an activation.
    fn activate<'a>(
        activation: Activation,
        values: &'a [f32],
        width: usize,
        bias: Option<&'a [f32]>,
        outputs: Rows,
        slopes: Rows,
    ) {
        for (row, values) in values.chunks_exact(width).enumerate() {
            // SAFETY: the caller borrows the tensors, blocks do not overlap, and each row is used once.
            let (outputs, slopes) = unsafe { (outputs.get(row), slopes.get(row)) };
            write_row(values, bias, outputs);
            activate_row(activation, outputs, slopes);
        }
    }
}

#[inline(always)]
fn write_row(values: &[f32], bias: Option<&[f32]>, outputs: &mut [f32]) {
    match bias {
        Some(bias) => {
            for ((output, value), bias) in outputs.iter_mut().zip(values).zip(bias) {
                *output = value + bias;
            }
        }
        None => {
            let length = outputs.len();
            copy(&values[..length], outputs);
        }
    }
}

/// The left factor of a product.
enum LeftOperand<'a> {
    Rows(&'a Operand),
    Panels(&'a PanelOperand),
}

impl LeftOperand<'_> {
    /// Returns the numbers of trials, rows and columns.
    fn dims(&self) -> [usize; 3] {
        match self {
            Self::Rows(operand) => [operand.trials, operand.rows, operand.columns],
            Self::Panels(operand) => [operand.trials, operand.panels.rows, operand.panels.columns],
        }
    }

    /// Returns the rows of a trial's matrix from `row` on.
    fn rows(&self, trial: usize, row: usize) -> LeftRows<'_> {
        match self {
            Self::Rows(operand) => LeftRows::Rows(operand.matrix(trial).from(row, 0)),
            Self::Panels(operand) => {
                LeftRows::Panels { values: operand.trial(trial), panels: operand.panels, row }
            }
        }
    }
}

/// Computes `left right` of every trial in blocks of some rows and a panel's columns, and calls `take` on each.
fn for_each_block(left: &LeftOperand<'_>, right: &PanelOperand, take: impl Fn(Block<'_>) + Sync) {
    let ([left_trials, rows, depth], panels) = (left.dims(), right.panels);
    let trials = left_trials.max(right.trials);
    assert_eq!(depth, panels.rows, "a product's left factor has as many columns as its right one has rows");
    assert!(
        [left_trials, right.trials].iter().all(|&count| count == 1 || count == trials),
        "one factor per trial, or one for all"
    );
    let block_rows = block_rows(rows, panels.count());
    // Blocks of a panel follow each other, so that a thread reads few panels; but not more rows than stay in cache with a panel.
    let blocks_together = (BLOCK_ROWS / block_rows).max(1);
    let groups = rows.div_ceil(block_rows * blocks_together);
    let per_trial = groups * panels.count() * blocks_together;
    threads::share(trials * per_trial, |index| {
        let (trial, block) = (index / per_trial, index % per_trial);
        let (strip, place) = (block / blocks_together, block % blocks_together);
        let (group, index) = (strip / panels.count(), strip % panels.count());
        let row = (group * blocks_together + place) * block_rows;
        if row >= rows {
            return;
        }
        let (height, panel) = (block_rows.min(rows - row), panels.get(index));
        SCRATCH.with_borrow_mut(|scratch| {
            let result = scratch.values(height * panel.width);
            let right = &right.trial(trial)[panel.start..][..depth * panel.width];
            block_product(left.rows(trial, row), right, panel.width, height, result);
            let (column, columns, width) = (panel.column, panel.columns, panel.width);
            take(Block { trial, row, column, columns, panel: index, width, values: result });
        });
    });
}
