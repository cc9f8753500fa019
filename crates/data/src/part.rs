//! Images and labels, divided as a source's authors divided them.

use serde::{Deserialize, Serialize};

use crate::Pixels;

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
    /// The damaged pictures that were left out because the settings say so.
    pub skipped: Vec<Skipped>,
}

/// The size of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The number of images in all parts together.
    pub images: usize,
    /// The number of classes that have at least one image.
    pub classes: usize,
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
        Self { shape, class_names, train, test, skipped: Vec::new() }
    }

    /// Names the classes of a user's own arrays by their numbers, from 0 to the largest label of any part.
    pub(crate) fn with_numbered_classes(shape: ImageShape, train: Part, test: Option<Part>) -> Self {
        let labels = train.labels.iter().chain(test.iter().flat_map(|part| &part.labels));
        let classes = labels.max().map_or(0, |largest| u32::from(*largest) + 1);
        Self::new(shape, (0..classes).map(|class| class.to_string()).collect(), train, test)
    }

    /// Counts what is there, which is less than [`Source::official`](crate::Source::official) in a partial copy.
    pub fn counts(&self) -> Counts {
        let labels = || self.train.labels.iter().chain(self.test.iter().flat_map(|test| &test.labels));
        let mut has_examples = vec![false; self.class_names.len()];
        for label in labels() {
            has_examples[usize::from(*label)] = true;
        }
        Counts {
            images: labels().count(),
            classes: has_examples.into_iter().filter(|has_examples| *has_examples).count(),
        }
    }
}
