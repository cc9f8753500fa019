//! The best of a few configurations that are drawn without replacement.
//!
//! Dodge et al. 2019 (arXiv:1909.03004) report the expected best value of a budget by draws with replacement, which repeat configurations and
//! make it worse than it is (Tang et al. 2020, arXiv:2004.13705). Without replacement, all orders of the configurations are equally likely,
//! and no sample is needed: of `n` configurations, the `i`-th best is the best of `k` with probability C(n - i, k - 1) / C(n, k).

use crate::{BestOfDraws, Interval};

/// The share of the choices below the band, and above it.
const TAIL: f64 = 0.1;
/// Rounding errors of a sum of probabilities are smaller.
const ROUNDING: f64 = 1e-9;

/// Describes the value of the best of `draws` configurations, over all choices of them. `values` are those of all configurations, in the order
/// of their ranks, which need not be that of the values. A configuration without a finite value uses up a draw and is never the best. Returns
/// none for no draws, for more draws than configurations, and where none has a value.
pub fn best_of_draws(values: &[Option<f64>], draws: usize) -> Option<BestOfDraws> {
    if !(1..=values.len()).contains(&draws) {
        return None;
    }
    let ranked = values.iter().flatten().copied().filter(|value| value.is_finite());
    let mut weighted: Vec<(f64, f64)> = ranked.zip(probabilities(values.len(), draws)).collect();
    let share: f64 = weighted.iter().map(|(_, probability)| probability).sum();
    let mean = weighted.iter().map(|(value, probability)| value * (probability / share)).sum();
    weighted.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let interval = Interval {
        low: quantile(&weighted, TAIL * share)?,
        high: quantile(&weighted, (1.0 - TAIL) * share)?,
    };
    Some(BestOfDraws { share: share.min(1.0), mean, interval })
}

/// Returns the probability of each of `count` configurations to be the best of `draws`, the best-ranked first.
fn probabilities(count: usize, draws: usize) -> impl Iterator<Item = f64> {
    let first = draws as f64 / count as f64;
    // C(n - i - 1, k - 1) / C(n - i, k - 1) = (n - i - k + 1) / (n - i)
    (0..count).scan(first, move |next, better| {
        let probability = *next;
        let worse = count - better - 1;
        let factor = if worse == 0 { 0.0 } else { (worse + 1).saturating_sub(draws) as f64 / worse as f64 };
        *next = probability * factor;
        Some(probability)
    })
}

/// Returns the smallest value at which the probabilities of sorted values sum up to `probability`.
fn quantile(sorted: &[(f64, f64)], probability: f64) -> Option<f64> {
    let mut below = 0.0;
    let reached = sorted.iter().find(|(_, of_value)| {
        below += of_value;
        below >= probability - ROUNDING
    });
    reached.or(sorted.last()).map(|(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_all_is_the_best_and_of_one_it_is_any() {
        let values = [Some(1.0), Some(2.0), Some(6.0)];
        let best = |draws| best_of_draws(&values, draws).expect("values");
        assert_eq!(
            best(3),
            BestOfDraws { share: 1.0, mean: 1.0, interval: Interval { low: 1.0, high: 1.0 } }
        );
        assert!((best(1).mean - 3.0).abs() < 1e-12);
        assert_eq!(best(1).interval, Interval { low: 1.0, high: 6.0 });
        // Two of the three pairs have the best.
        assert!((best(2).mean - 4.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn the_rank_chooses_and_not_the_value() {
        let values = [Some(5.0), Some(1.0), Some(2.0)];
        assert_eq!(best_of_draws(&values, 3).expect("values").mean, 5.0);
    }

    #[test]
    fn a_configuration_without_a_value_uses_up_a_draw() {
        let values = [Some(1.0), None, Some(f64::NAN), Some(3.0)];
        let one = best_of_draws(&values, 1).expect("values");
        assert_eq!((one.share, one.mean), (0.5, 2.0));
        let two = best_of_draws(&values, 2).expect("values");
        assert!((two.share - 5.0 / 6.0).abs() < 1e-12, "one of six pairs has none: {}", two.share);
        assert!((two.mean - (3.0 * 1.0 + 2.0 * 3.0) / 5.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_is_said_of_no_draws_and_of_no_values() {
        let values = [Some(1.0), Some(2.0)];
        assert_eq!([0, 3].map(|draws| best_of_draws(&values, draws)), [None, None]);
        assert_eq!(best_of_draws(&[None, None], 1), None);
        assert_eq!(best_of_draws(&[], 0), None);
    }

    #[test]
    fn many_configurations_neither_overflow_nor_vanish() {
        let values: Vec<Option<f64>> = (0..5000).map(|value| Some(f64::from(value))).collect();
        for draws in [1, 17, 2500, 4999, 5000] {
            let best = best_of_draws(&values, draws).expect("values");
            assert!((best.share - 1.0).abs() < 1e-9);
            // The expected smallest of k of the numbers 0 to n - 1.
            let expected = (5001.0 / (draws as f64 + 1.0)) - 1.0;
            assert!((best.mean - expected).abs() < 1e-6, "{draws}: {} and {expected}", best.mean);
        }
    }
}
