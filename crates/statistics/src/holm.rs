//! Correction for many comparisons with one baseline.

/// Returns p values after Holm's step-down correction (Holm 1979, <https://www.jstor.org/stable/4615733>) over the present ones, in the
/// same order. With a threshold of 5 % on them, the probability of any false positive is at most 5 %.
///
/// Corrected values have the order of the raw ones and do not exceed 1.
pub fn holm(raw: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut present: Vec<(usize, f64)> =
        raw.iter().enumerate().filter_map(|(index, p)| p.map(|p| (index, p))).collect();
    present.sort_by(|(_, left), (_, right)| left.total_cmp(right));
    let mut corrected = vec![None; raw.len()];
    let mut largest: f64 = 0.0;
    for ((index, p), remaining) in present.iter().zip((1..=present.len()).rev()) {
        largest = largest.max((p * remaining as f64).min(1.0));
        corrected[*index] = Some(largest);
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_counts_for_all_and_the_largest_for_itself() {
        let corrected = holm(&[Some(0.25), Some(0.125), None, Some(0.0625)]);
        assert_eq!(corrected, [Some(0.25), Some(0.25), None, Some(0.1875)]);
    }

    #[test]
    fn it_is_monotone_and_at_most_one() {
        assert_eq!(holm(&[Some(0.5), Some(0.75), Some(0.25)]), [Some(1.0), Some(1.0), Some(0.75)]);
    }

    #[test]
    fn what_is_absent_is_not_counted() {
        assert_eq!(holm(&[None, Some(0.03), None]), [None, Some(0.03), None]);
        assert_eq!(holm(&[]), []);
    }
}
