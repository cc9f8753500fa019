//! Blocks of matrix products.

use crate::{
    Matrix, Panels,
    panels::is_width,
    tile::{Left, Prefetch, Right, TILE_ROWS, Tile, accumulate, load, store},
    vector::{Vector, Work, run},
};

/// The values of k that a tile runs through before the next tile. This many rows of a panel stay in the second-level cache.
const DEPTH: usize = 256;

/// Rows of the left factor of a product.
#[derive(Clone, Copy)]
pub enum LeftRows<'a> {
    /// The first rows of a matrix.
    Rows(Matrix<'a>),
    /// Rows of a matrix in panels, from `row` on.
    Panels { values: &'a [f32], panels: Panels, row: usize },
}

impl LeftRows<'_> {
    /// Returns whether there are `rows` rows with `depth` values of k.
    fn holds(&self, rows: usize, depth: usize) -> bool {
        match *self {
            Self::Rows(matrix) => matrix.holds(rows, depth),
            Self::Panels { values, panels, row } => {
                values.len() == panels.length() && row + rows <= panels.rows && depth == panels.columns
            }
        }
    }

    /// Returns the factor from `first_k` on, and the values of k for which its steps are equal; at most `depth`.
    fn part(&self, first_k: usize, depth: usize) -> (Left, usize) {
        match *self {
            Self::Rows(matrix) => (Left::of(matrix.from(0, first_k)), depth.min(DEPTH)),
            Self::Panels { values, panels, row } => {
                let panel = panels.get(first_k / panels.get(0).width);
                let start = panel.start + row * panel.width;
                (Left { values: values[start..].as_ptr(), row_stride: panel.width, step: 1 }, panel.columns)
            }
        }
    }
}

/// Computes `rows` rows of the product of `left` and a panel, which is `[depth, width]`. The result is `[rows, width]`.
///
/// # Panics
/// If the sizes do not match, or no panel has this width.
pub fn block_product(left: LeftRows<'_>, right: &[f32], width: usize, rows: usize, result: &mut [f32]) {
    assert!(is_width(width), "a panel's width is one of this instruction set");
    let depth = right.len() / width;
    assert!(left.holds(rows, depth) && result.len() == rows * width, "a block is within its matrices");
    run(BlockProduct { left, right, width, depth, rows, result });
}

/// Computes a block of a product.
struct BlockProduct<'a, 's> {
    left: LeftRows<'a>,
    /// The panel, `[depth, width]`.
    right: &'a [f32],
    width: usize,
    depth: usize,
    rows: usize,
    /// The result, `[rows, width]`.
    result: &'s mut [f32],
}

impl Work for BlockProduct<'_, '_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Self { left, right, width, depth, rows, result } = self;
        if depth == 0 {
            result.fill(0.0);
        }
        let mut first_k = 0;
        while first_k < depth {
            let (left, part_depth) = left.part(first_k, depth - first_k);
            let tiles = Tiles {
                left,
                right: Right { values: right[first_k * width..].as_ptr(), row_stride: width },
                depth: part_depth,
                result: result.as_mut_ptr(),
                width,
                continues: first_k > 0,
                prefetched_per_tile: (part_depth * width).div_ceil(rows.div_ceil(TILE_ROWS).max(1)),
            };
            // SAFETY: the sizes of the factors and of the result were checked.
            unsafe { tiles.all::<V>(rows) };
            first_k += part_depth;
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
    /// The number of values of the right factor's next rows that a tile prefetches.
    prefetched_per_tile: usize,
}

impl Tiles {
    /// # Safety
    /// The processor has the instruction set of `V`. The left factor and the result have `rows` rows.
    #[inline(always)]
    unsafe fn all<V: Vector>(self, rows: usize) {
        // SAFETY: the caller guarantees it.
        unsafe {
            match self.width / V::LANES {
                1 => self.of_width::<V, 1>(rows),
                2 => self.of_width::<V, 2>(rows),
                _ => self.of_width::<V, 4>(rows),
            }
        }
    }

    #[inline(always)]
    unsafe fn of_width<V: Vector, const VECTORS: usize>(self, rows: usize) {
        let mut row = 0;
        // SAFETY: the caller of `all` guarantees the rows.
        unsafe {
            while rows - row >= TILE_ROWS {
                self.tile::<V, TILE_ROWS, VECTORS>(row);
                row += TILE_ROWS;
            }
            if rows - row >= 4 {
                self.tile::<V, 4, VECTORS>(row);
                row += 4;
            }
            if rows - row >= 2 {
                self.tile::<V, 2, VECTORS>(row);
                row += 2;
            }
            if rows - row >= 1 {
                self.tile::<V, 1, VECTORS>(row);
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<V: Vector, const ROWS: usize, const VECTORS: usize>(self, row: usize) {
        let Self { left, right, depth, width, prefetched_per_tile, .. } = self;
        let left = Left { values: left.values.wrapping_add(row * left.row_stride), ..left };
        let next = depth * width + row / TILE_ROWS * prefetched_per_tile;
        let mut prefetch = Prefetch::new(right.values.wrapping_add(next), prefetched_per_tile);
        // SAFETY: the caller of `all` guarantees the rows, and the width is that of the vectors.
        unsafe {
            let target = self.result.add(row * width);
            let before: Tile<V, ROWS, VECTORS> =
                if self.continues { load(target, width) } else { [[V::splat(0.0); VECTORS]; ROWS] };
            store(&accumulate(before, left, right, depth, &mut prefetch), target, width);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InstructionSet, pack, tests::numbers};

    /// Returns `left right` in double precision, `[rows, columns]`.
    fn exact(left: Matrix<'_>, right: &[f32], [rows, depth, columns]: [usize; 3]) -> Vec<f64> {
        let mut product = vec![0.0; rows * columns];
        for row in 0..rows {
            for k in 0..depth {
                let factor = f64::from(left.values[row * left.row_stride + k * left.column_stride]);
                for column in 0..columns {
                    product[row * columns + column] += factor * f64::from(right[k * columns + column]);
                }
            }
        }
        product
    }

    /// Sizes of more than one part of k and of last panels of every width, and tiles of all numbers of rows.
    const SIZES: [[usize; 3]; 6] =
        [[13, DEPTH + 3, 75], [6, 9, 64], [1, 1, 1], [23, 70, 16], [4, 128, 100], [0, 5, 17]];

    #[test]
    fn a_block_is_the_product_with_left_factors_in_any_order() {
        for set in InstructionSet::available() {
            set.within(|| {
                for [rows, depth, columns] in SIZES {
                    let (left, right) = (numbers(rows * depth, 1), numbers(depth * columns, 2));
                    let (panels, left_panels) = (Panels::of(depth, columns), Panels::of(rows, depth));
                    let mut left_in_panels = vec![0.0; left_panels.length()];
                    for panel in left_panels.all() {
                        let values = &mut left_in_panels[panel.start..][..rows * panel.width];
                        pack(Matrix::rows_of(&left, depth).from(0, panel.column), panel, values);
                    }
                    let transposed: Vec<f32> = (0..depth * rows)
                        .map(|at| left[at % rows.max(1) * depth + at / rows.max(1)])
                        .collect();
                    let matrix = Matrix::rows_of(&left, depth);
                    let product = exact(matrix, &right, [rows, depth, columns]);
                    for left in [
                        LeftRows::Rows(matrix),
                        LeftRows::Rows(Matrix::rows_of(&transposed, rows).transposed()),
                        LeftRows::Panels { values: &left_in_panels, panels: left_panels, row: 0 },
                    ] {
                        for panel in panels.all() {
                            let mut values = vec![0.0; depth * panel.width];
                            pack(Matrix::rows_of(&right, columns).from(0, panel.column), panel, &mut values);
                            let mut result = vec![f32::NAN; rows * panel.width];
                            block_product(left, &values, panel.width, rows, &mut result);
                            for (row, values) in result.chunks_exact(panel.width).enumerate() {
                                let (inside, beyond) = values.split_at(panel.columns);
                                let wanted = &product[row * columns + panel.column..];
                                assert!(
                                    inside
                                        .iter()
                                        .zip(wanted)
                                        .all(|(got, wanted)| { (f64::from(*got) - wanted).abs() <= 1e-4 })
                                );
                                assert!(beyond.iter().all(|value| *value == 0.0));
                            }
                        }
                    }
                }
            });
        }
    }

    #[test]
    #[should_panic(expected = "within its matrices")]
    fn a_factor_that_is_too_short_is_refused() {
        let left = vec![0.0; 11];
        block_product(LeftRows::Rows(Matrix::rows_of(&left, 4)), &[0.0; 64], 16, 3, &mut [0.0; 48]);
    }
}
