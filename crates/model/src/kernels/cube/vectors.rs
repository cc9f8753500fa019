//! Four values at a time, from rows that may end anywhere.

use cubecl::prelude::*;

/// Values that one access to memory moves at best.
pub(super) const QUAD: usize = 4;

/// Four values side by side.
pub(super) type Quad = Vector<f32, Const<QUAD>>;

/// The four values from `column` on of a row; 0 beyond the last row and column. `start` is where the matrix begins;
/// `N` divides the rows of `values`, `column` is a multiple of 4.
#[cube]
pub(super) fn quad_at<N: Size>(
    values: &Tensor<Vector<f32, N>>,
    start: usize,
    row: usize,
    column: usize,
) -> Quad {
    let mut quad = Quad::new(0.0);
    if row < values.shape(1) {
        let at = start + row * values.stride(1) + column;
        let columns = values.shape(2);
        let width = N::value();
        if comptime!(width == QUAD) {
            if column < columns {
                quad = Quad::cast_from(values[at / QUAD]);
            }
        } else {
            #[unroll]
            for lane in 0..QUAD {
                if column + lane < columns {
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
    start: usize,
    row: usize,
    column: usize,
    quad: Quad,
) {
    let at = start + row * values.stride(1) + column;
    let columns = values.shape(2);
    let width = N::value();
    if comptime!(width == QUAD) {
        if column < columns {
            values[at / QUAD] = Vector::cast_from(quad);
        }
    } else {
        #[unroll]
        for lane in 0..QUAD {
            if column + lane < columns {
                values[at + lane] = Vector::cast_from(quad[lane]);
            }
        }
    }
}
