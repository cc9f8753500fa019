//! Dimension of a hidden representation: `effective_rank` of a batch's outputs H `[batch, units]`, which is exp of the
//! entropy of its singular values as shares of their sum (Roy & Vetterli 2007, "The effective rank", eq. 3-4).
//!
//! Singular values are roots of the eigenvalues of H H^T or H^T H, whichever is smaller, in double precision on the host.

use std::array;

use burn::tensor::{Tensor, TensorData};
use kernels::Kernels;
use settings::Quantity;

use super::{hidden_layers, host, readings};
use crate::{Inspection, Reading, eigenvalues::eigenvalues};

const RANK: Quantity = Quantity::named("effective_rank");

pub(super) fn measure<B: Kernels>(inspection: &Inspection<'_, B>) -> Vec<Reading<B>> {
    hidden_layers()
        .zip(inspection.traces())
        .flat_map(|(place, trace)| {
            let output = &trace.activation;
            let [trials, _, units] = output.dims();
            let ranks: Vec<f32> =
                host(output.clone()).iter().map(|values| effective_rank(values, units) as f32).collect();
            let ranks = Tensor::from_data(TensorData::new(ranks, [trials]), &output.device());
            readings(place, [(RANK, ranks)])
        })
        .collect()
}

/// Returns the effective rank of a row-major matrix with `columns` columns: 0 where every value is 0, NaN where a value is
/// not finite.
fn effective_rank(values: &[f32], columns: usize) -> f64 {
    if values.iter().any(|value| !value.is_finite()) {
        return f64::NAN;
    }
    let singular: Vec<f64> =
        eigenvalues(gram(values, columns)).into_iter().map(|value| value.max(0.0).sqrt()).collect();
    let sum: f64 = singular.iter().sum();
    if sum == 0.0 {
        return 0.0;
    }
    let shares = singular.iter().map(|value| value / sum).filter(|share| *share > 0.0);
    (-shares.map(|share| share * share.ln()).sum::<f64>()).exp()
}

/// Returns the rows of H H^T or H^T H, whichever is smaller.
fn gram(values: &[f32], columns: usize) -> Vec<Vec<f64>> {
    /// Vectors that are added in one pass over the matrix.
    const VECTORS: usize = 8;
    let rows = values.len() / columns;
    let (order, depth) = (rows.min(columns), rows.max(columns));
    let (stride, depth_stride) = if rows < columns { (columns, 1) } else { (1, columns) };

    let mut gram = vec![vec![0.0; order]; order];
    let mut vectors: [_; VECTORS] = array::from_fn(|_| vec![0.0; order]);
    for start in (0..depth).step_by(VECTORS) {
        for (at, vector) in (start..).zip(&mut vectors) {
            for (i, entry) in vector.iter_mut().enumerate() {
                *entry = if at < depth { f64::from(values[i * stride + at * depth_stride]) } else { 0.0 };
            }
        }
        let vectors = vectors.each_ref().map(Vec::as_slice);
        for (i, row) in gram.iter_mut().enumerate() {
            let vectors = vectors.map(|vector| &vector[..=i]);
            for (j, sum) in row[..=i].iter_mut().enumerate() {
                for vector in vectors {
                    *sum += vector[i] * vector[j];
                }
            }
        }
    }
    // The sums stop at the diagonal.
    for i in 1..order {
        let (above, rest) = gram.split_at_mut(i);
        for (row, value) in above.iter_mut().zip(&rest[0]) {
            row[i] = *value;
        }
    }
    gram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[f32], columns: usize, wanted: f64) {
        let got = effective_rank(values, columns);
        assert!((got - wanted).abs() < 1e-6, "{got} {wanted}");
    }

    #[test]
    fn equal_directions_count_fully_and_one_direction_counts_once() {
        check(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0], 3, 2.0);
        check(&[1.0, 2.0, 2.0, 4.0, 3.0, 6.0], 2, 1.0);
        check(&[0.0; 6], 2, 0.0);
        // Singular values 3 and 1: shares 3/4 and 1/4.
        let entropy = -(0.75 * 0.75_f64.ln() + 0.25 * 0.25_f64.ln());
        check(&[3.0, 0.0, 0.0, 1.0, 0.0, 0.0], 2, entropy.exp());
        assert!(effective_rank(&[f32::NAN, 0.0], 1).is_nan());
    }

    #[test]
    fn a_rotated_matrix_has_the_rank_of_its_singular_values() {
        // Diagonal matrices between two reflections I - 2/n: full ones, and one with fewer directions than rows.
        for singular in [vec![1.0; 20], (1..=9).map(f64::from).collect(), vec![5.0, 0.0, 2.0, 0.0, 0.0, 1.0]]
        {
            let order = singular.len();
            let reflection = |i: usize, j: usize| f64::from(u8::from(i == j)) - 2.0 / order as f64;
            let entry = |i: usize, j: usize| -> f64 {
                (0..order).map(|k| reflection(i, k) * singular[k] * reflection(k, j)).sum()
            };
            let square: Vec<f32> =
                (0..order * order).map(|at| entry(at / order, at % order) as f32).collect();
            let sum: f64 = singular.iter().sum();
            let shares = singular.iter().map(|value| value / sum).filter(|share| *share > 0.0);
            let wanted = shares.map(|share| -share * share.ln()).sum::<f64>().exp();
            // Directions that are only rounding errors of f32 count a little.
            let got = effective_rank(&square, order);
            assert!((got / wanted - 1.0).abs() < 1e-4, "{got} {wanted}");
            // More rows or columns of zeros change nothing.
            let tall = [square.clone(), vec![0.0; 3 * order]].concat();
            assert!((effective_rank(&tall, order) - got).abs() < 1e-4);
        }
    }
}
