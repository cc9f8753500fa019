//! Ranges: evenly spaced numbers of an axis.

use serde::Deserialize;

/// At most 1000 evenly spaced numbers, instead of a list of numbers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) enum Range {
    /// `from`, `from * factor`, ... up to `to`.
    Logarithmic {
        /// The first value.
        ///
        /// Allowed: above 0. Example: `1e-4`.
        from: f64,
        /// The largest allowed value.
        ///
        /// Example: `1e-1`.
        to: f64,
        /// The ratio of each value to the one before.
        ///
        /// Allowed: above 1. Example: `10`.
        factor: f64,
    },
    /// `from`, `from + step`, ... up to `to`.
    Linear {
        /// The first value.
        ///
        /// Example: `0.1`.
        from: f64,
        /// The largest allowed value.
        ///
        /// Example: `0.5`.
        to: f64,
        /// The difference of each value from the one before.
        ///
        /// Allowed: above 0. Example: `0.1`.
        step: f64,
    },
}

impl Range {
    /// Returns the name of the range that `part` begins with.
    pub(super) fn name_of(part: &str) -> Option<&'static str> {
        let name = part.split('(').next().unwrap_or(part).trim_end();
        ["Logarithmic", "Linear"].into_iter().find(|known| *known == name)
    }

    /// Returns the numbers; the error says what a range has to be.
    pub(super) fn values(&self) -> Result<Vec<f64>, &'static str> {
        let (from, to, spacing) = match *self {
            Self::Logarithmic { from, to, factor } => (from, to, factor),
            Self::Linear { from, to, step } => (from, to, step),
        };
        if ![from, to, spacing].iter().all(|number| number.is_finite()) {
            return Err("a range is made of finite numbers");
        }
        if from > to {
            return Err("a range has `from` not above `to`");
        }
        match self {
            Self::Logarithmic { .. } if from <= 0.0 || spacing <= 1.0 => {
                return Err("a logarithmic range has `from` above 0 and `factor` above 1");
            }
            Self::Linear { .. } if spacing <= 0.0 => return Err("a linear range has `step` above 0"),
            Self::Logarithmic { .. } | Self::Linear { .. } => {}
        }
        // The last value may miss `to` by rounding.
        let last = to + to.abs() * 1e-9;
        let values: Vec<f64> = (0..=LONGEST_RANGE)
            .map(|index| self.value(index))
            .take_while(|value| *value <= last)
            .map(decimal)
            .collect();
        if values.len() > LONGEST_RANGE as usize {
            return Err("a range has at most 1000 values");
        }
        Ok(values)
    }

    fn value(&self, index: i32) -> f64 {
        match *self {
            Self::Logarithmic { from, factor, .. } => from * factor.powi(index),
            Self::Linear { from, step, .. } => from + step * f64::from(index),
        }
    }
}

/// The largest index of a value in a range.
const LONGEST_RANGE: i32 = 1000;

/// Returns the short decimal number nearest to `value`: 0.01, not 0.010000000000000002.
fn decimal(value: f64) -> f64 {
    format!("{value:.11e}").parse().expect("a formatted float is a float")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_the_decimal_numbers_that_were_meant() {
        let range = Range::Logarithmic { from: 1e-4, to: 1e-1, factor: 10.0 };
        assert_eq!(range.values(), Ok(vec![1e-4, 1e-3, 1e-2, 1e-1]));
        let range = Range::Linear { from: 0.1, to: 0.5, step: 0.1 };
        assert_eq!(range.values(), Ok(vec![0.1, 0.2, 0.3, 0.4, 0.5]));
    }

    #[test]
    fn ranges_that_never_end_or_never_begin_are_refused() {
        for range in [
            Range::Logarithmic { from: 1e-4, to: 1e-1, factor: 1.0 },
            Range::Logarithmic { from: 0.0, to: 1e-1, factor: 10.0 },
            Range::Linear { from: 0.0, to: 1.0, step: 0.0 },
            Range::Linear { from: 1.0, to: 0.0, step: 0.1 },
            Range::Linear { from: 0.1, to: 0.2, step: f64::INFINITY },
            Range::Linear { from: 0.0, to: 1.0, step: 1e-4 },
            Range::Linear { from: f64::NAN, to: 1.0, step: 0.1 },
        ] {
            assert!(range.values().is_err());
        }
    }
}
