//! Slabs of a product's factors: from global memory through registers to shared memory, a piece for each unit.

use cubecl::prelude::*;

use super::{
    tile::{Side, Tile},
    vectors::{Extent, QUAD, Quad, quad_at},
};

/// Reads this unit's part of a factor's slab, from `first` along its length and `deep` along the sum.
#[cube]
pub(super) fn read<N: Size>(
    values: &Tensor<Vector<f32, N>>,
    extent: &Extent,
    first: usize,
    deep: usize,
    held: &mut Array<Quad>,
    #[comptime] side: Side,
) {
    #[unroll]
    for load in 0..comptime!(side.loads()) {
        let piece = UNIT_POS as usize + load * side.units;
        if comptime!(side.is_depth_contiguous) {
            if piece < comptime!(side.pieces()) {
                let row = first + piece / comptime!(side.depth / QUAD) * QUAD;
                let column = deep + piece % comptime!(side.depth / QUAD) * QUAD;
                #[unroll]
                for line in 0..QUAD {
                    held[load * QUAD + line] = quad_at(values, extent, row + line, column);
                }
            }
        } else if piece < comptime!(side.pieces()) {
            let row = deep + piece / comptime!(side.length / QUAD);
            let column = first + piece % comptime!(side.length / QUAD) * QUAD;
            held[load] = quad_at(values, extent, row, column);
        }
    }
}

/// Writes the result of [`read`] to one half of the shared memory, with the depth as rows.
#[cube]
pub(super) fn keep<E: Float>(
    held: &Array<Quad>,
    slabs: &mut SharedMemory<Vector<E, Const<QUAD>>>,
    half: usize,
    #[comptime] side: Side,
) {
    let start = half * comptime!(side.shared());
    #[unroll]
    for load in 0..comptime!(side.loads()) {
        let piece = UNIT_POS as usize + load * side.units;
        if comptime!(side.is_depth_contiguous) {
            if piece < comptime!(side.pieces()) {
                let column = piece / comptime!(side.depth / QUAD);
                let row = piece % comptime!(side.depth / QUAD) * QUAD;
                #[unroll]
                for deep in 0..QUAD {
                    let mut quad = Quad::new(0.0);
                    #[unroll]
                    for line in 0..QUAD {
                        quad[line] = held[load * QUAD + line][deep];
                    }
                    let at = start + (row + deep) * comptime!(side.pitch()) + column;
                    slabs[at] = Vector::cast_from(quad);
                }
            }
        } else if piece < comptime!(side.pieces()) {
            let row = piece / comptime!(side.length / QUAD);
            let column = piece % comptime!(side.length / QUAD);
            slabs[start + row * comptime!(side.pitch()) + column] = Vector::cast_from(held[load]);
        }
    }
}

/// Returns the index of a unit's row of units, from 0.
#[cube]
pub(super) fn unit_row(#[comptime] tile: Tile) -> usize {
    UNIT_POS as usize / comptime!(tile.units_across())
}

/// Returns the index of a unit's column of units, from 0.
#[cube]
pub(super) fn unit_column(#[comptime] tile: Tile) -> usize {
    UNIT_POS as usize % comptime!(tile.units_across())
}
