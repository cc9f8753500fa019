//! Which images are on more than one side of a split?

use std::collections::HashSet;

use crate::{Dataset, View};

/// How many images of one split are, pixel by pixel, also in another. No split shares an example with another; what is
/// counted here are copies that the source itself contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Duplicates {
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
        let (train, validation) = (hashes(self.train()), hashes(self.validation()));
        let train: HashSet<_> = train.into_iter().collect();
        let test = self.test().map(hashes).unwrap_or_default();
        let count =
            |images: &[_], known: &HashSet<_>| images.iter().filter(|hash| known.contains(*hash)).count();
        Duplicates {
            validation_in_train: count(&validation, &train),
            test_in_train: count(&test, &train),
            test_in_validation: count(&test, &validation.into_iter().collect()),
        }
    }
}

fn hashes(view: View<'_>) -> Vec<blake3::Hash> {
    (0..view.len()).map(|position| blake3::hash(view.image(position))).collect()
}
