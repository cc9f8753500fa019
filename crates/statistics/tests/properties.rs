//! Properties of arbitrary values.

use proptest::{collection::vec, prelude::*, sample::subsequence};
use statistics::{
    BestOfDraws, Interval, best_of_draws, compare, describe, holm, levels_without_values, main_effects,
};

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

/// Up to six configurations: the metric that ranks and the reported one, both with ties; some have no value.
fn configurations() -> impl Strategy<Value = Vec<Option<(i32, f64)>>> {
    let reported = (0_u32..4).prop_map(|value| f64::from(value) / 2.0);
    vec(proptest::option::weighted(0.75, (0..4, reported)), 1..7)
}

/// Returns every order of the numbers below `count`.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for _ in 0..count {
        let longer = orders.iter().flat_map(|order: &Vec<usize>| {
            let others = (0..count).filter(|number| !order.contains(number));
            others.map(|number| [order.as_slice(), &[number]].concat())
        });
        orders = longer.collect();
    }
    orders
}

/// Describes the reported value of the best of the first `draws` configurations of every order. Of equal ones the first in the list is chosen.
fn enumerated(configurations: &[Option<(i32, f64)>], draws: usize) -> Option<BestOfDraws> {
    let orders = orders(configurations.len());
    let best = orders.iter().filter_map(|order| {
        let drawn = order[..draws].iter().filter_map(|&index| Some((configurations[index]?, index)));
        drawn.min_by_key(|((rank, _), index)| (*rank, *index)).map(|((_, reported), _)| reported)
    });
    let mut best: Vec<f64> = best.collect();
    best.sort_by(f64::total_cmp);
    // The smallest value that a tenth, or nine tenths, of the orders do not exceed.
    let quantile = |tenths: usize| best.get((best.len() * tenths).div_ceil(10).max(1) - 1).copied();
    Some(BestOfDraws {
        share: best.len() as f64 / orders.len() as f64,
        mean: best.iter().sum::<f64>() / best.len() as f64,
        interval: Interval { low: quantile(1)?, high: quantile(9)? },
    })
}

/// A grid of up to four axes with up to four levels each, and its values.
fn grid() -> impl Strategy<Value = Vec<(Vec<usize>, f64)>> {
    vec(1_usize..5, 1..5).prop_flat_map(|sizes| {
        let points = sizes.iter().fold(vec![Vec::new()], |points: Vec<Vec<usize>>, &size| {
            let longer =
                |point: Vec<usize>| (0..size).map(move |level| [point.as_slice(), &[level]].concat());
            points.into_iter().flat_map(longer).collect()
        });
        let values = vec(-100.0..100.0, points.len());
        values.prop_map(move |values| points.iter().cloned().zip(values).collect())
    })
}

proptest! {
    #[test]
    fn the_best_of_draws_is_that_of_all_orders(configurations in configurations()) {
        let mut ranked: Vec<&Option<(i32, f64)>> = configurations.iter().collect();
        ranked.sort_by_key(|configuration| configuration.map_or((true, 0), |(rank, _)| (false, rank)));
        let values: Vec<Option<f64>> = ranked.iter().map(|configuration| configuration.map(|(_, reported)| reported)).collect();
        for draws in 1..=values.len() {
            let (found, expected) = (best_of_draws(&values, draws), enumerated(&configurations, draws));
            prop_assert_eq!(found.is_some(), expected.is_some());
            if let (Some(found), Some(expected)) = (found, expected) {
                prop_assert!(is_near(found.share, expected.share, 1.0) && is_near(found.mean, expected.mean, 1.0), "{found:?} {expected:?}");
                prop_assert_eq!(found.interval, expected.interval);
            }
        }
    }

    #[test]
    fn more_draws_find_no_worse_values(values in vec(proptest::option::weighted(0.8, -100.0..100.0), 1..40)) {
        let mut values = values;
        values.sort_by(|one, other| one.is_none().cmp(&other.is_none()).then(one.partial_cmp(other).expect("numbers")));
        let best: Vec<Option<BestOfDraws>> = (1..=values.len()).map(|draws| best_of_draws(&values, draws)).collect();
        for pair in best.windows(2) {
            let [Some(fewer), Some(more)] = pair else { continue };
            prop_assert!(more.mean <= fewer.mean + 1e-9 && more.share >= fewer.share - 1e-9);
        }
    }

    #[test]
    fn shares_and_interactions_sum_up_to_one(points in grid()) {
        if let Some(effects) = main_effects(&points) {
            let sum = effects.shares.iter().sum::<f64>() + effects.interactions;
            prop_assert!(is_near(sum, 1.0, 1.0), "{effects:?}");
            prop_assert!(effects.shares.iter().all(|share| (0.0..=1.0).contains(share)));
        }
    }

    #[test]
    fn a_sum_of_functions_of_each_axis_has_no_interactions(points in grid(), effects in vec(vec(-10.0..10.0, 4), 4)) {
        let sum = |levels: &[usize]| levels.iter().zip(&effects).map(|(level, effects): (&usize, &Vec<f64>)| effects[*level]).sum::<f64>();
        let points: Vec<(Vec<usize>, f64)> = points.into_iter().map(|(levels, _)| (levels.clone(), sum(&levels))).collect();
        if let Some(effects) = main_effects(&points) {
            prop_assert!(effects.interactions < 1e-9, "{effects:?}");
        }
    }

    #[test]
    fn an_axis_without_effect_has_no_share_and_changes_no_other(points in grid(), copies in 2_usize..4) {
        let copied: Vec<(Vec<usize>, f64)> = points.iter().flat_map(|(levels, value)| (0..copies).map(move |copy| ([levels.as_slice(), &[copy]].concat(), *value))).collect();
        match (main_effects(&points), main_effects(&copied)) {
            (Some(without), Some(with)) => {
                let (last, others) = with.shares.split_last().expect("an axis");
                prop_assert!(*last < 1e-9);
                prop_assert!(others.iter().zip(&without.shares).all(|(one, other)| is_near(*one, *other, 1.0)));
                prop_assert!(is_near(with.interactions, without.interactions, 1.0));
            }
            (without, with) => prop_assert_eq!(without, with),
        }
    }

    #[test]
    fn a_share_is_the_variance_of_the_means_of_levels(points in grid()) {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let variance = |values: &[f64]| mean(&values.iter().map(|value| (value - mean(values)).powi(2)).collect::<Vec<_>>());
        if let Some(effects) = main_effects(&points) {
            let all = variance(&points.iter().map(|(_, value)| *value).collect::<Vec<_>>());
            for (axis, share) in effects.shares.iter().enumerate() {
                let of_level = |level: usize| points.iter().filter(|(levels, _)| levels[axis] == level).map(|(_, value)| *value).collect::<Vec<_>>();
                let means: Vec<f64> = (0..4).map(of_level).filter(|values| !values.is_empty()).map(|values| mean(&values)).collect();
                prop_assert!(is_near(*share, variance(&means) / all, 1.0), "{effects:?}");
            }
        }
    }

    #[test]
    fn without_the_levels_left_out_a_grid_is_complete(points in grid(), keep in vec(proptest::bool::weighted(0.8), 256)) {
        let points: Vec<(Vec<usize>, Option<f64>)> = points.into_iter().zip(keep).map(|((levels, value), keep)| (levels, keep.then_some(value))).collect();
        let left_out = levels_without_values(&points);
        let kept = points.iter().filter(|(levels, _)| left_out.iter().all(|&(axis, level)| levels[axis] != level));
        prop_assert!(kept.clone().all(|(_, value)| value.is_some()));
        let kept: Vec<&[usize]> = kept.map(|(levels, _)| levels.as_slice()).collect();
        prop_assert!(kept.is_empty() || statistics::is_complete_grid(kept.into_iter()));
        prop_assert_eq!(left_out.is_empty(), points.iter().all(|(_, value)| value.is_some()));
    }

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
