//! Which images are there more than once, in one split or on both sides of one?

use std::collections::HashSet;

use serde::Serialize;

use crate::{Dataset, View};

/// How many images are, pixel by pixel, copies of others. No split shares an example with another; what is counted here
/// are copies that the source itself contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Duplicates {
    /// Training images that are also an earlier training image.
    pub in_train: usize,
    /// Validation images that are also an earlier validation image.
    pub in_validation: usize,
    /// Test images that are also an earlier test image; 0 where validation is the test part.
    pub in_test: usize,
    /// Validation images that are also training images.
    pub validation_in_train: usize,
    /// Test images that are also training images; 0 where validation is the test part.
    pub test_in_train: usize,
    /// Test images that are also validation images; 0 where validation is the test part.
    pub test_in_validation: usize,
}

impl Dataset {
    /// Compares the hashes of all images; a second for tens of thousands.
    #[must_use]
    pub fn duplicates(&self) -> Duplicates {
        let [train, validation] = [self.train(), self.validation()].map(hashes);
        let test = self.test().map(hashes).unwrap_or_default();
        let [known_train, known_validation, known_test] =
            [&train, &validation, &test].map(|hashes| distinct(hashes));
        let also_in = |images: &[blake3::Hash], known: &HashSet<&blake3::Hash>| {
            images.iter().filter(|hash| known.contains(hash)).count()
        };
        Duplicates {
            in_train: train.len() - known_train.len(),
            in_validation: validation.len() - known_validation.len(),
            in_test: test.len() - known_test.len(),
            validation_in_train: also_in(&validation, &known_train),
            test_in_train: also_in(&test, &known_train),
            test_in_validation: also_in(&test, &known_validation),
        }
    }
}

fn hashes(view: View<'_>) -> Vec<blake3::Hash> {
    (0..view.len()).map(|position| blake3::hash(view.image(position))).collect()
}

fn distinct(hashes: &[blake3::Hash]) -> HashSet<&blake3::Hash> {
    hashes.iter().collect()
}
