//! The shares of a variance that axes of a grid explain.

use crate::MainEffects;

/// Returns the share of the variance of `values` between the means of the levels (eta squared). `levels` has the level of each value. Absent
/// where the values or their levels do not vary, or where a value is not finite.
pub fn share_between(levels: &[usize], values: &[f64]) -> Option<f64> {
    let deviations = deviations(values)?;
    let count = levels.iter().max()? + 1;
    let (mut sums, mut counts) = (vec![0.0; count], vec![0.0; count]);
    for (&level, deviation) in levels.iter().zip(&deviations) {
        sums[level] += deviation;
        counts[level] += 1.0;
    }
    let used = counts.iter().filter(|count| **count > 0.0).count();
    let between: f64 = sums
        .iter()
        .zip(&counts)
        .filter(|(_, count)| **count > 0.0)
        .map(|(sum, count)| sum * sum / count)
        .sum();
    let total: f64 = deviations.iter().map(|deviation| deviation.powi(2)).sum();
    (used >= 2).then_some((between / total).min(1.0))
}

/// Returns the functional analysis of variance of a complete grid, as far as the main effects (Hutter, Hoos & Leyton-Brown 2014,
/// <https://proceedings.mlr.press/v32/hutter14.html>, with equally likely levels). A point has its level on each axis and its value. Returns none
/// if the values do not vary or one is not finite, and unless each combination of levels is there exactly once.
pub fn main_effects(points: &[(Vec<usize>, f64)]) -> Option<MainEffects> {
    if !is_complete_grid(points.iter().map(|(levels, _)| levels.as_slice())) {
        return None;
    }
    let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    deviations(&values)?;
    let axes = points.first()?.0.len();
    let share = |axis: usize| {
        let levels: Vec<usize> = points.iter().map(|(levels, _)| levels[axis]).collect();
        share_between(&levels, &values).unwrap_or(0.0)
    };
    let shares: Vec<f64> = (0..axes).map(share).collect();
    // The main effects of a complete grid are orthogonal, so that no more than the variance is shared out, but for rounding.
    let interactions = (1.0 - shares.iter().sum::<f64>()).max(0.0);
    Some(MainEffects { shares, interactions })
}

/// Whether each combination of the levels of all axes is there exactly once.
pub fn is_complete_grid<'a>(points: impl Iterator<Item = &'a [usize]>) -> bool {
    let mut points: Vec<&[usize]> = points.collect();
    let count = points.len();
    let axes = points.first().map_or(0, |levels| levels.len());
    points.sort_unstable();
    points.dedup();
    let levels_of = |axis: usize| {
        let mut levels: Vec<usize> = points.iter().map(|levels| levels[axis]).collect();
        levels.sort_unstable();
        levels.dedup();
        levels.len()
    };
    let combinations = (0..axes).map(levels_of).try_fold(1, usize::checked_mul);
    count > 0 && points.len() == count && combinations == Some(count)
}

/// Returns the levels to leave out of a grid, as pairs of axis and level, so that every combination of the others has a value: again and again
/// the one with the largest share of points without a value, of equal ones one of the axis with the most levels.
pub fn levels_without_values(points: &[(Vec<usize>, Option<f64>)]) -> Vec<(usize, usize)> {
    let mut left_out: Vec<(usize, usize)> = Vec::new();
    loop {
        let kept =
            points.iter().filter(|(levels, _)| left_out.iter().all(|&(axis, level)| levels[axis] != level));
        let kept: Vec<&(Vec<usize>, Option<f64>)> = kept.collect();
        if kept.iter().all(|(_, value)| value.is_some()) {
            return left_out;
        }
        left_out.extend(emptiest(&kept));
    }
}

/// Returns the level with the largest share of points without a value.
fn emptiest(points: &[&(Vec<usize>, Option<f64>)]) -> Option<(usize, usize)> {
    let mut emptiest: Option<((f64, usize), (usize, usize))> = None;
    for axis in 0..points.first()?.0.len() {
        let mut levels: Vec<usize> = points.iter().map(|(levels, _)| levels[axis]).collect();
        levels.sort_unstable();
        levels.dedup();
        for &level in &levels {
            let here = points.iter().filter(|(levels, _)| levels[axis] == level);
            let (empty, all) =
                here.fold((0, 0), |(empty, all), (_, value)| (empty + u32::from(value.is_none()), all + 1));
            let order = (f64::from(empty) / f64::from(all), levels.len());
            if emptiest.is_none_or(|(known, _)| order > known) {
                emptiest = Some((order, (axis, level)));
            }
        }
    }
    emptiest.map(|(_, level)| level)
}

/// Returns the distances of values to their mean, in units of the largest; none if they are equal or one is not finite.
fn deviations(values: &[f64]) -> Option<Vec<f64>> {
    let mean = crate::describe(values)?.mean;
    let largest = values.iter().map(|value| (value - mean).abs()).fold(0.0, f64::max);
    (largest > 0.0 && largest.is_finite())
        .then(|| values.iter().map(|value| (value - mean) / largest).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grid of two levels on each of three axes.
    fn cube(value: impl Fn(f64, f64, f64) -> f64) -> Vec<(Vec<usize>, f64)> {
        let bits = [0, 1];
        let levels =
            bits.into_iter().flat_map(|a| bits.into_iter().flat_map(move |b| bits.map(|c| vec![a, b, c])));
        levels
            .map(|levels| (levels.clone(), value(levels[0] as f64, levels[1] as f64, levels[2] as f64)))
            .collect()
    }

    #[track_caller]
    fn check(points: &[(Vec<usize>, f64)], shares: &[f64], interactions: f64) {
        let effects = main_effects(points).expect("a complete grid");
        for (share, expected) in effects.shares.iter().zip(shares) {
            assert!((share - expected).abs() < 1e-12, "{effects:?}");
        }
        assert!((effects.interactions - interactions).abs() < 1e-12, "{effects:?}");
    }

    /// Variances by hand: those of the bits are 1/4 each, that of their product 3/16, of which each bit explains 1/16.
    #[test]
    fn effects_of_small_functions() {
        check(&cube(|a, b, _| a + 2.0 * b), &[0.2, 0.8, 0.0], 0.0);
        check(&cube(|a, b, _| a * b), &[1.0 / 3.0, 1.0 / 3.0, 0.0], 1.0 / 3.0);
        // Exclusive or has no main effect.
        check(&cube(|a, b, _| a + b - 2.0 * a * b), &[0.0, 0.0, 0.0], 1.0);
        // Three levels, 0, 1 and 5: a variance of 14/3 and one of 1/4.
        let uneven: Vec<(Vec<usize>, f64)> = (0..6)
            .map(|point| (vec![point % 3, point / 3], [0.0, 1.0, 5.0][point % 3] + (point / 3) as f64))
            .collect();
        let all = 14.0 / 3.0 + 0.25;
        check(&uneven, &[14.0 / 3.0 / all, 0.25 / all], 0.0);
    }

    #[test]
    fn nothing_is_said_of_incomplete_grids_and_of_equal_values() {
        let mut points = cube(|a, b, c| a + b + c);
        assert_eq!(main_effects(&points[..7]), None);
        points[7] = points[6].clone();
        assert_eq!(main_effects(&points), None, "a point twice and one not at all");
        assert_eq!(main_effects(&cube(|_, _, _| 0.1)), None);
        assert_eq!(main_effects(&cube(|a, _, _| if a > 0.0 { f64::NAN } else { 1.0 })), None);
        assert_eq!(main_effects(&[]), None);
        assert_eq!((share_between(&[], &[]), share_between(&[0, 0], &[1.0, 2.0])), (None, None));
    }

    #[test]
    fn large_and_small_values_are_scaled() {
        let shares =
            |scale: f64| main_effects(&cube(|a, b, _| scale * (a + 2.0 * b))).expect("a grid").shares;
        for scale in [1e-300, 1e300] {
            assert!(shares(scale).iter().zip(shares(1.0)).all(|(one, other)| (one - other).abs() < 1e-12));
        }
    }

    #[test]
    fn levels_are_left_out_until_every_point_has_a_value() {
        // Four rates by two networks; the largest rate diverges with both, the next one with one of them.
        let points = |without: &[usize]| -> Vec<(Vec<usize>, Option<f64>)> {
            (0..8)
                .map(|point| (vec![point / 4, point % 4], (!without.contains(&point)).then_some(1.0)))
                .collect()
        };
        assert_eq!(levels_without_values(&points(&[])), []);
        assert_eq!(levels_without_values(&points(&[3, 7])), [(1, 3)]);
        assert_eq!(levels_without_values(&points(&[3, 7, 6])), [(1, 3), (1, 2)]);
        // A network without values, and of two levels with half of their points the one that costs less.
        assert_eq!(levels_without_values(&points(&[4, 5, 6, 7])), [(0, 1)]);
        assert_eq!(levels_without_values(&points(&[2])), [(1, 2)]);
    }
}
