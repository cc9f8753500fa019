//! Wilcoxon's signed-rank test (Wilcoxon 1945, <https://doi.org/10.2307/3001968>).
//!
//! Zeros are dropped, as Wilcoxon did. Equal magnitudes share the mean of their ranks. The null distribution is that of these ranks with
//! every choice of signs, so that it is exact with ties, too. Above [`EXACT_UP_TO`] differences it is approximated by a normal distribution
//! whose variance is corrected for ties, without correction for continuity.
//!
//! SciPy's `wilcoxon(method="auto")` does the same, except that with ties or zeros it approximates from fourteen differences on.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::difference::Difference;

/// The least number of differences with which p can fall below 5 %.
const FEWEST: usize = 6;
const EXACT_UP_TO: usize = 50;

/// Returns the two-sided p value, or none if too few differences are not zero.
pub(crate) fn p_value(differences: &[Difference]) -> Option<f64> {
    let mut differences: Vec<Difference> =
        differences.iter().copied().filter(|difference| !difference.is_zero()).collect();
    if differences.len() < FEWEST {
        return None;
    }
    differences.sort_by(|left, right| left.value.abs().total_cmp(&right.value.abs()));
    let ranks = doubled_ranks(&differences);
    let positive: usize = differences
        .iter()
        .zip(&ranks)
        .filter(|(difference, _)| difference.value > 0.0)
        .map(|(_, rank)| rank)
        .sum();
    let negative = ranks.iter().sum::<usize>() - positive;
    let larger = positive.max(negative);
    let p = if ranks.len() <= EXACT_UP_TO {
        2.0 * exact_tail(&ranks, larger)
    } else {
        approximate(&ranks, larger)
    };
    Some(p.min(1.0))
}

/// Returns twice the ranks of sorted differences, so that the mean of two ranks is a whole number, too.
fn doubled_ranks(sorted: &[Difference]) -> Vec<usize> {
    let mut ranks = Vec::with_capacity(sorted.len());
    for tied in sorted.chunk_by(|left, right| left.magnitude().is_equal_to(right.magnitude())) {
        let (first, last) = (ranks.len() + 1, ranks.len() + tied.len());
        ranks.extend(tied.iter().map(|_| first + last));
    }
    ranks
}

/// Returns the probability that the ranks with a positive sign sum up to `least` or more, if both signs are equally likely.
fn exact_tail(ranks: &[usize], least: usize) -> f64 {
    let mut probabilities = vec![0.0; ranks.iter().sum::<usize>() + 1];
    probabilities[0] = 1.0;
    for rank in ranks {
        for sum in (0..probabilities.len()).rev() {
            let with_rank = sum.checked_sub(*rank).map_or(0.0, |without| probabilities[without]);
            probabilities[sum] = 0.5 * (probabilities[sum] + with_rank);
        }
    }
    probabilities[least..].iter().rev().sum()
}

/// Returns the two-sided p value. A rank is in the sum or not, so its variance is a quarter of its square, with ties as well.
fn approximate(ranks: &[usize], sum: usize) -> f64 {
    let mean = ranks.iter().sum::<usize>() as f64 / 2.0;
    let variance: f64 = ranks.iter().map(|rank| (*rank as f64).powi(2) / 4.0).sum();
    2.0 * Normal::standard().sf((sum as f64 - mean) / variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(differences: &[f64]) -> Option<f64> {
        p_value(&differences.iter().map(|&value| Difference::of(value, 0.0)).collect::<Vec<_>>())
    }

    #[test]
    fn below_six_differences_there_is_no_p() {
        assert_eq!(p(&[1.0, 2.0, 3.0, 4.0, 5.0]), None);
        assert_eq!(p(&[1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 0.0]), None);
        assert_eq!(p(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), Some(2.0 / 64.0));
    }

    #[test]
    fn equal_magnitudes_share_their_ranks() {
        let differences = [1.0, -2.0, 2.0, 3.0].map(|value| Difference::of(value, 0.0));
        assert_eq!(doubled_ranks(&differences), [2, 5, 5, 8]);
    }

    #[test]
    fn the_exact_distribution_counts_every_choice_of_signs() {
        let ranks = [2, 5, 5, 8, 11, 11, 14];
        for least in 0..=56 {
            let reaches = |choice: &u32| {
                let chosen = ranks.iter().enumerate().filter(|(index, _)| choice >> index & 1 == 1);
                chosen.map(|(_, rank)| rank).sum::<usize>() >= least
            };
            let counted = (0..128).filter(reaches).count() as f64 / 128.0;
            assert_eq!(exact_tail(&ranks, least), counted, "{least}");
        }
    }

    #[test]
    fn the_approximation_takes_over_without_a_jump() {
        let differences: Vec<f64> =
            (1..=50).map(|value| f64::from(value) * if value % 3 == 0 { -1.0 } else { 1.0 }).collect();
        let ranks: Vec<usize> = (1..=50).map(|rank| 2 * rank).collect();
        let positive = ranks.iter().filter(|rank| *rank % 6 != 0).sum();
        let exact = p(&differences).expect("fifty differences");
        assert!((approximate(&ranks, positive) - exact).abs() < 0.05 * exact);
    }
}
