//! Slices as matrices.

/// Values as a matrix: the index of the value at (row, column) is `row * row_stride + column * column_stride`.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    pub values: &'a [f32],
    pub row_stride: usize,
    pub column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Creates a row-major matrix with rows of `columns` values.
    pub fn rows_of(values: &'a [f32], columns: usize) -> Self {
        Self { values, row_stride: columns, column_stride: 1 }
    }

    pub fn transposed(self) -> Self {
        Self { values: self.values, row_stride: self.column_stride, column_stride: self.row_stride }
    }

    /// Returns the part of the matrix that begins at a row and a column.
    pub fn from(self, row: usize, column: usize) -> Self {
        let start = row * self.row_stride + column * self.column_stride;
        Self { values: &self.values[start.min(self.values.len())..], ..self }
    }

    /// Returns whether the values contain a block of this size that begins at the first value.
    pub(crate) fn holds(self, rows: usize, columns: usize) -> bool {
        let down = (rows.max(1) - 1).checked_mul(self.row_stride);
        let across = (columns.max(1) - 1).checked_mul(self.column_stride);
        let last = down.zip(across).and_then(|(down, across)| down.checked_add(across));
        rows == 0 || columns == 0 || last.is_some_and(|last| last < self.values.len())
    }
}
