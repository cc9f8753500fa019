//! Images and labels in memory, as a source's authors divided them.

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
        self.channels * self.height * self.width
    }
}

/// The official training part of a source, or its official test part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// `[examples, channels, height, width]`, row-major, 0 to 255.
    pub images: Vec<u8>,
    /// `[examples]`, each below the number of classes.
    pub labels: Vec<u16>,
}

/// A whole source in memory, not yet split or scaled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Of every image of both parts.
    pub shape: ImageShape,
    /// `[classes]`, in the order of the labels.
    pub class_names: Vec<String>,
    /// The official training part.
    pub train: Part,
    /// The official test part.
    pub test: Part,
}
