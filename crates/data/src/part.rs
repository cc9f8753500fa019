//! Images and labels, divided as a source's authors divided them.

use serde::{Deserialize, Serialize};

use crate::{Counts, DataWarning, Pixels};

/// The shape of every image of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageShape {
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

impl ImageShape {
    /// Returns the numbers per image: `channels * height * width`.
    pub fn pixels(self) -> usize {
        self.channels * self.plane()
    }

    /// Returns the numbers per channel: `height * width`.
    pub fn plane(self) -> usize {
        self.height * self.width
    }
}

/// The official training part of a source, its official test part, or all of a source that has no such parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// `[examples, channels, height, width]`, row-major, 0 to 255.
    pub images: Pixels,
    /// `[examples]`, each below the number of classes.
    pub labels: Vec<u16>,
}

/// A source with all of its images, not yet split or scaled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    pub shape: ImageShape,
    /// `[classes]`, in the order of the labels.
    pub class_names: Vec<String>,
    /// The official training part, or every example if there is no official test part.
    pub train: Part,
    /// The official test part. Without one, a test part is drawn by the split seed.
    pub test: Option<Part>,
    /// The validation part of a user's own images. Without a test part, it serves as one.
    pub validation: Option<Part>,
    /// The damaged pictures that were left out because the settings say so.
    pub skipped: Vec<Skipped>,
    /// The facts that only the reader of the files sees.
    pub warnings: Vec<DataWarning>,
}

/// A damaged picture that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The picture's path within its source's folder, with `/` between the parts.
    pub name: String,
    pub reason: String,
}

impl Loaded {
    pub(crate) fn new(shape: ImageShape, class_names: Vec<String>, train: Part, test: Option<Part>) -> Self {
        let (validation, skipped, warnings) = (None, Vec::new(), Vec::new());
        Self { shape, class_names, train, test, validation, skipped, warnings }
    }

    /// Names the classes of a user's own arrays by their numbers, from 0 to the largest label of any part.
    pub(crate) fn with_numbered_classes(mut self) -> Self {
        let largest = self.labels().max().copied();
        let classes = largest.map_or(0, |largest| u32::from(largest) + 1);
        self.class_names = (0..classes).map(|class| class.to_string()).collect();
        self
    }

    /// Counts what is there, which is less than [`Source::official`](crate::Source::official) in a partial copy.
    pub fn counts(&self) -> Counts {
        let has_images = self.has_images();
        Counts {
            images: self.labels().count(),
            classes: has_images.into_iter().filter(|has_images| *has_images).count(),
        }
    }

    /// Returns `[classes]`, whether a class has an image in any part.
    pub(crate) fn has_images(&self) -> Vec<bool> {
        let mut has_images = vec![false; self.class_names.len()];
        for label in self.labels() {
            has_images[usize::from(*label)] = true;
        }
        has_images
    }

    fn labels(&self) -> impl Iterator<Item = &u16> {
        let others = self.validation.iter().chain(&self.test);
        self.train.labels.iter().chain(others.flat_map(|part| &part.labels))
    }
}
