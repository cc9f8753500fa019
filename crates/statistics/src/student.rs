//! Intervals and p values by Student's t distribution.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::Interval;

/// Returns the 95 % confidence interval of a mean of `count` values with this sample deviation.
pub(crate) fn confidence_interval(mean: f64, deviation: f64, count: usize) -> Interval {
    let half = distribution(count).inverse_cdf(0.975) * (deviation / (count as f64).sqrt());
    Interval { low: mean - half, high: mean + half }
}

/// Returns the two-sided p value of a mean that is `effect_size` sample deviations of `count` values away from zero.
pub(crate) fn p_value(effect_size: f64, count: usize) -> f64 {
    let t = effect_size * (count as f64).sqrt();
    (2.0 * distribution(count).sf(t.abs())).min(1.0)
}

fn distribution(count: usize) -> StudentsT {
    let freedom = (count - 1) as f64;
    StudentsT::new(0.0, 1.0, freedom).expect("a deviation takes two values, so there is a degree of freedom")
}
