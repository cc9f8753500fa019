//! Searches: points that are drawn from axes, instead of all combinations of their values.

use std::num::NonZeroU32;

use random::Halton;
use ron::value::RawValue;
use serde::Deserialize;

use crate::stage::{Search as Checked, SearchMethod};

/// Points that are drawn from axes, instead of all combinations of their values. Point `k` of every rule has the same value on each axis
/// that the rules share.
#[derive(Deserialize)]
#[serde(rename = "search")]
pub(super) enum Search<'a> {
    /// Independent points (Bergstra & Bengio 2012, J. Mach. Learn. Res. 13).
    #[serde(borrow)]
    Random(Draws<'a>),
    /// Points of a scrambled Halton sequence (Owen 2017, arXiv:1706.02808), which cover each axis and pair of axes more evenly.
    #[serde(borrow)]
    Quasi(Draws<'a>),
}

/// The points of a search.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draws<'a> {
    /// The number of points of each rule. A larger number keeps the points of a smaller one.
    ///
    /// Example: `60`.
    pub count: NonZeroU32,
    /// The seed of the points. It is no seed of trials.
    ///
    /// Example: `0`.
    pub seed: u64,
    /// The axes to draw from. From a list, each value is drawn equally often.
    ///
    /// Type: [`SearchAxes`].
    #[serde(borrow)]
    pub axes: &'a RawValue,
}

/// A distribution of an axis' numbers, which are rounded to four significant digits.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename = "distribution")]
pub(super) enum Distribution {
    /// Numbers between the two, all equally likely.
    ///
    /// Type: two numbers, the smaller one first. Example: `0.1, 0.5`.
    Uniform(f64, f64),
    /// Numbers between the two, with equally likely logarithms.
    ///
    /// Type: two numbers above 0, the smaller one first. Example: `1e-5, 1e-1`.
    LogUniform(f64, f64),
}

impl<'a> Search<'a> {
    pub(super) fn draws(&self) -> Draws<'a> {
        match self {
            Self::Random(draws) | Self::Quasi(draws) => *draws,
        }
    }

    pub(super) fn checked(&self) -> Checked {
        let Draws { count, seed, .. } = self.draws();
        let method = match self {
            Self::Random(_) => SearchMethod::Random,
            Self::Quasi(_) => SearchMethod::Quasi,
        };
        Checked { method, count, seed }
    }

    /// Returns the numbers in [0, 1) of all points on an axis. Each depends on the seed, the axis and its place alone.
    pub(super) fn numbers(&self, axis: &str, dimension: usize) -> Box<dyn Iterator<Item = f64>> {
        let Draws { count, seed, .. } = self.draws();
        let purpose = format!("search, {axis}");
        match self {
            Self::Random(_) => {
                Box::new((0..u64::from(count.get())).map(move |point| {
                    f64::from(random::uniform(&mut random::stream(seed, &purpose, &[point])))
                }))
            }
            Self::Quasi(_) => {
                let halton = Halton::new(seed, &purpose, dimension);
                Box::new((0..count.get()).map(move |point| halton.number(point)))
            }
        }
    }
}

impl Distribution {
    /// Returns the name of the distribution that `part` begins with.
    pub(super) fn name_of(part: &str) -> Option<&'static str> {
        let name = part.split('(').next().unwrap_or(part).trim_end();
        ["Uniform", "LogUniform"].into_iter().find(|known| *known == name)
    }

    pub(super) fn bounds(self) -> [f64; 2] {
        match self {
            Self::Uniform(from, to) | Self::LogUniform(from, to) => [from, to],
        }
    }

    /// Checks the bounds; the error says what they have to be.
    pub(super) fn check(self) -> Result<(), &'static str> {
        let [from, to] = self.bounds();
        match self {
            _ if !from.is_finite() || !to.is_finite() => Err("bounds are finite numbers"),
            _ if from >= to => Err("the first bound is below the second"),
            Self::LogUniform(..) if from <= 0.0 => Err("the bounds of `LogUniform` are above 0"),
            Self::Uniform(..) | Self::LogUniform(..) => Ok(()),
        }
    }

    /// Returns the value below which the share `number` of the distribution lies, rounded.
    pub(super) fn at(self, number: f64) -> f64 {
        let [from, to] = self.bounds();
        let value = match self {
            Self::Uniform(..) => from + number * (to - from),
            // Rounding hides the last bits of the system's functions.
            Self::LogUniform(..) => (from.ln() + number * (to.ln() - from.ln())).exp(),
        };
        let rounded: f64 = format!("{value:.3e}").parse().expect("a formatted float is a float");
        rounded.clamp(from, to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_four_digits_and_stay_between_the_bounds() {
        assert_eq!(Distribution::Uniform(0.0, 0.5).at(1.0 / 3.0), 0.1667);
        assert_eq!(Distribution::LogUniform(1e-5, 1e-1).at(0.5), 1e-3);
        assert_eq!(Distribution::LogUniform(1e-5, 1e-1).at(0.3), 1.585e-4);
        assert_eq!(Distribution::Uniform(0.12344, 0.2).at(0.0), 0.12344, "0.1234 is below the bound");
        assert_eq!(Distribution::Uniform(-1.0, 1.0).at(0.5), 0.0);
    }

    #[test]
    fn bounds_that_are_none_are_refused() {
        for distribution in [
            Distribution::Uniform(0.5, 0.5),
            Distribution::Uniform(0.5, 0.1),
            Distribution::Uniform(0.0, f64::INFINITY),
            Distribution::LogUniform(f64::NAN, 1.0),
            Distribution::LogUniform(0.0, 1.0),
        ] {
            assert!(distribution.check().is_err(), "{distribution:?}");
        }
    }
}
