//! The innermost loop of every product: a tile of the result stays in registers while k runs.

use super::product::Matrix;
use crate::vector::Vector;

/// A part of a product's result: `VECTORS` vectors of each of `ROWS` rows.
pub(super) type Tile<V, const ROWS: usize, const VECTORS: usize> = [[V; VECTORS]; ROWS];

/// A left factor: the value at (row, k) is at `row * row_stride + k * step`.
#[derive(Clone, Copy)]
pub(super) struct Left {
    pub values: *const f32,
    pub row_stride: usize,
    pub step: usize,
}

impl Left {
    pub(super) fn of(matrix: Matrix<'_>) -> Self {
        Self { values: matrix.values.as_ptr(), row_stride: matrix.row_stride, step: matrix.column_stride }
    }
}

/// A right factor: the values of one k are contiguous, and `row_stride` after those of the k before.
#[derive(Clone, Copy)]
pub(super) struct Right {
    pub values: *const f32,
    pub row_stride: usize,
}

/// Addresses that are needed after a tile: one row of a cache line or more for every four values of k.
#[derive(Clone, Copy)]
pub(super) struct Prefetch<const ARRAYS: usize> {
    pub arrays: [*const f32; ARRAYS],
    /// The distance from a row to the next.
    pub row_stride: usize,
    /// The number of rows.
    pub rows: usize,
    /// The number of cache lines in each row.
    pub lines: usize,
}

/// Nothing to prefetch.
pub(super) const NOTHING: Prefetch<0> = Prefetch { arrays: [], row_stride: 0, rows: 0, lines: 0 };

impl<const ARRAYS: usize> Prefetch<ARRAYS> {
    /// Asks for one line of each array: the `index`th of all rows.
    ///
    /// # Safety
    /// The processor has the instruction set of `V`.
    #[inline(always)]
    unsafe fn line<V: Vector>(&self, index: usize) {
        if ARRAYS > 0 && index < self.rows * self.lines {
            let offset = index / self.lines * self.row_stride + index % self.lines * 16;
            for array in self.arrays {
                // SAFETY: a prefetch may go to any address.
                unsafe { V::prefetch(array.wrapping_add(offset)) };
            }
        }
    }
}

/// Returns `tile + left right` over `depth` values of k. Each value is one chain of fused multiply-adds in the order of k, so no
/// size of tiles or vectors changes a bit.
///
/// # Safety
/// The processor has the instruction set of `V`, and the factors have `ROWS` rows, `VECTORS` vectors and `depth` values of k.
#[inline(always)]
pub(super) unsafe fn accumulate<V: Vector, const ROWS: usize, const VECTORS: usize, const ARRAYS: usize>(
    mut tile: Tile<V, ROWS, VECTORS>,
    left: Left,
    right: Right,
    depth: usize,
    prefetch: &Prefetch<ARRAYS>,
) -> Tile<V, ROWS, VECTORS> {
    // SAFETY: the caller guarantees the sizes of the factors.
    unsafe {
        for group in 0..depth / 4 {
            prefetch.line::<V>(group);
            for k in 4 * group..4 * group + 4 {
                step(&mut tile, left, right, k);
            }
        }
        for k in depth / 4 * 4..depth {
            step(&mut tile, left, right, k);
        }
    }
    tile
}

/// Adds the products of one k.
///
/// # Safety
/// As for [`accumulate`].
#[inline(always)]
unsafe fn step<V: Vector, const ROWS: usize, const VECTORS: usize>(
    tile: &mut Tile<V, ROWS, VECTORS>,
    left: Left,
    right: Right,
    k: usize,
) {
    // SAFETY: the caller guarantees the sizes of the factors.
    unsafe {
        let right = right.values.add(k * right.row_stride);
        let mut factors = [V::splat(0.0); VECTORS];
        for (index, factor) in factors.iter_mut().enumerate() {
            *factor = V::load(right.add(index * V::LANES));
        }
        for (row, sums) in tile.iter_mut().enumerate() {
            let value = V::splat(*left.values.add(row * left.row_stride + k * left.step));
            for (sum, factor) in sums.iter_mut().zip(factors) {
                *sum = value.mul_add(factor, *sum);
            }
        }
    }
}
