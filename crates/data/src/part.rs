//! Images and labels, as a source's authors divided them.

use std::path::PathBuf;

use serde::Serialize;

use crate::Pixels;

/// The shape of one image; the same for every image of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    /// 1 for grey, 3 for red, green, blue.
    pub channels: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pixels from left to right.
    pub width: usize,
}

impl ImageShape {
    /// Numbers per image: `channels * height * width`.
    #[must_use]
    pub fn pixels(self) -> usize {
        self.channels * self.plane()
    }

    /// Numbers per channel: `height * width`.
    #[must_use]
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

/// A whole source, not yet split or scaled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Of every image of both parts.
    pub shape: ImageShape,
    /// `[classes]`, in the order of the labels.
    pub class_names: Vec<String>,
    /// The official training part, or every example where there is no official test part.
    pub train: Part,
    /// The official test part; without one, a test part is drawn by the split seed.
    pub test: Option<Part>,
    /// Damaged pictures that were left out, because the settings say so.
    pub skipped: Vec<Skipped>,
    /// The file of decoded pictures this was mapped from, if it was.
    pub decoded_in: Option<PathBuf>,
}

/// How much there is of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// In all parts together.
    pub images: usize,
    /// That have at least one image.
    pub classes: usize,
}

/// A damaged picture that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The picture's path within its source's folder, with `/` between the parts.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Loaded {
    /// What is there of the source; less than [`Source::official`](crate::Source::official) in a partial copy.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let parts = || [Some(&self.train), self.test.as_ref()].into_iter().flatten();
        let mut has_examples = vec![false; self.class_names.len()];
        for label in parts().flat_map(|part| &part.labels) {
            has_examples[usize::from(*label)] = true;
        }
        Counts {
            images: parts().map(|part| part.labels.len()).sum(),
            classes: has_examples.into_iter().filter(|has_examples| *has_examples).count(),
        }
    }
}
