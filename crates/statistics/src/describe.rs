//! Descriptive statistics of one quantity.

use crate::{Description, SMALLEST_SAMPLE, student};

/// Describes values; their order does not matter. Returns none if there are no values or one is not finite.
///
/// Uses two passes, so that the deviation of close values far from zero is exact, and scales them, so that squares of very large and very
/// small values neither overflow nor vanish.
pub fn describe(values: &[f64]) -> Option<Description> {
    if values.is_empty() || !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let scale = scale(&sorted);
    let scaled: Vec<f64> = sorted.iter().map(|value| value / scale).collect();
    let scaled_mean = mean(&scaled);
    let count = sorted.len();
    let mean = scaled_mean * scale;
    let deviation = (count > 1).then(|| deviation(&scaled, scaled_mean) * scale);
    Some(Description {
        count,
        mean,
        deviation,
        interval: deviation
            .filter(|_| count >= SMALLEST_SAMPLE)
            .map(|deviation| student::confidence_interval(mean, deviation, count)),
        median: f64::midpoint(sorted[(count - 1) / 2], sorted[count / 2]),
    })
}

/// Returns a power of two near the largest magnitude, by which division is exact.
fn scale(sorted: &[f64]) -> f64 {
    let largest = sorted[0].abs().max(sorted[sorted.len() - 1].abs());
    let exponent_bits = largest.to_bits() & (0x7ff << 52);
    f64::from_bits(exponent_bits).max(f64::MIN_POSITIVE)
}

fn mean(sorted: &[f64]) -> f64 {
    let count = sorted.len() as f64;
    let rough = sorted.iter().sum::<f64>() / count;
    let correction = sorted.iter().map(|value| value - rough).sum::<f64>() / count;
    // The mean of equal values is exactly their value.
    (rough + correction).clamp(sorted[0], sorted[sorted.len() - 1])
}

fn deviation(values: &[f64], mean: f64) -> f64 {
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(values: &[f64]) -> Description {
        describe(values).expect("finite values")
    }

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        assert_eq!(described(&[1.0, 2.0, 3.0]).deviation, Some(1.0));
    }

    #[test]
    fn one_value_has_no_deviation_and_no_interval() {
        let expected = Description { count: 1, mean: 0.1, deviation: None, interval: None, median: 0.1 };
        assert_eq!(described(&[0.1]), expected);
    }

    #[test]
    fn equal_values_deviate_by_nothing_at_all() {
        for count in 2..50 {
            let description = described(&vec![0.1; count]);
            assert_eq!((description.mean, description.deviation), (0.1, Some(0.0)), "{count} values");
        }
    }

    #[test]
    fn nothing_is_said_of_no_values_or_of_what_is_no_number() {
        assert_eq!(describe(&[]), None);
        for no_number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(describe(&[1.0, no_number]), None);
        }
    }

    #[test]
    fn the_largest_and_the_smallest_numbers_have_a_mean() {
        assert_eq!(described(&[f64::MAX, f64::MAX]).mean, f64::MAX);
        let smallest = f64::from_bits(1);
        assert_eq!(described(&[smallest, smallest]).mean, smallest);
        assert_eq!(described(&[0.0, 0.0]).deviation, Some(0.0));
    }
}
