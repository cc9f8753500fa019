//! Products in TF32, on tensor cores.
//!
//! Factors are rounded when they are written to shared memory. The sums of a tile go through shared memory once, to the
//! units that have them in [`product`](super::product), so that later operations are the same.

use burn_cubecl::CubeRuntime;
use cubecl::{
    cmma::{self, Matrix, MatrixIdent, MatrixLayout},
    features::MmaConfig,
    ir::{ElemType, FloatKind},
    prelude::*,
};

use super::{
    slab::{keep, read, unit_column, unit_row},
    tile::{PLANE, Tile},
    vectors::{Extent, QUAD, Quad},
};

/// The rows and columns of the block that one instruction computes.
const SIDE: usize = 16;
/// The number of terms that one instruction adds to each sum.
const DEPTH: usize = 8;

/// Returns whether the device can multiply in TF32.
pub(super) fn are_available<R: CubeRuntime>(device: &R::Device) -> bool {
    let [factor, sum] = [FloatKind::TF32, FloatKind::F32].map(|kind| ElemType::Float(kind).into());
    let [m, n, k] = [SIDE, SIDE, DEPTH].map(|length| length as u32);
    let instruction = MmaConfig { a_type: factor, b_type: factor, cd_type: sum, m, n, k };
    R::client(device).properties().features.matmul.cmma.contains(&instruction)
}

/// Returns this unit's part of a product, in the order of [`product_tile`](super::product::product_tile).
#[cube]
pub(super) fn tensor_core_tile<L: Size, R: Size>(
    left: &Tensor<Vector<f32, L>>,
    right: &Tensor<Vector<f32, R>>,
    left_extent: &Extent,
    right_extent: &Extent,
    #[comptime] tile: Tile,
) -> Array<Quad> {
    let [left_side, right_side] = comptime!([tile.left(), tile.right()]);
    let mut left_slabs = SharedMemory::<Vector<tf32, Const<QUAD>>>::new(comptime!(2 * left_side.shared()));
    let mut right_slabs = SharedMemory::<Vector<tf32, Const<QUAD>>>::new(comptime!(2 * right_side.shared()));
    let first_row = CUBE_POS_Y as usize * tile.rows;
    let first_column = CUBE_POS_X as usize * tile.columns;
    let depth = if comptime!(tile.is_left_transposed) { left_extent.rows } else { left_extent.columns };
    let slabs = depth.div_ceil(tile.depth);
    let mut blocks = Sequence::<Matrix<f32>>::new();
    #[unroll]
    for _ in 0..comptime!(tile.plane_rows() * tile.plane_columns() / (SIDE * SIDE)) {
        blocks.push(Matrix::<f32>::from_value(
            MatrixIdent::Accumulator,
            SIDE,
            SIDE,
            DEPTH,
            MatrixLayout::Undefined,
            0.0,
        ));
    }
    let mut left_held = Array::<Quad>::new(comptime!(left_side.held()));
    let mut right_held = Array::<Quad>::new(comptime!(right_side.held()));
    read(left, left_extent, first_row, 0, &mut left_held, left_side);
    read(right, right_extent, first_column, 0, &mut right_held, right_side);
    keep::<tf32>(&left_held, &mut left_slabs, 0, left_side);
    keep::<tf32>(&right_held, &mut right_slabs, 0, right_side);
    sync_cube();
    for slab in 0..slabs {
        let next = slab + 1;
        if next < slabs {
            read(left, left_extent, first_row, next * tile.depth, &mut left_held, left_side);
            read(right, right_extent, first_column, next * tile.depth, &mut right_held, right_side);
        }
        multiply(&left_slabs, &right_slabs, slab % 2, &blocks, tile);
        if next < slabs {
            keep::<tf32>(&left_held, &mut left_slabs, next % 2, left_side);
            keep::<tf32>(&right_held, &mut right_slabs, next % 2, right_side);
        }
        sync_cube();
    }
    distributed(&blocks, tile)
}

/// Adds one slab's products to a plane's blocks.
#[cube]
fn multiply(
    left_slabs: &SharedMemory<Vector<tf32, Const<QUAD>>>,
    right_slabs: &SharedMemory<Vector<tf32, Const<QUAD>>>,
    half: usize,
    blocks: &Sequence<Matrix<f32>>,
    #[comptime] tile: Tile,
) {
    let [down, across] = comptime!([tile.plane_rows() / SIDE, tile.plane_columns() / SIDE]);
    let left_pitch = comptime!(tile.left().pitch());
    let right_pitch = comptime!(tile.right().pitch());
    let left_start = half * comptime!(tile.left().shared()) + plane_row(tile) / QUAD;
    let right_start = half * comptime!(tile.right().shared()) + plane_column(tile) / QUAD;
    #[unroll]
    for step in 0..comptime!(tile.depth / DEPTH) {
        let mut rights = Sequence::<Matrix<tf32>>::new();
        #[unroll]
        for column in 0..across {
            let start = right_start + comptime!(step * DEPTH * right_pitch + column * SIDE / QUAD);
            rights.push(factor(right_slabs, start, right_pitch, MatrixIdent::B, MatrixLayout::RowMajor));
        }
        #[unroll]
        for row in 0..down {
            let start = left_start + comptime!(step * DEPTH * left_pitch + row * SIDE / QUAD);
            // The slabs hold the left factor's depth as rows.
            let left = factor(left_slabs, start, left_pitch, MatrixIdent::A, MatrixLayout::ColMajor);
            #[unroll]
            for column in 0..across {
                let block = blocks.index(comptime!(row * across + column));
                cmma::execute::<tf32, tf32, f32, f32>(&left, rights.index(column), block, block);
            }
        }
    }
}

/// Loads a block of a factor, from `start` of its slabs.
#[cube]
fn factor(
    slabs: &SharedMemory<Vector<tf32, Const<QUAD>>>,
    start: usize,
    #[comptime] pitch: usize,
    #[comptime] ident: MatrixIdent,
    #[comptime] layout: MatrixLayout,
) -> Matrix<tf32> {
    // SAFETY: it is loaded before it is used.
    let block = unsafe { Matrix::<tf32>::uninitialized(ident, SIDE, SIDE, DEPTH, layout) };
    let rows = slabs.slice(start, start + comptime!(DEPTH * pitch));
    cmma::load(&block, &rows, comptime!((pitch * QUAD) as u32));
    block
}

/// Distributes the planes' blocks to the units that use them.
#[cube]
fn distributed(blocks: &Sequence<Matrix<f32>>, #[comptime] tile: Tile) -> Array<Quad> {
    let [down, across] = comptime!([tile.plane_rows() / SIDE, tile.plane_columns() / SIDE]);
    let pitch = comptime!(tile.columns / QUAD + 1);
    let mut output = SharedMemory::<Quad>::new(comptime!(tile.rows * pitch));
    #[unroll]
    for row in 0..down {
        #[unroll]
        for column in 0..across {
            let start = (plane_row(tile) + comptime!(row * SIDE)) * pitch
                + plane_column(tile) / QUAD
                + comptime!(column * SIDE / QUAD);
            cmma::store(
                &mut output.slice_mut(start, start + comptime!(SIDE * pitch)),
                blocks.index(comptime!(row * across + column)),
                comptime!((pitch * QUAD) as u32),
                MatrixLayout::RowMajor,
            );
        }
    }
    sync_cube();
    let groups = comptime!(tile.unit_columns / QUAD);
    let mut sums = Array::<Quad>::new(comptime!(tile.unit_rows * groups));
    #[unroll]
    for row in 0..tile.unit_rows {
        #[unroll]
        for group in 0..groups {
            let from = (unit_row(tile) * QUAD + comptime!(tile.row_step(row))) * pitch
                + unit_column(tile)
                + comptime!(group * tile.units_across());
            sums[comptime!(row * groups + group)] = output[from];
        }
    }
    sums
}

/// Returns the first row of the tile that a plane computes.
#[cube]
fn plane_row(#[comptime] tile: Tile) -> usize {
    UNIT_POS as usize / PLANE / comptime!(tile.planes_across()) * comptime!(tile.plane_rows())
}

/// Returns the first column of the tile that a plane computes.
#[cube]
fn plane_column(#[comptime] tile: Tile) -> usize {
    UNIT_POS as usize / PLANE % comptime!(tile.planes_across()) * comptime!(tile.plane_columns())
}
