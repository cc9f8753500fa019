//! Factors of products in the order in which tiles read them.

use std::cell::RefCell;

use super::product::Matrix;

/// The width of a panel of a right factor. Matrices of at most [`NARROW`] columns have panels of that width.
pub(super) const WIDE: usize = 64;
pub(super) const NARROW: usize = 16;

/// Returns the width of the panels of a matrix.
pub(super) fn panel_width(columns: usize) -> usize {
    if columns <= NARROW { NARROW } else { WIDE }
}

/// A cache line of values.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[expect(dead_code, reason = "read as floats")] [f32; 16]);

/// Memory of one thread, kept because the pages of fresh memory would be mapped at every call.
#[derive(Default)]
pub(super) struct Scratch(Vec<Line>);

impl Scratch {
    /// Returns `length` values with undefined contents, aligned to a cache line.
    pub(super) fn values(&mut self, length: usize) -> &mut [f32] {
        let lines = length.div_ceil(16);
        if self.0.len() < lines {
            self.0.resize(lines, Line([0.0; 16]));
        }
        let values = self.0.as_mut_ptr().cast::<f32>();
        // SAFETY: the lines are initialized floats without gaps.
        unsafe { std::slice::from_raw_parts_mut(values, length) }
    }
}

/// The scratch memory of a product: a panel of the right factor, rows of the left one, and the result.
#[derive(Default)]
pub(super) struct ProductScratch {
    pub right: Scratch,
    pub left: Scratch,
    pub result: Scratch,
}

thread_local! {
    pub(super) static SCRATCH: RefCell<ProductScratch> = RefCell::default();
}

/// Copies the first `rows` rows and `columns` columns of `matrix` to `panel`, whose rows are `width` values; the values after the
/// last column become 0.
#[inline(always)]
pub(super) fn pack(matrix: Matrix<'_>, rows: usize, columns: usize, width: usize, panel: &mut [f32]) {
    for (row, target) in panel[..rows * width].chunks_exact_mut(width).enumerate() {
        let start = row * matrix.row_stride;
        if matrix.column_stride == 1 {
            target[..columns].copy_from_slice(&matrix.values[start..][..columns]);
        } else {
            for (column, value) in target[..columns].iter_mut().enumerate() {
                *value = matrix.values[start + column * matrix.column_stride];
            }
        }
        target[columns..].fill(0.0);
    }
}
