use std::collections::HashSet;

use serde::Serialize;

use crate::{DataWarning, Dataset, View};

/// The numbers of images that are copies of others, pixel by pixel. No two splits share an example, so these are copies
/// in the source itself. If validation is the test part, all counts about test images are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Duplicates {
    /// Training images that are also an earlier training image.
    pub in_train: usize,
    /// Validation images that are also an earlier validation image.
    pub in_validation: usize,
    /// Test images that are also an earlier test image.
    pub in_test: usize,
    pub validation_in_train: usize,
    pub test_in_train: usize,
    pub test_in_validation: usize,
}

/// The facts that take a look at every pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examination {
    pub duplicates: Duplicates,
    /// All warnings about the dataset.
    pub warnings: Vec<DataWarning>,
}

/// Training images whose largest value is smaller use a sliver of the range from 0 to 255.
const LARGE_ENOUGH: u8 = 64;
/// The share of training images that repeat others, from which on they are many.
const MANY: f64 = 0.01;

impl Dataset {
    /// Compares all images and looks for the largest value, which takes a second for tens of thousands of images.
    pub fn examine(&self) -> Examination {
        let duplicates = self.duplicates();
        let mut warnings = self.warnings().to_vec();
        let train = self.train();
        let largest = (0..train.len()).filter_map(|position| train.image(position).iter().max()).max();
        let small = largest.copied().filter(|largest| *largest < LARGE_ENOUGH);
        warnings.extend(small.map(|largest| DataWarning::SmallValues { largest }));
        let Duplicates { in_train, validation_in_train, test_in_train, .. } = duplicates;
        for (split, images) in [("validation", validation_in_train), ("test", test_in_train)] {
            if images > 0 {
                warnings.push(DataWarning::AlsoTrainedOn { split, images });
            }
        }
        if in_train as f64 >= MANY * train.len() as f64 && in_train > 0 {
            warnings.push(DataWarning::Repeated { images: in_train, of: train.len() });
        }
        Examination { duplicates, warnings }
    }

    /// Compares the hashes of all images, which takes a second for tens of thousands.
    pub fn duplicates(&self) -> Duplicates {
        let [train, validation] = [self.train(), self.validation()].map(hashes);
        let test = self.test().map(hashes).unwrap_or_default();
        Duplicates {
            in_train: repeated(&train),
            in_validation: repeated(&validation),
            in_test: repeated(&test),
            validation_in_train: also_in(&train, &validation),
            test_in_train: also_in(&train, &test),
            test_in_validation: also_in(&validation, &test),
        }
    }
}

fn hashes(view: View<'_>) -> Vec<blake3::Hash> {
    (0..view.len()).map(|position| blake3::hash(view.image(position))).collect()
}

fn repeated(hashes: &[blake3::Hash]) -> usize {
    hashes.len() - hashes.iter().collect::<HashSet<_>>().len()
}

/// Counts the hashes that are also in `known`.
fn also_in(known: &[blake3::Hash], hashes: &[blake3::Hash]) -> usize {
    let known: HashSet<_> = known.iter().collect();
    hashes.iter().filter(|hash| known.contains(hash)).count()
}
