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
        Initialization::FanNormal(share) => {
            normal((share / (fan_in + fan_out)).sqrt(), rows, columns, stream)
        }
        Initialization::Normal(deviation) => normal(deviation, rows, columns, stream),
        Initialization::Zeros => filled(rows, columns, || 0.0),
        Initialization::Aligned => panic!("aligned weights are made from feedback matrices"),
    }
}

/// Draws the biases of a layer with this number of `inputs`, `[1, units]`: zeros, except with initializations that say otherwise.
pub fn draw_bias(initialization: Initialization, inputs: usize, units: usize, stream: &mut Stream) -> Matrix {
    match initialization {
        Initialization::TorchDefault => uniform(torch_limit(inputs), 1, units, stream),
        Initialization::FanNormal(share) => {
            normal((share / (inputs + units) as f64).sqrt(), 1, units, stream)
        }
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

fn normal(deviation: f64, rows: usize, columns: usize, stream: &mut Stream) -> Matrix {
    filled(rows, columns, || deviation * standard_normal(stream))
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
    /// `self other`: `[rows, columns]` and `[columns, other columns]` give `[rows, other columns]`.
    pub fn times(&self, other: &Self) -> Self {
        let mut values = Vec::with_capacity(self.rows * other.columns);
        for row in self.values.chunks(self.columns) {
            let mut sums = vec![0.0_f64; other.columns];
            for (left, right) in row.iter().zip(other.values.chunks(other.columns)) {
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum += f64::from(*left) * f64::from(*right);
                }
            }
            values.extend(sums.into_iter().map(|sum| sum as f32));
        }
        Self { rows: self.rows, columns: other.columns, values }
    }

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
    fn distributions_have_the_variance_the_largest_value_and_the_kurtosis_of_their_definition() {
        let (rows, columns) = (400_usize, 300_usize);
        let (inputs, sum) = (rows as f64, (rows + columns) as f64);
        // The kurtosis of a normal distribution truncated at two standard deviations, of a uniform one, and of a normal one.
        let (truncated, uniform, normal) = (2.365_5, 1.8, 3.0);
        for (initialization, variance, kurtosis) in [
            (Initialization::LecunNormal, 1.0 / inputs, truncated),
            (Initialization::LecunUniform, 1.0 / inputs, uniform),
            (Initialization::GlorotNormal, 2.0 / sum, truncated),
            (Initialization::GlorotUniform, 2.0 / sum, uniform),
            (Initialization::HeNormal, 2.0 / inputs, truncated),
            (Initialization::HeUniform, 2.0 / inputs, uniform),
            (Initialization::TorchDefault, 1.0 / (3.0 * inputs), uniform),
            (Initialization::Normal(0.3), 0.09, normal),
            (Initialization::FanNormal(1.0), 1.0 / sum, normal),
            (Initialization::Uniform(0.3), 0.03, uniform),
        ] {
            let matrix = draw(initialization, rows, columns, &mut random::stream(1, "test", &[]));
            let mean_of = |function: fn(f64) -> f64| {
                matrix.values.iter().map(|value| function(f64::from(*value))).sum::<f64>()
                    / matrix.values.len() as f64
            };
            let (mean, square, fourth) =
                (mean_of(|value| value), mean_of(|value| value.powi(2)), mean_of(|value| value.powi(4)));
            assert!(mean.abs() < 0.02 * variance.sqrt(), "{initialization:?}: mean {mean}");
            assert!((square / variance - 1.0).abs() < 0.02, "{initialization:?}: variance {square}");
            let got = fourth / square.powi(2);
            assert!((got / kurtosis - 1.0).abs() < 0.03, "{initialization:?}: kurtosis {got}");
            let largest =
                matrix.values.iter().fold(0.0_f64, |largest, value| largest.max(f64::from(value.abs())));
            let limit = match initialization {
                Initialization::Normal(_) | Initialization::FanNormal(_) => f64::INFINITY,
                _ if kurtosis == uniform => (3.0 * variance).sqrt(),
                _ => 2.0 * variance.sqrt() / TRUNCATED_DEVIATION,
            };
            assert!(largest <= limit * (1.0 + 1e-6), "{initialization:?}: largest {largest}");
        }
        let zeros = draw(Initialization::Zeros, 3, 2, &mut random::stream(1, "test", &[]));
        assert_eq!(zeros.values, [0.0; 6]);
    }
}
