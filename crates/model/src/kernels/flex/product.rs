//! Matrix products, in blocks that cores can share.
//!
//! A product's blocks are the same however many threads take them, so its bits are, too.

use gemm::Parallelism;

/// Values seen as a matrix: the one at (row, column) lies at `row * row_stride + column * column_stride`.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub values: &'a [f32],
    pub row_stride: usize,
    pub column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Row by row, `columns` values each.
    pub(super) fn rows_of(values: &'a [f32], columns: usize) -> Self {
        Self { values, row_stride: columns, column_stride: 1 }
    }

    /// The transpose.
    pub(super) fn transposed(self) -> Self {
        Self { values: self.values, row_stride: self.column_stride, column_stride: self.row_stride }
    }

    /// From a row and a column on.
    pub(super) fn from(self, row: usize, column: usize) -> Self {
        let start = row * self.row_stride + column * self.column_stride;
        Self { values: &self.values[start.min(self.values.len())..], ..self }
    }

    /// Does a block of this size, from the first value on, lie within the values?
    fn holds(&self, rows: usize, columns: usize) -> bool {
        let last = (rows.max(1) - 1) * self.row_stride + (columns.max(1) - 1) * self.column_stride;
        rows == 0 || columns == 0 || last < self.values.len()
    }
}

/// `left right`, where `left` is `[rows, depth]` and `right` `[depth, columns]`.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    pub left: Matrix<'a>,
    pub right: Matrix<'a>,
    pub depth: usize,
}

impl Product<'_> {
    /// Writes the first `rows` times `columns` values; row `r` of the result begins at `target + r * row_stride`.
    ///
    /// # Safety
    /// Those places can be written, and nobody else uses them meanwhile.
    pub(super) unsafe fn write(&self, rows: usize, columns: usize, target: *mut f32, row_stride: usize) {
        let Self { left, right, depth } = *self;
        assert!(left.holds(rows, depth) && right.holds(depth, columns), "a block lies within its matrices");
        let stride = |length: usize| isize::try_from(length).expect("a matrix fits the address space");
        // SAFETY: the strides and sizes stay within `left` and `right`, as was just checked, and the caller vouches
        // for the target.
        unsafe {
            gemm::gemm(
                rows,
                columns,
                depth,
                target,
                1,
                stride(row_stride),
                false,
                left.values.as_ptr(),
                stride(left.column_stride),
                stride(left.row_stride),
                right.values.as_ptr(),
                stride(right.column_stride),
                stride(right.row_stride),
                0.0,
                1.0,
                false,
                false,
                false,
                Parallelism::None,
            );
        }
    }
}

/// Values of which several threads write parts that do not overlap.
#[derive(Clone, Copy)]
pub(super) struct Shared {
    start: *mut f32,
    length: usize,
}

// SAFETY: it is only an address; `part` says who may use it.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub(super) fn new(values: &mut [f32]) -> Self {
        Self { start: values.as_mut_ptr(), length: values.len() }
    }

    /// `length` values from `start` on.
    ///
    /// # Safety
    /// The values that this was made of are still borrowed, and no other part that is in use overlaps with this one.
    pub(super) unsafe fn part<'a>(self, start: usize, length: usize) -> &'a mut [f32] {
        assert!(start + length <= self.length, "a part lies within the values");
        // SAFETY: it lies within, and the caller vouches for the rest.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), length) }
    }

    /// Where the value at `index` lies; writing there underlies the conditions of [`Shared::part`].
    pub(super) fn address(self, index: usize) -> *mut f32 {
        assert!(index <= self.length, "a part lies within the values");
        self.start.wrapping_add(index)
    }
}
