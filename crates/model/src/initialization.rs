//! Random matrices, drawn from a (seed, purpose, layer) stream in double precision.

use random::{Stream, standard_normal};
use settings::Initialization;

use cpu::orthonormal;

/// A `[rows, columns]` matrix in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    pub rows: usize,
    pub columns: usize,
    pub values: Vec<f32>,
}

/// The initial parameters of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct InitialLayer {
    /// `[inputs, units]`.
    pub weight: Matrix,
    /// `[1, units]`.
    pub bias: Matrix,
}

/// Draws a `[rows, columns]` matrix; `rows` is the fan-in.
///
/// # Panics
/// For [`Initialization::Aligned`], which depends on other matrices.
pub fn draw(initialization: Initialization, rows: usize, columns: usize, stream: &mut Stream) -> Matrix {
    let (fan_in, fan_out) = (rows as f64, columns as f64);
    match initialization {
        Initialization::Orthogonal => {
            let (tall, narrow) = (rows.max(columns), rows.min(columns));
            let normal: Vec<f64> = (0..tall * narrow).map(|_| standard_normal(stream)).collect();
            orthogonal(rows, columns, &normal)
        }
        Initialization::LecunNormal => truncated(1.0 / fan_in, rows, columns, stream),
        Initialization::GlorotNormal => truncated(2.0 / (fan_in + fan_out), rows, columns, stream),
        Initialization::HeNormal => truncated(2.0 / fan_in, rows, columns, stream),
        Initialization::LecunUniform => uniform((3.0 / fan_in).sqrt(), rows, columns, stream),
        Initialization::GlorotUniform => uniform((6.0 / (fan_in + fan_out)).sqrt(), rows, columns, stream),
        Initialization::HeUniform => uniform((6.0 / fan_in).sqrt(), rows, columns, stream),
        Initialization::TorchDefault => uniform(torch_limit(rows), rows, columns, stream),
        Initialization::Uniform(limit) => uniform(limit, rows, columns, stream),
        Initialization::Normal(deviation) => filled(rows, columns, || deviation * standard_normal(stream)),
        Initialization::Zeros => filled(rows, columns, || 0.0),
        Initialization::Aligned => panic!("aligned weights are made from feedback matrices"),
    }
}

/// Draws the biases of a layer with this number of `inputs`, `[1, units]`: zeros except with PyTorch's initialization.
pub fn draw_bias(initialization: Initialization, inputs: usize, units: usize, stream: &mut Stream) -> Matrix {
    match initialization {
        Initialization::TorchDefault => uniform(torch_limit(inputs), 1, units, stream),
        _ => filled(1, units, || 0.0),
    }
}

fn torch_limit(inputs: usize) -> f64 {
    1.0 / (inputs as f64).sqrt()
}

/// Draws normal numbers that are truncated at two standard deviations, with this variance after the truncation.
fn truncated(variance: f64, rows: usize, columns: usize, stream: &mut Stream) -> Matrix {
    let deviation = variance.sqrt() / TRUNCATED_DEVIATION;
    filled(rows, columns, || deviation * truncated_normal(stream))
}

fn uniform(limit: f64, rows: usize, columns: usize, stream: &mut Stream) -> Matrix {
    filled(rows, columns, || limit * (2.0 * f64::from(random::uniform(stream)) - 1.0))
}

fn filled(rows: usize, columns: usize, mut value: impl FnMut() -> f64) -> Matrix {
    Matrix { rows, columns, values: (0..rows * columns).map(|_| value() as f32).collect() }
}

/// The standard deviation of a standard normal variable truncated at two standard deviations.
const TRUNCATED_DEVIATION: f64 = 0.879_625_661_034_239_8;

fn truncated_normal(stream: &mut Stream) -> f64 {
    loop {
        let value = standard_normal(stream);
        if value.abs() <= 2.0 {
            return value;
        }
    }
}

/// Returns the matrix of Keras' orthogonal initializer: Q of the QR decomposition of `normal` (`[max, min]` of rows and columns), with the
/// signs that make R's diagonal positive, transposed where there are fewer rows than columns.
pub fn orthogonal(rows: usize, columns: usize, normal: &[f64]) -> Matrix {
    let (tall, narrow) = (rows.max(columns), rows.min(columns));
    let q = orthonormal(tall, narrow, normal);
    let values = (0..rows * columns)
        .map(|at| if rows < columns { at % columns * narrow + at / columns } else { at })
        .map(|place| q[place] as f32)
        .collect();
    Matrix { rows, columns, values }
}

impl Matrix {
    /// `self other^T`: `[rows, columns]` and `[other rows, columns]` give `[rows, other rows]`.
    pub fn times_transposed(&self, other: &Self) -> Self {
        let values = self
            .values
            .chunks(self.columns)
            .flat_map(|left| other.values.chunks(other.columns).map(move |right| dot(left, right) as f32))
            .collect();
        Self { rows: self.rows, columns: other.rows, values }
    }
}

fn dot(left: &[f32], right: &[f32]) -> f64 {
    left.iter().zip(right).map(|(left, right)| f64::from(*left) * f64::from(*right)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_shorter_side_of_an_orthogonal_matrix_is_orthonormal(rows in 1_usize..20, columns in 1_usize..20) {
            let matrix = draw(Initialization::Orthogonal, rows, columns, &mut random::stream(1, "test", &[]));
            let at = |row: usize, column: usize| f64::from(matrix.values[row * columns + column]);
            for i in 0..rows.min(columns) {
                for j in 0..rows.min(columns) {
                    let product: f64 = if rows <= columns {
                        (0..columns).map(|k| at(i, k) * at(j, k)).sum()
                    } else {
                        (0..rows).map(|k| at(k, i) * at(k, j)).sum()
                    };
                    prop_assert!((product - f64::from(u8::from(i == j))).abs() < 1e-5);
                }
            }
        }
    }

    #[test]
    fn lecun_normal_has_variance_one_over_fan_in_and_is_truncated() {
        let matrix = draw(Initialization::LecunNormal, 400, 300, &mut random::stream(1, "test", &[]));
        let variance = matrix.values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>()
            / matrix.values.len() as f64;
        let largest = matrix.values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        assert!((variance * 400.0 - 1.0).abs() < 0.02, "{variance}");
        assert!(f64::from(largest) <= 2.0 / 20.0 / TRUNCATED_DEVIATION + 1e-6, "{largest}");
    }
}
