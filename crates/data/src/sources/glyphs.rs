//! Glyphs: distorted stroke figures that this program draws, for work without any files.
//!
//! The ten classes share strokes (a T, a Y and an arrow are one stem under three heads), and a quarter of the pictures are
//! negatives, so that learning rules differ on them. Test errors, measured with scikit-learn on the default counts:
//! multinomial logistic regression 30 to 32 % (C = 0.01 and 0.001); 500 + 500 tanh units after five epochs of
//! backpropagation with Adam, batches of 128, 7.3 to 8.6 % at a learning rate of 1e-3 and 17 to 19 % at 3e-4 (three
//! seeds each).
//!
//! Every example has its own stream of random numbers, so a larger count only appends examples. The images are the same
//! bytes on every machine: the arithmetic is additions, products, quotients and square roots, which IEEE 754 rounds the
//! same way everywhere. Libraries round sines and cosines differently; the rational parametrization of the circle avoids
//! them.

mod drawing;
mod figures;

use serde::{Deserialize, Serialize};

use self::drawing::{PIXELS, SIDE, draw};
use self::figures::FIGURES;
use super::{About, Images, Origin};
use crate::counts::Grouped;
use crate::settings::is_default;
use crate::{Error, ImageShape, Loaded, Loading, Part, Problem};

/// The numbers of images to draw and their seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Glyphs {
    /// The number of training examples.
    ///
    /// Allowed: 10 to 1000000.
    #[serde(skip_serializing_if = "is_default_train")]
    pub train: u32,
    /// The number of test examples.
    ///
    /// Allowed: 10 to 1000000.
    #[serde(skip_serializing_if = "is_default_test")]
    pub test: u32,
    /// The seed of all distortions.
    #[serde(skip_serializing_if = "is_default")]
    pub seed: u64,
}

/// The revision of the drawing code, part of the fingerprint. Increment it with every change of a pixel, which the golden
/// test finds.
const REVISION: u32 = 1;

const MIN_EXAMPLES: u32 = FIGURES.len() as u32;
const MAX_EXAMPLES: u32 = 1_000_000;

impl Default for Glyphs {
    fn default() -> Self {
        Self { train: 10_000, test: 2_000, seed: 0 }
    }
}

impl Images for Glyphs {
    fn about(&self) -> About {
        let Self { train, test, seed } = self;
        About {
            name: "Glyphs",
            summary: format!(
                "{} + {} grey {SIDE}x{SIDE} images, {} classes (drawn by this program)",
                Grouped(*train as usize),
                Grouped(*test as usize),
                FIGURES.len()
            ),
            origin: Origin::Recipe(format!(
                "glyphs, revision {REVISION}: train {train}, test {test}, seed {seed}"
            )),
            official: None,
        }
    }

    fn load(&self, _loading: &Loading<'_>) -> Result<Loaded, Error> {
        let shape = ImageShape { channels: 1, height: SIDE, width: SIDE };
        let class_names = FIGURES.iter().map(|figure| figure.name.to_owned()).collect();
        let [train, test] =
            [(0, self.train), (1, self.test)].map(|(part, count)| self.draw_part(part, count));
        Ok(Loaded::new(shape, class_names, train, Some(test)))
    }

    fn problems(&self) -> Vec<Problem> {
        [("source.train", self.train), ("source.test", self.test)]
            .into_iter()
            .filter(|(_, count)| !(MIN_EXAMPLES..=MAX_EXAMPLES).contains(count))
            .map(|(field, count)| {
                let message =
                    format!("got {count}, allowed: {MIN_EXAMPLES} (one example per class) to {MAX_EXAMPLES}");
                Problem { field, message }
            })
            .collect()
    }
}

impl Glyphs {
    fn draw_part(&self, part: u64, count: u32) -> Part {
        let mut images = Vec::with_capacity(count as usize * PIXELS);
        let labels: Vec<u16> = (0..count).map(|index| (index % FIGURES.len() as u32) as u16).collect();
        for (index, label) in (0..).zip(&labels) {
            let mut stream = random::stream(self.seed, "glyphs", &[part, index]);
            images.extend_from_slice(&draw(&FIGURES[usize::from(*label)], &mut stream));
        }
        Part { images: images.into(), labels }
    }
}

fn is_default_train(train: &u32) -> bool {
    *train == Glyphs::default().train
}

fn is_default_test(test: &u32) -> bool {
    *test == Glyphs::default().test
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn load(glyphs: Glyphs) -> Loaded {
        glyphs.load(&Loading::from(Path::new(""))).expect("drawing reads no file")
    }

    /// Golden digest, printed by this code when it was first written. After a change of any pixel, increment `REVISION`.
    #[test]
    fn the_first_hundred_images_are_the_same_on_every_machine_and_in_every_release() {
        let Part { images, labels } = load(Glyphs { train: 100, test: 10, seed: 0 }).train;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&images);
        for label in labels {
            hasher.update(&label.to_le_bytes());
        }
        insta::assert_snapshot!(hasher.finalize().to_hex(), @"b28b31d8563cd43453b7cf1b31e7eda3c1963355ddec5461e1b40df18a34cf35");
    }

    #[test]
    fn a_larger_count_only_appends_examples() {
        let few = load(Glyphs { train: 20, test: 10, seed: 4 });
        let many = load(Glyphs { train: 50, test: 30, seed: 4 });
        assert!(many.train.images.starts_with(&few.train.images));
        assert!(many.train.labels.starts_with(&few.train.labels));
        let [few, many] = [few, many].map(|loaded| loaded.test.expect("it is drawn").images);
        assert!(many.starts_with(&few));
    }

    #[test]
    fn seeds_parts_and_indices_draw_different_images() {
        let loaded = load(Glyphs { train: 20, test: 20, seed: 4 });
        let other = load(Glyphs { train: 20, test: 20, seed: 5 });
        assert_ne!(loaded.train.images, loaded.test.expect("it is drawn").images);
        assert_ne!(loaded.train.images, other.train.images);
        assert_ne!(loaded.train.images[..PIXELS], loaded.train.images[10 * PIXELS..][..PIXELS]);
    }

    #[test]
    fn classes_are_balanced_to_within_one_example() {
        let labels = load(Glyphs { train: 25, test: 10, seed: 0 }).train.labels;
        let counts: Vec<_> =
            (0..10).map(|class| labels.iter().filter(|label| **label == class).count()).collect();
        assert_eq!(counts, [3, 3, 3, 3, 3, 2, 2, 2, 2, 2]);
    }

    #[test]
    fn the_fingerprint_depends_on_every_setting() {
        let print =
            |glyphs| crate::Source::Glyphs(glyphs).fingerprint(Path::new("")).expect("no file is read");
        let glyphs = Glyphs::default();
        assert_eq!(print(glyphs), print(glyphs));
        for other in
            [Glyphs { train: 9, ..glyphs }, Glyphs { test: 9, ..glyphs }, Glyphs { seed: 9, ..glyphs }]
        {
            assert_ne!(print(glyphs), print(other));
        }
    }
}
