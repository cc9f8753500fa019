//! Dimension of a hidden representation: `effective_rank` of a batch's outputs H `[batch, units]`, which is exp of the
//! entropy of its singular values as shares of their sum (Roy & Vetterli 2007, "The effective rank", eq. 3-4).
//!
//! Singular values are roots of the eigenvalues of H H^T or H^T H, whichever is smaller, in double precision on the host.

use burn::tensor::{Tensor, TensorData};
use faer::{Mat, Side, mat::AsMatRef};
use model::Kernels;
use settings::Quantity;

use super::{hidden_layers, host, readings};
use crate::{Inspection, Reading};

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
    let rows = values.len() / columns;
    let matrix = Mat::from_fn(rows, columns, |row, column| f64::from(values[row * columns + column]));
    let matrix = matrix.as_mat_ref();
    let gram = if rows < columns { matrix * matrix.transpose() } else { matrix.transpose() * matrix };
    let eigenvalues = gram.self_adjoint_eigenvalues(Side::Lower).expect("finite numbers converge");
    let singular = || eigenvalues.iter().map(|value| value.max(0.0).sqrt());
    let sum: f64 = singular().sum();
    if sum == 0.0 {
        return 0.0;
    }
    let shares = singular().map(|value| value / sum).filter(|share| *share > 0.0);
    (-shares.map(|share| share * share.ln()).sum::<f64>()).exp()
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
}
