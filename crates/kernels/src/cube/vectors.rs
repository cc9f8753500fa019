//! Reads and writes of four values at a time, in rows of any length.

use cubecl::prelude::*;

/// The number of values that one memory access can move.
pub(super) const QUAD: usize = 4;

/// Four neighboring values of a row.
pub(super) type Quad = Vector<f32, Const<QUAD>>;

/// The position and the size of a matrix, read once: a compiler cannot know that a kernel's stores leave them unchanged.
#[derive(CubeType, Clone, Copy)]
pub(super) struct Extent {
    /// The index of the first value.
    start: usize,
    /// The distance from one row to the next.
    stride: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// Returns the extent of the matrix with this index.
#[cube]
pub(super) fn extent_of<N: Size>(values: &Tensor<Vector<f32, N>>, matrix: usize) -> Extent {
    Extent {
        start: matrix * values.stride(0),
        stride: values.stride(1),
        rows: values.shape(1),
        columns: values.shape(2),
    }
}

/// Returns the four values of a row from `column` on, with 0 beyond the last row and column. `N` divides the length of
/// rows, and `column` is a multiple of 4.
#[cube]
pub(super) fn quad_at<N: Size>(
    values: &Tensor<Vector<f32, N>>,
    extent: &Extent,
    row: usize,
    column: usize,
) -> Quad {
    let mut quad = Quad::new(0.0);
    if row < extent.rows {
        let at = extent.start + row * extent.stride + column;
        let width = N::value();
        if comptime!(width == QUAD) {
            if column < extent.columns {
                quad = Quad::cast_from(values[at / QUAD]);
            }
        } else {
            #[unroll]
            for lane in 0..QUAD {
                if column + lane < extent.columns {
                    quad[lane] = f32::cast_from(values[at + lane]);
                }
            }
        }
    }
    quad
}

/// Writes four values to an existing row from `column` on, except those beyond its last column.
#[cube]
pub(super) fn put_quad<N: Size>(
    values: &mut Tensor<Vector<f32, N>>,
    extent: &Extent,
    row: usize,
    column: usize,
    quad: Quad,
) {
    let at = extent.start + row * extent.stride + column;
    let width = N::value();
    if comptime!(width == QUAD) {
        if column < extent.columns {
            values[at / QUAD] = Vector::cast_from(quad);
        }
    } else {
        #[unroll]
        for lane in 0..QUAD {
            if column + lane < extent.columns {
                values[at + lane] = Vector::cast_from(quad[lane]);
            }
        }
    }
}
