//! The innermost loop of every product: a tile of the result stays in registers while k runs.

use crate::{Matrix, vector::Vector};

/// The rows of a tile where there are enough.
pub(crate) const TILE_ROWS: usize = 6;

/// A part of a product's result: `VECTORS` vectors of each of `ROWS` rows.
pub(crate) type Tile<V, const ROWS: usize, const VECTORS: usize> = [[V; VECTORS]; ROWS];

/// A left factor: the value at (row, k) is at `row * row_stride + k * step`.
#[derive(Clone, Copy)]
pub(crate) struct Left {
    pub values: *const f32,
    pub row_stride: usize,
    pub step: usize,
}

impl Left {
    pub(crate) fn of(matrix: Matrix<'_>) -> Self {
        Self { values: matrix.values.as_ptr(), row_stride: matrix.row_stride, step: matrix.column_stride }
    }
}

/// A right factor: the values of one k are contiguous, and `row_stride` after those of the k before.
#[derive(Clone, Copy)]
pub(crate) struct Right {
    pub values: *const f32,
    pub row_stride: usize,
}

/// Other work that is done between the products of a tile, whose instructions leave room for it.
pub(crate) trait Meanwhile {
    /// Does a part of this work, before the products of four values of k.
    ///
    /// # Safety
    /// The processor has the instruction set of `V`.
    unsafe fn part<V: Vector>(&mut self, index: usize);
}

/// For tiles without other work.
impl Meanwhile for () {
    #[inline(always)]
    unsafe fn part<V: Vector>(&mut self, _: usize) {}
}

/// Brings values that are needed after this tile to the second-level cache.
pub(crate) struct Prefetch {
    values: *const f32,
    /// The number of values, at most two cache lines for each part.
    length: usize,
}

impl Prefetch {
    /// Creates the prefetch of `length` values, which need not exist.
    pub(crate) fn new(values: *const f32, length: usize) -> Self {
        Self { values, length }
    }
}

impl Meanwhile for Prefetch {
    // Two lines and no loop: next to a loop, the compiler does not keep the tile in registers.
    #[inline(always)]
    unsafe fn part<V: Vector>(&mut self, index: usize) {
        /// The floats of a cache line.
        const LINE: usize = 16;
        let at = index * 2 * LINE;
        if at < self.length {
            // SAFETY: a prefetch may go to any address.
            unsafe {
                V::prefetch_to_second_level(self.values.wrapping_add(at));
                V::prefetch_to_second_level(self.values.wrapping_add(at + LINE));
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
pub(crate) unsafe fn accumulate<V: Vector, const ROWS: usize, const VECTORS: usize>(
    mut tile: Tile<V, ROWS, VECTORS>,
    left: Left,
    right: Right,
    depth: usize,
    meanwhile: &mut impl Meanwhile,
) -> Tile<V, ROWS, VECTORS> {
    let (mut left, mut right) = (left, right);
    // SAFETY: the caller guarantees the sizes of the factors.
    unsafe {
        for part in 0..depth / 4 {
            meanwhile.part::<V>(part);
            for _ in 0..4 {
                step(&mut tile, &mut left, &mut right);
            }
        }
        for _ in 0..depth % 4 {
            step(&mut tile, &mut left, &mut right);
        }
    }
    tile
}

/// Adds the products of one k, and goes to the next.
///
/// # Safety
/// As for [`accumulate`].
#[inline(always)]
unsafe fn step<V: Vector, const ROWS: usize, const VECTORS: usize>(
    tile: &mut Tile<V, ROWS, VECTORS>,
    left: &mut Left,
    right: &mut Right,
) {
    // SAFETY: the caller guarantees the sizes of the factors.
    unsafe {
        let mut factors = [V::splat(0.0); VECTORS];
        for (index, factor) in factors.iter_mut().enumerate() {
            *factor = V::load(right.values.add(index * V::LANES));
        }
        for (row, sums) in tile.iter_mut().enumerate() {
            let value = V::splat(*left.values.add(row * left.row_stride));
            for (sum, factor) in sums.iter_mut().zip(factors) {
                *sum = value.mul_add(factor, *sum);
            }
        }
        // The last step goes beyond the factors.
        left.values = left.values.wrapping_add(left.step);
        right.values = right.values.wrapping_add(right.row_stride);
    }
}

// Not by `array::from_fn`: closures are not compiled for the instruction set.
/// Loads a tile whose rows are `row_stride` values apart.
///
/// # Safety
/// The processor has the instruction set of `V`, and there is a tile at `source`.
#[inline(always)]
pub(crate) unsafe fn load<V: Vector, const ROWS: usize, const VECTORS: usize>(
    source: *const f32,
    row_stride: usize,
) -> Tile<V, ROWS, VECTORS> {
    // SAFETY: the caller guarantees it.
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

/// Stores a tile whose rows are `row_stride` values apart.
///
/// # Safety
/// As for [`load`], at `target`.
#[inline(always)]
pub(crate) unsafe fn store<V: Vector, const ROWS: usize, const VECTORS: usize>(
    tile: &Tile<V, ROWS, VECTORS>,
    target: *mut f32,
    row_stride: usize,
) {
    for (row, vectors) in tile.iter().enumerate() {
        for (index, vector) in vectors.iter().enumerate() {
            // SAFETY: the caller guarantees it.
            unsafe { vector.store(target.add(row * row_stride + index * V::LANES)) };
        }
    }
}
