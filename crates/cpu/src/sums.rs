//! Sums in a fixed order.

use crate::{NARROWEST, vectorized};

vectorized! {
    /// Writes the sum of all rows of `values`, which are `row_stride` values apart.
    pub fn sum_rows<'a>(values: &'a [f32], row_stride: usize, sums: &'a mut [f32]) {
        sums.fill(0.0);
        for row in values.chunks(row_stride) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }
}

vectorized! {
    /// Returns the sum of `left * right` in double precision.
    pub fn inner_product<'a>(left: &'a [f32], right: &'a [f32]) -> f64 {
        /// The number of independent sums, so that values are added a vector at a time.
        const LANES: usize = 16;
        let mut sums = [0.0_f64; LANES];
        let (left, left_rest) = left.as_chunks::<LANES>();
        let (right, right_rest) = right.as_chunks::<LANES>();
        for (left, right) in left.iter().zip(right) {
            for lane in 0..LANES {
                sums[lane] += f64::from(left[lane]) * f64::from(right[lane]);
            }
        }
        let mut sum: f64 = sums.iter().sum();
        for (left, right) in left_rest.iter().zip(right_rest) {
            sum += f64::from(*left) * f64::from(*right);
        }
        sum
    }
}

vectorized! {
    /// Returns the sum of the products of [`NARROWEST`] neighboring columns in double precision.
    pub fn strip_inner_product<'a>(left_and_right: [&'a [f32]; 2], rows: usize, row_stride: usize) -> f64 {
        let [left, right] = left_and_right;
        let mut sums = [0.0_f64; NARROWEST];
        for row in 0..rows {
            let [left, right] = [left, right].map(|values| &values[row * row_stride..][..NARROWEST]);
            for lane in 0..NARROWEST {
                sums[lane] += f64::from(left[lane]) * f64::from(right[lane]);
            }
        }
        sums.iter().sum()
    }
}
