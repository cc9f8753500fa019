//! Four values at a time, from rows that may end anywhere.

use cubecl::prelude::*;

/// Values that one access to memory moves at best.
pub(super) const QUAD: usize = 4;

/// Four values side by side.
pub(super) type Quad = Vector<f32, Const<QUAD>>;

/// Where a matrix is, and how far it goes: read once, because a kernel's stores might change it for all that a compiler
/// knows.
#[derive(CubeType, Clone, Copy)]
pub(super) struct Extent {
    /// Of its first value.
    start: usize,
    /// From one row to the next.
    stride: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// Of the matrix with this index.
#[cube]
pub(super) fn extent_of<N: Size>(values: &Tensor<Vector<f32, N>>, matrix: usize) -> Extent {
    Extent {
        start: matrix * values.stride(0),
        stride: values.stride(1),
        rows: values.shape(1),
        columns: values.shape(2),
    }
}

/// The four values from `column` on of a row; 0 beyond the last row and column. `N` divides the rows of `values`, `column`
/// is a multiple of 4.
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

/// Writes the four values from `column` on of a row that exists; what is beyond its last column is left out.
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
