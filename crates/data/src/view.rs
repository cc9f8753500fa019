//! The examples of one split, and how a batch of them is gathered.

use crate::{ImageShape, Part, Scaling};

/// Examples of an official part: all of them, or those an index list names.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(crate) part: &'a Part,
    pub(crate) shape: ImageShape,
    pub(crate) scaling: Scaling,
    /// `[examples]` of this view, as indices into the part; `None` when the view is the whole part.
    pub(crate) indices: Option<&'a [u32]>,
}

impl View<'_> {
    /// How many examples this view has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.indices.map_or(self.part.labels.len(), <[u32]>::len)
    }

    /// Whether this view has no example; never so for the views of a [`Dataset`](crate::Dataset).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The index in the official part of the example at `position`, `0..len`.
    #[must_use]
    pub fn example(&self, position: usize) -> usize {
        self.indices.map_or(position, |indices| indices[position] as usize)
    }

    /// The class of the example at `position`, `0..len`.
    #[must_use]
    pub fn label(&self, position: usize) -> u16 {
        self.part.labels[self.example(position)]
    }

    /// Copies the examples at `positions` into a batch the caller owns.
    ///
    /// `images` is `[positions, pixels]` and receives scaled pixels; `labels` is `[positions]`.
    ///
    /// # Panics
    ///
    /// When a buffer has another length, or a position is not in `0..len`.
    pub fn gather(&self, positions: &[u32], images: &mut [f32], labels: &mut [u16]) {
        let pixels = self.shape.pixels();
        assert_eq!(images.len(), positions.len() * pixels, "images must be [positions, pixels]");
        assert_eq!(labels.len(), positions.len(), "labels must be [positions]");
        let rows = images.chunks_exact_mut(pixels).zip(labels);
        for (position, (image, label)) in positions.iter().zip(rows) {
            let example = self.example(*position as usize);
            *label = self.part.labels[example];
            self.scaling.scale_into(&self.part.images[example * pixels..][..pixels], image);
        }
    }
}
