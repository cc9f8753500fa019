//! Matrix products of all trials in one launch; each cube computes a tile of one trial's output.
//!
//! Both factors go through shared memory, a slab of the sum's depth at a time. While the units multiply one slab, they load
//! the next. A unit keeps its part of the output in registers until the sum is complete, so that the operations on it (bias
//! and activation here, the optimizer in [`optimizers`](super::optimizers)) need no memory in between.
//!
//! The terms of a value are added from the first to the last, in any tile: a trial's bits depend neither on the other
//! trials nor on its position among them.

use burn_cubecl::CubeRuntime;
use cubecl::prelude::*;

use super::{
    elementwise::{slope_of, value_of},
    launch::{Matrices, addresses, common_width, grid, units},
    slab::{keep, read, unit_column, unit_row},
    tensor_cores::tensor_core_tile,
    tile::{Factors, Tile},
    vectors::{Extent, QUAD, Quad, extent_of, put_quad, quad_at},
};
use settings::{Activation, Precision};

/// Returns this unit's part of a product, in fours, row by row. The extents select the matrices of `left` and `right`.
#[cube]
pub(super) fn product_tile<L: Size, R: Size>(
    left: &Tensor<Vector<f32, L>>,
    right: &Tensor<Vector<f32, R>>,
    left_extent: &Extent,
    right_extent: &Extent,
    #[comptime] tile: Tile,
) -> Array<Quad> {
    if comptime!(tile.precision == Precision::Tf32) {
        tensor_core_tile(left, right, left_extent, right_extent, tile)
    } else {
        full_tile(left, right, left_extent, right_extent, tile)
    }
}

/// Computes [`product_tile`] in single precision.
#[cube]
fn full_tile<L: Size, R: Size>(
    left: &Tensor<Vector<f32, L>>,
    right: &Tensor<Vector<f32, R>>,
    left_extent: &Extent,
    right_extent: &Extent,
    #[comptime] tile: Tile,
) -> Array<Quad> {
    let [left_side, right_side] = comptime!([tile.left(), tile.right()]);
    let mut sums = Array::<Quad>::new(comptime!(tile.unit_rows * tile.unit_columns / QUAD));
    #[unroll]
    for at in 0..comptime!(tile.unit_rows * tile.unit_columns / QUAD) {
        sums[at] = Quad::new(0.0);
    }
    let mut left_slabs = SharedMemory::<Quad>::new(comptime!(2 * left_side.shared()));
    let mut right_slabs = SharedMemory::<Quad>::new(comptime!(2 * right_side.shared()));
    let first_row = CUBE_POS_Y as usize * tile.rows;
    let first_column = CUBE_POS_X as usize * tile.columns;
    let depth = if comptime!(tile.is_left_transposed) { left_extent.rows } else { left_extent.columns };
    let slabs = depth.div_ceil(tile.depth);

    let mut left_held = Array::<Quad>::new(comptime!(left_side.held()));
    let mut right_held = Array::<Quad>::new(comptime!(right_side.held()));
    read(left, left_extent, first_row, 0, &mut left_held, left_side);
    read(right, right_extent, first_column, 0, &mut right_held, right_side);
    keep::<f32>(&left_held, &mut left_slabs, 0, left_side);
    keep::<f32>(&right_held, &mut right_slabs, 0, right_side);
    sync_cube();
    for slab in 0..slabs {
        let next = slab + 1;
        if next < slabs {
            read(left, left_extent, first_row, next * tile.depth, &mut left_held, left_side);
            read(right, right_extent, first_column, next * tile.depth, &mut right_held, right_side);
        }
        multiply(&left_slabs, &right_slabs, slab % 2, &mut sums, tile);
        if next < slabs {
            keep::<f32>(&left_held, &mut left_slabs, next % 2, left_side);
            keep::<f32>(&right_held, &mut right_slabs, next % 2, right_side);
        }
        sync_cube();
    }
    sums
}

/// Adds one slab's products to a unit's sums.
#[cube]
fn multiply(
    left_slabs: &SharedMemory<Quad>,
    right_slabs: &SharedMemory<Quad>,
    half: usize,
    sums: &mut Array<Quad>,
    #[comptime] tile: Tile,
) {
    let left_start = half * comptime!(tile.left().shared()) + unit_row(tile);
    let right_start = half * comptime!(tile.right().shared()) + unit_column(tile);
    let [left_quads, right_quads] = comptime!([tile.unit_rows / QUAD, tile.unit_columns / QUAD]);
    for deep in 0..tile.depth {
        let mut left = Array::<Quad>::new(left_quads);
        let mut right = Array::<Quad>::new(right_quads);
        #[unroll]
        for group in 0..left_quads {
            let step = comptime!(group * tile.rows / tile.unit_rows);
            left[group] = left_slabs[left_start + deep * comptime!(tile.left().pitch()) + step];
        }
        #[unroll]
        for group in 0..right_quads {
            let step = comptime!(group * tile.units_across());
            right[group] = right_slabs[right_start + deep * comptime!(tile.right().pitch()) + step];
        }
        #[unroll]
        for row in 0..tile.unit_rows {
            #[unroll]
            for group in 0..right_quads {
                let at = comptime!(row * right_quads + group);
                sums[at] = fma(Quad::new(left[row / QUAD][row % QUAD]), right[group], sums[at]);
            }
        }
    }
}

/// Returns the output's row that belongs to a unit's row.
#[cube]
pub(super) fn output_row(#[comptime] row: usize, #[comptime] tile: Tile) -> usize {
    CUBE_POS_Y as usize * tile.rows + unit_row(tile) * QUAD + comptime!(tile.row_step(row))
}

/// Returns the output's first column that belongs to a unit's group of four columns.
#[cube]
pub(super) fn output_column(#[comptime] group: usize, #[comptime] tile: Tile) -> usize {
    CUBE_POS_X as usize * tile.columns + (unit_column(tile) + comptime!(group * tile.units_across())) * QUAD
}

/// Returns the set that this cube's trial sees.
#[cube]
pub(super) fn set_of_trial(sets: &Tensor<i32>, #[comptime] has_sets: bool) -> usize {
    let trial = CUBE_POS_Z as usize;
    if comptime!(has_sets) { sets[trial * sets.stride(0)] as usize } else { trial }
}

/// Computes a product, plus a bias where there is one.
#[cube(launch_unchecked, address_type = "dynamic")]
fn product_kernel<L: Size, R: Size, O: Size>(
    left: &Tensor<Vector<f32, L>>,
    right: &Tensor<Vector<f32, R>>,
    sets: &Tensor<i32>,
    bias: &Tensor<Vector<f32, O>>,
    output: &mut Tensor<Vector<f32, O>>,
    #[comptime] has_sets: bool,
    #[comptime] has_bias: bool,
    #[comptime] tile: Tile,
) {
    let trial = CUBE_POS_Z as usize;
    let left_extent = extent_of(left, set_of_trial(sets, has_sets));
    let sums = product_tile(left, right, &left_extent, &extent_of(right, trial), tile);
    let extent = extent_of(output, trial);
    #[unroll]
    for group in 0..comptime!(tile.unit_columns / QUAD) {
        let column = output_column(group, tile);
        let addend = bias_at(bias, column, has_bias);
        #[unroll]
        for row in 0..tile.unit_rows {
            let at = comptime!(row * tile.unit_columns / QUAD + group);
            let output_row = output_row(row, tile);
            if output_row < extent.rows {
                put_quad(output, &extent, output_row, column, sums[at] + addend);
            }
        }
    }
}

/// Computes [`product_kernel`], then an activation and its slope, which have the same layout.
#[cube(launch_unchecked, address_type = "dynamic")]
fn activated_product_kernel<L: Size, R: Size, O: Size>(
    left: &Tensor<Vector<f32, L>>,
    right: &Tensor<Vector<f32, R>>,
    sets: &Tensor<i32>,
    bias: &Tensor<Vector<f32, O>>,
    output: &mut Tensor<Vector<f32, O>>,
    slope: &mut Tensor<Vector<f32, O>>,
    #[comptime] activation: Activation,
    #[comptime] has_sets: bool,
    #[comptime] has_bias: bool,
    #[comptime] tile: Tile,
) {
    let trial = CUBE_POS_Z as usize;
    let left_extent = extent_of(left, set_of_trial(sets, has_sets));
    let sums = product_tile(left, right, &left_extent, &extent_of(right, trial), tile);
    let extent = extent_of(output, trial);
    let groups = comptime!(tile.unit_columns / QUAD);
    let mut addends = Array::<Quad>::new(groups);
    #[unroll]
    for group in 0..groups {
        addends[group] = bias_at(bias, output_column(group, tile), has_bias);
    }
    #[unroll]
    for row in 0..tile.unit_rows {
        let output_row = output_row(row, tile);
        if output_row < extent.rows {
            #[unroll]
            for group in 0..groups {
                let column = output_column(group, tile);
                let preactivation = sums[comptime!(row * groups + group)] + addends[group];
                let value = value_of(preactivation, activation);
                put_quad(output, &extent, output_row, column, value);
                let slope_value = slope_of(preactivation, value, activation);
                put_quad(slope, &extent, output_row, column, slope_value);
            }
        }
    }
}

/// Returns a trial's bias for four columns, or 0.
#[cube]
fn bias_at<O: Size>(bias: &Tensor<Vector<f32, O>>, column: usize, #[comptime] has_bias: bool) -> Quad {
    if comptime!(has_bias) {
        quad_at(bias, &extent_of(bias, CUBE_POS_Z as usize), 0, column)
    } else {
        Quad::new(0.0)
    }
}

/// The factors of a product: a matrix for each trial, or one for all. Sets of trials may share left factors.
pub(super) struct Product<'a, R: CubeRuntime> {
    pub(super) left: &'a Matrices<R>,
    pub(super) right: &'a Matrices<R>,
    /// The index of each trial's left factor, where trials share left factors.
    pub(super) sets: Option<TensorArg<R>>,
    pub(super) trials: usize,
    pub(super) factors: Factors,
    pub(super) precision: Precision,
}

impl<R: CubeRuntime> Product<'_, R> {
    /// Returns the rows and columns of the output.
    pub(super) fn shape(&self) -> [usize; 2] {
        let ([_, left_rows, left_columns], [_, right_rows, right_columns]) =
            (self.left.dims(), self.right.dims());
        let (rows, depth) = match self.factors {
            Factors::LeftTransposed => (left_columns, left_rows),
            _ => (left_rows, left_columns),
        };
        let (columns, right_depth) = match self.factors {
            Factors::RightTransposed => (right_rows, right_columns),
            _ => (right_columns, right_rows),
        };
        assert_eq!(
            depth, right_depth,
            "a product's left factor has as many columns as its right one has rows"
        );
        [rows, columns]
    }

    pub(super) fn tile(&self) -> Tile {
        let shared_bytes = self.left.client().properties().hardware.max_shared_memory_size;
        Tile::of(self.factors, self.shape(), self.precision, shared_bytes)
    }

    pub(super) fn grid(&self) -> CubeCount {
        let (tile, [rows, columns]) = (self.tile(), self.shape());
        grid(columns.div_ceil(tile.columns), rows.div_ceil(tile.rows), self.trials)
    }

    /// Computes the product, plus `bias`.
    pub(super) fn output(self, bias: Option<&Matrices<R>>) -> Matrices<R> {
        let [rows, columns] = self.shape();
        let output = self.left.like([self.trials, rows, columns]);
        let (tile, grid, has_sets) = (self.tile(), self.grid(), self.sets.is_some());
        // The kernel never reads an absent tensor.
        let (absent, given_bias) = (self.left.argument(), bias.unwrap_or(&output));
        // SAFETY: no unit reads or writes beyond the shapes, which are the factors' and the output's.
        unsafe {
            product_kernel::launch_unchecked::<R>(
                &output.client(),
                grid,
                units(tile.units()),
                addresses([self.left, self.right, &output]),
                self.left.width(),
                self.right.width(),
                common_width([given_bias, &output]),
                self.left.argument(),
                self.right.argument(),
                self.sets.unwrap_or(absent),
                given_bias.argument(),
                output.argument(),
                has_sets,
                bias.is_some(),
                tile,
            );
        }
        output
    }

    /// Computes the activation of the product plus `bias`. Returns output and slope.
    pub(super) fn activated(
        self,
        activation: Activation,
        bias: Option<&Matrices<R>>,
    ) -> (Matrices<R>, Matrices<R>) {
        let [rows, columns] = self.shape();
        let [output, slope] = [(); 2].map(|()| self.left.like([self.trials, rows, columns]));
        let (tile, grid, has_sets) = (self.tile(), self.grid(), self.sets.is_some());
        // The kernel never reads an absent tensor.
        let (absent, given_bias) = (self.left.argument(), bias.unwrap_or(&output));
        // SAFETY: as in `output`.
        unsafe {
            activated_product_kernel::launch_unchecked::<R>(
                &output.client(),
                grid,
                units(tile.units()),
                addresses([self.left, self.right, &output]),
                self.left.width(),
                self.right.width(),
                common_width([given_bias, &output, &slope]),
                self.left.argument(),
                self.right.argument(),
                self.sets.unwrap_or(absent),
                given_bias.argument(),
                output.argument(),
                slope.argument(),
                activation,
                has_sets,
                bias.is_some(),
                tile,
            );
        }
        (output, slope)
    }
}
