//! Comparison of two configurations, paired by seed.

use crate::{Comparison, SMALLEST_SAMPLE, describe, difference::Difference, student, wilcoxon};

/// Compares pairs `(this, baseline)` of common seeds. Returns none if there are no pairs, or if a value or a difference is not finite.
///
/// Differences that differ by the rounding of the subtraction only are equal, and one that is only rounding is zero. SciPy takes
/// 0.3 - 0.2 and 0.2 - 0.1 for different values with a tiny deviation, so that equal differences would be the most significant of all.
pub fn compare(pairs: &[(f64, f64)]) -> Option<Comparison> {
    let differences: Vec<Difference> =
        pairs.iter().map(|&(this, other)| Difference::of(this, other)).collect();
    let values: Vec<f64> = differences.iter().map(|difference| difference.value).collect();
    let description = describe(&values)?;
    let is_judged = pairs.len() >= SMALLEST_SAMPLE && !are_all_equal(&differences);
    let deviation = description.deviation.filter(|_| is_judged);
    let effect_size = deviation.map(|deviation| description.mean / deviation);
    Some(Comparison {
        pairs: description.count,
        difference: description.mean,
        // Equal differences tell nothing about the spread of others.
        interval: description.interval.filter(|_| deviation.is_some()),
        effect_size,
        t_test: effect_size.map(|effect_size| student::p_value(effect_size, description.count)),
        wilcoxon: wilcoxon::p_value(&differences),
    })
}

fn are_all_equal(differences: &[Difference]) -> bool {
    let least = differences.iter().min_by(|one, other| one.value.total_cmp(&other.value));
    let largest = differences.iter().max_by(|one, other| one.value.total_cmp(&other.value));
    least.zip(largest).is_none_or(|(least, largest)| least.is_equal_to(*largest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(pairs: &[(f64, f64)]) -> Comparison {
        compare(pairs).expect("finite pairs")
    }

    #[test]
    fn a_single_pair_has_a_difference_and_nothing_else() {
        let expected = Comparison {
            pairs: 1,
            difference: -1.0,
            interval: None,
            effect_size: None,
            t_test: None,
            wilcoxon: None,
        };
        assert_eq!(compared(&[(2.0, 3.0)]), expected);
    }

    #[test]
    fn equal_differences_are_not_significant_but_untested() {
        let exact = compared(&[(3.0, 2.0), (4.0, 3.0), (5.0, 4.0)]);
        assert_eq!((exact.difference, exact.effect_size, exact.t_test), (1.0, None, None));
        // All of them 0.1, as people count.
        let rounded = compared(&[(0.3, 0.2), (0.2, 0.1), (5.6, 5.5)]);
        assert_eq!((rounded.effect_size, rounded.t_test), (None, None));
        assert!((rounded.difference - 0.1).abs() < 1e-12);
    }

    #[test]
    fn rounding_makes_no_ranks() {
        // Error rates of 500 images: all differences are 0.2 or 0.4.
        let rate = |wrong: u32| 100.0 * f64::from(wrong) / 500.0;
        let steps = [1_i32, 1, 2, -1, 1, 2, 1, -2];
        let rates: Vec<(f64, f64)> = (30_u32..)
            .step_by(7)
            .zip(steps)
            .map(|(k, step)| (rate(k.saturating_add_signed(step)), rate(k)))
            .collect();
        let counts: Vec<(f64, f64)> = steps.iter().map(|&step| (f64::from(step), 0.0)).collect();
        assert_eq!(compared(&rates).wilcoxon, compared(&counts).wilcoxon);
    }

    #[test]
    fn nothing_is_said_of_no_pairs_or_of_what_is_no_number() {
        assert_eq!(compare(&[]), None);
        assert_eq!(compare(&[(1.0, f64::NAN), (1.0, 2.0)]), None);
        assert_eq!(compare(&[(f64::INFINITY, 1.0)]), None);
    }
}
