//! Properties of arbitrary values.

use proptest::{collection::vec, prelude::*, sample::subsequence};
use statistics::{Interval, compare, describe, holm};

/// Values like error rates and losses, of any size.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        -100.0..100.0,
        (0_u32..1000).prop_map(|k| f64::from(k) / 10.0),
        -1e300..1e300,
        -1e-300..1e-300
    ]
}

/// Pairs of `this` and `baseline` for up to thirty seeds.
fn pairs() -> impl Strategy<Value = Vec<(f64, f64)>> {
    vec((value(), value()), 1..30)
}

fn is_near(left: f64, right: f64, size: f64) -> bool {
    (left - right).abs() <= 1e-9 * size
}

fn mirrored(interval: Interval) -> Interval {
    Interval { low: -interval.high, high: -interval.low }
}

proptest! {
    #[test]
    fn the_interval_contains_the_mean(values in vec(value(), 3..30)) {
        let description = describe(&values).expect("finite values");
        let interval = description.interval.expect("three values");
        prop_assert!(interval.low <= description.mean && description.mean <= interval.high);
    }

    #[test]
    fn mean_and_median_lie_among_the_values(values in vec(value(), 1..30)) {
        let description = describe(&values).expect("finite values");
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for middle in [description.mean, description.median] {
            prop_assert!(least <= middle && middle <= most);
        }
    }

    #[test]
    fn the_order_of_values_does_not_matter((values, shuffled) in vec(value(), 1..30).prop_flat_map(|values| (Just(values.clone()), Just(values).prop_shuffle()))) {
        prop_assert_eq!(describe(&values), describe(&shuffled));
    }

    #[test]
    fn the_order_of_seeds_does_not_matter((pairs, shuffled) in pairs().prop_flat_map(|pairs| (Just(pairs.clone()), Just(pairs).prop_shuffle()))) {
        prop_assert_eq!(compare(&pairs), compare(&shuffled));
    }

    #[test]
    fn a_comparison_the_other_way_round_says_the_opposite(pairs in pairs()) {
        let swapped: Vec<(f64, f64)> = pairs.iter().map(|&(this, other)| (other, this)).collect();
        let (there, back) = (compare(&pairs).expect("finite pairs"), compare(&swapped).expect("finite pairs"));
        let size = pairs.iter().fold(0.0_f64, |size, (this, other)| size.max((this - other).abs()));
        prop_assert_eq!(there.pairs, back.pairs);
        prop_assert!(is_near(there.difference, -back.difference, size));
        if let (Some(there), Some(back)) = (there.interval, back.interval.map(mirrored)) {
            prop_assert!(is_near(there.low, back.low, size) && is_near(there.high, back.high, size));
        }
        prop_assert_eq!(there.effect_size.is_some(), back.effect_size.is_some());
        if let (Some(there), Some(back)) = (there.effect_size, back.effect_size) {
            prop_assert!(is_near(there, -back, 1.0 + there.abs()));
        }
        if let (Some(there), Some(back)) = (there.t_test, back.t_test) {
            prop_assert!(is_near(there, back, 1.0));
        }
        prop_assert_eq!(there.wilcoxon, back.wilcoxon);
    }

    #[test]
    fn every_p_is_a_probability(pairs in pairs()) {
        let comparison = compare(&pairs).expect("finite pairs");
        for p in [comparison.t_test, comparison.wilcoxon].into_iter().flatten() {
            prop_assert!((0.0..=1.0).contains(&p), "{p}");
        }
    }

    #[test]
    fn the_interval_leaves_zero_out_where_p_is_below_five_percent(pairs in pairs()) {
        let comparison = compare(&pairs).expect("finite pairs");
        if let (Some(interval), Some(p)) = (comparison.interval, comparison.t_test) {
            let is_outside = interval.low > 0.0 || interval.high < 0.0;
            prop_assert!(is_outside == (p < 0.05) || (p - 0.05).abs() < 1e-9);
        }
    }

    #[test]
    fn holm_keeps_the_order_and_never_lowers(raw in vec(proptest::option::weighted(0.8, 0.0..=1.0), 0..30)) {
        let corrected = holm(&raw);
        prop_assert_eq!(raw.len(), corrected.len());
        let mut both = Vec::new();
        for (raw, corrected) in raw.iter().zip(&corrected) {
            prop_assert_eq!(raw.is_some(), corrected.is_some());
            both.extend(raw.zip(*corrected));
        }
        both.sort_by(|left, right| left.0.total_cmp(&right.0));
        prop_assert!(both.iter().all(|(raw, corrected)| raw <= corrected && *corrected <= 1.0));
        prop_assert!(both.windows(2).all(|two| two[0].1 <= two[1].1));
    }

    #[test]
    fn fewer_comparisons_are_corrected_less(
        (raw, kept) in vec(0.0..=1.0, 1..20).prop_flat_map(|raw| {
            let indices: Vec<usize> = (0..raw.len()).collect();
            (Just(raw.clone()), subsequence(indices, 0..=raw.len()))
        })
    ) {
        let all = holm(&raw.iter().map(|p| Some(*p)).collect::<Vec<_>>());
        let some = holm(&raw.iter().enumerate().map(|(index, p)| kept.contains(&index).then_some(*p)).collect::<Vec<_>>());
        for index in kept {
            prop_assert!(some[index] <= all[index]);
        }
    }
}
