//! Right factors of products in the order in which tiles read them.
//!
//! A matrix is cut into panels of neighboring columns. Panels follow each other, each with its rows one after the other, so a
//! tile of the matrix is one run of memory.

use crate::{Matrix, vector::panel_width, vectorized};

/// The order of the values of a `[rows, columns]` matrix in panels.
#[derive(Clone, Copy, PartialEq)]
pub struct Panels {
    pub rows: usize,
    pub columns: usize,
    /// The width of all panels but the last.
    width: usize,
}

/// A panel: a row-major matrix.
#[derive(Clone, Copy)]
pub struct Panel {
    /// The index of its first value.
    pub start: usize,
    /// The matrix's column that is the panel's first.
    pub column: usize,
    /// The number of columns, of which the last may be beyond the matrix.
    pub width: usize,
    /// The number of columns of the matrix.
    pub columns: usize,
}

impl Panels {
    pub fn of(rows: usize, columns: usize) -> Self {
        Self { rows, columns, width: panel_width() }
    }

    pub fn count(self) -> usize {
        self.columns.div_ceil(self.width)
    }

    pub fn get(self, index: usize) -> Panel {
        let column = index * self.width;
        let columns = self.width.min(self.columns - column);
        let narrow = columns.next_multiple_of(NARROWEST).next_power_of_two();
        Panel { start: column * self.rows, column, width: narrow.min(self.width), columns }
    }

    /// Returns the panel with this column.
    pub fn of_column(self, column: usize) -> Panel {
        self.get(column / self.width)
    }

    pub fn all(self) -> impl Iterator<Item = Panel> {
        (0..self.count()).map(move |index| self.get(index))
    }

    /// Returns the number of columns of all panels.
    pub fn padded_columns(self) -> usize {
        match self.count() {
            0 => 0,
            count => (count - 1) * self.width + self.get(count - 1).width,
        }
    }

    /// Returns the number of values of a matrix.
    pub fn length(self) -> usize {
        self.rows * self.padded_columns()
    }
}

/// Returns the number of columns of all panels of a matrix with this number of `columns`.
pub fn padded(columns: usize) -> usize {
    Panels::of(1, columns).padded_columns()
}

/// Returns whether the instruction set in use has panels of this width.
pub(crate) fn is_width(width: usize) -> bool {
    width.is_power_of_two() && (NARROWEST..=panel_width()).contains(&width)
}

/// The smallest width of a panel, which is also a multiple of every instruction set's vectors. The width of a last panel is this
/// number times a power of two.
pub const NARROWEST: usize = 16;

vectorized! {
    /// Copies the first columns of `matrix` to a panel; the values beyond the last column become 0.
    pub fn pack<'a>(matrix: Matrix<'a>, panel: Panel, values: &'a mut [f32]) {
        /// The rows that are read together from the columns of a transposed matrix: a cache line of each.
        const ROWS: usize = 16;
        let Panel { width, columns, .. } = panel;
        for (block, target) in values.chunks_mut(ROWS * width).enumerate() {
            let source = matrix.from(block * ROWS, 0);
            if matrix.column_stride == 1 {
                for (row, target) in target.chunks_exact_mut(width).enumerate() {
                    copy(&source.values[row * source.row_stride..][..columns], target);
                }
            } else {
                for (row, target) in target.chunks_exact_mut(width).enumerate() {
                    let values = source.values[row * source.row_stride..].iter();
                    for (target, value) in target[..columns].iter_mut().zip(values.step_by(source.column_stride)) {
                        *target = *value;
                    }
                }
            }
            if columns < width {
                target.chunks_exact_mut(width).for_each(|row| row[columns..].fill(0.0));
            }
        }
    }
}

/// Copies values a vector at a time: a call of the library's function costs as much as the copy of a row.
#[inline(always)]
pub fn copy(source: &[f32], target: &mut [f32]) {
    const VECTOR: usize = 16;
    let length = source.len();
    let (source, source_rest) = source.as_chunks::<VECTOR>();
    let (target, target_rest) = target[..length].as_chunks_mut::<VECTOR>();
    for (target, source) in target.iter_mut().zip(source) {
        *target = *source;
    }
    for (target, source) in target_rest.iter_mut().zip(source_rest) {
        *target = *source;
    }
}
