//! The split into training, validation and test examples.
//!
//! Every draw is stratified: every class keeps its share to within one example. If a source has no official test part, one
//! is drawn first, so that it depends on the split seed alone. The holdout is drawn next, so that it does not depend on the
//! fraction and learning curves over fractions are all measured on the same examples.

use crate::DatasetSettings;

/// The share of a drawn test part: a fifth of all examples, as EuroSAT's authors and many others do.
const TEST_SHARE: f64 = 0.2;

/// Disjoint lists of ascending indices into the official training part, or into all examples.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) train: Vec<u32>,
    /// `None` without a holdout.
    pub(crate) holdout: Option<Vec<u32>>,
    /// `None` if there is an official test part.
    pub(crate) test: Option<Vec<u32>>,
}

/// Splits the official training part, or all examples of a source without an official test part, by their labels.
pub(crate) fn split(labels: &[u16], has_official_test: bool, settings: &DatasetSettings) -> Split {
    let mut rest = by_class(labels);
    let mut take = |share, purpose| take_stratified(&mut rest, share, settings.split_seed, purpose);
    let test = (!has_official_test).then(|| take(TEST_SHARE, "test"));
    let holdout = (settings.holdout > 0.0).then(|| take(settings.holdout, "holdout"));
    let train = take(settings.fraction, "fraction");
    Split { train, holdout, test }
}

/// Returns `[classes][examples of the class]`.
fn by_class(labels: &[u16]) -> Vec<Vec<u32>> {
    let classes = labels.iter().max().map_or(0, |largest| usize::from(*largest) + 1);
    let mut members = vec![Vec::new(); classes];
    for (example, label) in (0..).zip(labels) {
        members[usize::from(*label)].push(example);
    }
    members
}

/// Moves `fraction` of every class out of `members`, drawn by seed and purpose, and returns it in ascending order.
fn take_stratified(members: &mut [Vec<u32>], fraction: f64, seed: u64, purpose: &str) -> Vec<u32> {
    let counts = counts_to_take(&members.iter().map(Vec::len).collect::<Vec<_>>(), fraction);
    let mut taken = Vec::new();
    for (class, (members, count)) in (0..).zip(members.iter_mut().zip(counts)) {
        let order = random::permutation(members.len(), &mut random::stream(seed, purpose, &[class]));
        let mut shuffled: Vec<u32> = order.iter().map(|position| members[*position as usize]).collect();
        *members = shuffled.split_off(count);
        members.sort_unstable();
        taken.extend(shuffled);
    }
    taken.sort_unstable();
    taken
}

/// Returns the number of examples to take from each class, so that the total is nearest to `fraction` of all.
///
/// Uses largest remainders (Hamilton's method of apportionment): every class gets its quota rounded down, then the classes
/// that lost most by rounding get one more. Among equals the lower class wins.
fn counts_to_take(sizes: &[usize], fraction: f64) -> Vec<usize> {
    let total = (sizes.iter().sum::<usize>() as f64 * fraction).round() as usize;
    let quotas: Vec<f64> = sizes.iter().map(|size| *size as f64 * fraction).collect();
    let mut counts: Vec<usize> = quotas.iter().map(|quota| quota.floor() as usize).collect();
    let mut by_loss: Vec<usize> = (0..sizes.len()).collect();
    by_loss.sort_by(|a, b| quotas[*b].fract().total_cmp(&quotas[*a].fract()));
    let missing = total.saturating_sub(counts.iter().sum());
    for class in by_loss.into_iter().filter(|class| quotas[*class].fract() > 0.0).take(missing) {
        counts[class] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Source;

    fn settings(fraction: f64, holdout: f64, split_seed: u64) -> DatasetSettings {
        DatasetSettings { fraction, holdout, split_seed, ..DatasetSettings::of(Source::Mnist) }
    }

    fn split(labels: &[u16], settings: &DatasetSettings) -> Split {
        super::split(labels, true, settings)
    }

    fn split_with_test(labels: &[u16], settings: &DatasetSettings) -> Split {
        super::split(labels, false, settings)
    }

    /// Returns labels of `sizes[class]` examples per class, in an order that mixes the classes.
    fn labels_of(sizes: &[usize]) -> Vec<u16> {
        let sorted: Vec<u16> =
            (0..).zip(sizes).flat_map(|(class, size)| std::iter::repeat_n(class, *size)).collect();
        let order = random::permutation(sorted.len(), &mut random::stream(0, "test", &[]));
        order.iter().map(|position| sorted[*position as usize]).collect()
    }

    fn class_sizes(labels: &[u16], examples: &[u32], classes: usize) -> Vec<usize> {
        let mut sizes = vec![0; classes];
        for example in examples {
            sizes[usize::from(labels[*example as usize])] += 1;
        }
        sizes
    }

    fn assert_share(taken: &[usize], sizes: &[usize], fraction: f64) -> Result<(), TestCaseError> {
        for (taken, size) in taken.iter().zip(sizes) {
            let quota = *size as f64 * fraction;
            prop_assert!((*taken as f64 - quota).abs() < 1.0, "{taken} of {size}, quota {quota}");
        }
        let quota = sizes.iter().sum::<usize>() as f64 * fraction;
        let total: usize = taken.iter().sum();
        prop_assert!((total as f64 - quota).abs() <= 0.5 + 1e-9, "{total} in all, quota {quota}");
        Ok(())
    }

    proptest! {
        #[test]
        fn every_class_keeps_its_share_to_within_one_example(
            sizes in prop::collection::vec(0_usize..200, 1..12),
            fraction in 0.001_f64..=1.0,
            holdout in 0.001_f64..0.999,
            seed in any::<u64>(),
        ) {
            let labels = labels_of(&sizes);
            let split = split(&labels, &settings(fraction, holdout, seed));
            let held_out = class_sizes(&labels, &split.holdout.expect("holdout is above zero"), sizes.len());
            assert_share(&held_out, &sizes, holdout)?;
            let rest: Vec<usize> = sizes.iter().zip(&held_out).map(|(size, held_out)| size - held_out).collect();
            assert_share(&class_sizes(&labels, &split.train, sizes.len()), &rest, fraction)?;
        }

        #[test]
        fn training_and_holdout_are_ascending_and_share_no_example(
            sizes in prop::collection::vec(0_usize..50, 1..12),
            fraction in 0.001_f64..=1.0,
            holdout in 0.001_f64..0.999,
        ) {
            let split = split(&labels_of(&sizes), &settings(fraction, holdout, 0));
            let holdout = split.holdout.expect("holdout is above zero");
            prop_assert!(split.train.is_sorted_by(|a, b| a < b) && holdout.is_sorted_by(|a, b| a < b));
            prop_assert!(split.train.iter().all(|example| holdout.binary_search(example).is_err()));
        }
    }

    proptest! {
        #[test]
        fn a_drawn_test_part_has_a_fifth_of_every_class_and_nothing_is_lost_or_shared(
            sizes in prop::collection::vec(0_usize..100, 1..12),
            holdout in 0.0_f64..0.999,
            seed in any::<u64>(),
        ) {
            let labels = labels_of(&sizes);
            let split = split_with_test(&labels, &settings(1.0, holdout, seed));
            let test = split.test.expect("it is drawn");
            assert_share(&class_sizes(&labels, &test, sizes.len()), &sizes, TEST_SHARE)?;
            let mut all = [test, split.train, split.holdout.unwrap_or_default()].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..labels.len() as u32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_drawn_test_part_depends_on_the_split_seed_alone() {
        let labels = labels_of(&[100, 90, 80]);
        let test =
            |fraction, holdout, seed| split_with_test(&labels, &settings(fraction, holdout, seed)).test;
        assert_eq!(test(1.0, 0.0, 3), test(0.1, 0.5, 3));
        assert_ne!(test(1.0, 0.0, 3), test(1.0, 0.0, 4));
    }

    /// Golden indices, printed by this code when it was first written: results depend on them.
    #[test]
    fn a_drawn_test_part_is_the_same_on_every_machine_and_in_every_release() {
        let labels: Vec<u16> = (0..40).map(|example| example % 4).collect();
        let test = split_with_test(&labels, &settings(1.0, 0.0, 7)).test.expect("it is drawn");
        insta::assert_snapshot!(format!("{test:?}"), @"[7, 8, 13, 19, 25, 34, 36, 38]");
    }

    #[test]
    fn without_holdout_and_fraction_every_example_is_used_in_order() {
        let split = split(&labels_of(&[30, 5, 0, 12]), &settings(1.0, 0.0, 9));
        assert_eq!(split, Split { train: (0..47).collect(), holdout: None, test: None });
    }

    #[test]
    fn with_a_holdout_the_whole_rest_is_used() {
        let split = split(&labels_of(&[30, 5, 12]), &settings(1.0, 0.2, 9));
        assert_eq!(split.train.len() + split.holdout.expect("holdout is above zero").len(), 47);
    }

    #[test]
    fn the_holdout_does_not_change_with_the_fraction() {
        let labels = labels_of(&[100, 90, 80]);
        let whole = split(&labels, &settings(1.0, 0.1, 3));
        let tenth = split(&labels, &settings(0.1, 0.1, 3));
        assert_eq!(whole.holdout, tenth.holdout);
        assert!(tenth.train.len() < whole.train.len());
    }

    #[test]
    fn the_split_seed_decides_both_draws() {
        let labels = labels_of(&[100, 90, 80]);
        let [first, again, other] = [3, 3, 4].map(|seed| split(&labels, &settings(0.5, 0.1, seed)));
        assert_eq!(first, again);
        assert_ne!(first.holdout, other.holdout);
        assert_ne!(first.train, other.train);
    }

    #[test]
    fn a_binary_fraction_that_is_a_hair_off_takes_the_intended_number() {
        // 0.29 * 100 is 28.999999999999996 in binary.
        assert_eq!(counts_to_take(&[100, 100], 0.29), [29, 29]);
        // 0.1 * 30 is exact only after rounding.
        assert_eq!(counts_to_take(&[30; 10], 0.1), [3; 10]);
    }
}
