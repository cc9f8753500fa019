//! The comparison of a tensor with the numbers that it must hold.

use burn::tensor::{Tensor, TensorData};
use kernels::Kernels;
use serde_json::Value;

/// The smallest number that a difference is divided by.
const FLOOR: f64 = 1e-2;

/// The entry of a tensor that is furthest from its vector, over all trials.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The case, step, quantity and entry.
    pub what: String,
    pub got: f32,
    pub wanted: f64,
    /// The difference, relative to the largest entry of the vector, which counts as at least 0.01; infinite for NaN.
    pub deviation: f64,
}

impl Comparison {
    /// Compares cosines of angles. Rounding in two vectors changes their cosine relative to 1 and not relative to the cosine.
    pub(crate) fn of_cosines<B: Kernels>(what: &str, actual: Tensor<B, 1>, expected: &Value) -> Self {
        let comparison = Self::of(what, actual, expected);
        let difference = (f64::from(comparison.got) - comparison.wanted).abs();
        Self { deviation: if difference.is_nan() { f64::INFINITY } else { difference }, ..comparison }
    }

    /// Compares every trial of `actual` with `expected`.
    pub(crate) fn of<B: Kernels, const D: usize>(what: &str, actual: Tensor<B, D>, expected: &Value) -> Self {
        let actual = actual.into_data().convert::<f32>().into_vec::<f32>().expect("it was converted to f32");
        Self::of_numbers(what, &actual, &numbers(expected))
    }

    /// Compares `actual`, of any number of trials, with the numbers of one.
    pub(crate) fn of_numbers(what: &str, actual: &[f32], expected: &[f64]) -> Self {
        assert_eq!(actual.len() % expected.len(), 0, "{what}: {} against {}", actual.len(), expected.len());
        let largest = expected.iter().fold(FLOOR, |largest, value| largest.max(value.abs()));
        let entries = actual.iter().enumerate().map(|(index, &got)| {
            let wanted = expected[index % expected.len()];
            let difference = (f64::from(got) - wanted).abs() / largest;
            let deviation = if difference.is_nan() { f64::INFINITY } else { difference };
            Self { what: format!("{what}[{index}]"), got, wanted, deviation }
        });
        entries
            .max_by(|one, other| one.deviation.total_cmp(&other.deviation))
            .unwrap_or_else(|| panic!("{what} is empty"))
    }
}

/// Returns all numbers of a nested list, in order.
pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        Value::Number(number) => vec![number.as_f64().expect("a JSON number is a float")],
        Value::Bool(flag) => vec![f64::from(u8::from(*flag))],
        other => panic!("expected numbers, found {other}"),
    }
}

/// Returns a matrix, or a vector as a single row, repeated for every trial: `[trials, rows, columns]`.
pub(crate) fn tensor<B: Kernels>(value: &Value, trials: usize, device: &B::Device) -> Tensor<B, 3> {
    let numbers: Vec<f32> = numbers(value).into_iter().map(|number| number as f32).collect();
    let rows = match value {
        Value::Array(items) if items.first().is_some_and(Value::is_array) => items.len(),
        _ => 1,
    };
    let shape = [trials, rows, numbers.len() / rows];
    Tensor::from_data(TensorData::new(numbers.repeat(trials), shape), device)
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;
    use serde_json::json;

    use super::*;

    fn deviation(actual: [f32; 2], expected: &Value) -> f64 {
        let actual: Tensor<Flex, 1> = Tensor::from_data(actual, &Default::default());
        Comparison::of("values", actual, expected).deviation
    }

    #[test]
    fn the_worst_entry_counts_relative_to_the_largest_and_nan_is_infinitely_far() {
        let cases = [
            ([1.0, 2.0], json!([1.0, 2.0]), 0.0),
            ([1.5, 2.0], json!([1.0, 2.0]), 0.25),
            ([0.0, 0.0], json!([0.0, 0.001]), 0.1),
            ([f32::NAN, 2.0], json!([1.0, 2.0]), f64::INFINITY),
            ([1.0, 3.0], json!([2.0]), 0.5),
        ];
        for (actual, expected, off) in cases {
            assert!((deviation(actual, &expected) - off).abs() < 1e-6 || off.is_infinite(), "{actual:?}");
            assert_eq!(deviation(actual, &expected).is_infinite(), off.is_infinite(), "{actual:?}");
        }
    }
}
