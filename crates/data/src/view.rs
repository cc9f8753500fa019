//! The examples of one split, and how a batch of them is gathered.

use crate::augmentation::{augment, change};
use crate::{Augmentation, ImageChange, ImageShape, Occasion, Part, Scaler};

/// Examples of an official part: all of them, or those an index list names.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(crate) part: &'a Part,
    pub(crate) shape: ImageShape,
    pub(crate) scaler: Scaler,
    /// Empty for every view but that of training.
    pub(crate) augmentations: &'a [Augmentation],
    /// `[examples]` of this view, as indices into the part; `None` when the view is the whole part.
    pub(crate) indices: Option<&'a [u32]>,
}

impl<'a> View<'a> {
    /// How many examples this view has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.indices.map_or(self.part.labels.len(), <[u32]>::len)
    }

    /// `[classes]`: how many examples of each class this view has.
    #[must_use]
    pub fn count_by_class(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        for position in 0..self.len() {
            counts[usize::from(self.label(position))] += 1;
        }
        counts
    }

    /// Whether this view has no example; never so for the views of a [`Dataset`](crate::Dataset).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ascending indices into the official part, or into everything where there are no official parts; `None` when the
    /// view is the whole part.
    #[must_use]
    pub fn indices(&self) -> Option<&'a [u32]> {
        self.indices
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

    /// The pixels of the example at `position`, `0..len`, before scaling: `[channels, height, width]`.
    #[must_use]
    pub fn image(&self, position: usize) -> &'a [u8] {
        let pixels = self.shape.pixels();
        &self.part.images[self.example(position) * pixels..][..pixels]
    }

    /// All pixels of this view, before scaling: `[examples, channels, height, width]`.
    #[must_use]
    pub fn pixels(&self) -> Vec<u8> {
        (0..self.len()).flat_map(|position| self.image(position)).copied().collect()
    }

    /// Of an image.
    #[must_use]
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// What is subtracted from the pixels of each channel, and what then divides them.
    #[must_use]
    pub fn scaling(&self) -> Vec<(f32, f32)> {
        (0..self.shape.channels).map(|channel| self.scaler.offset_and_divisor(channel)).collect()
    }

    /// How the example at `position` is changed to be trained on; `None` where nothing is augmented.
    #[must_use]
    pub fn change(&self, occasion: Occasion, position: usize) -> Option<ImageChange> {
        let is_augmented = !self.augmentations.is_empty();
        is_augmented.then(|| change(self.augmentations, occasion, self.example(position), self.shape))
    }

    /// Copies the examples at `positions` into a batch the caller owns, as they are.
    ///
    /// `images` is `[positions, pixels]` and receives scaled pixels; `labels` is `[positions]`.
    ///
    /// # Panics
    ///
    /// When a buffer has another length, or a position is not in `0..len`.
    pub fn gather(&self, positions: &[u32], images: &mut [f32], labels: &mut [u16]) {
        self.gather_each(positions, images, labels, |_, pixels, image| {
            self.scaler.scale_into(self.shape, pixels, image);
        });
    }

    /// Copies the examples at `positions` into a batch to train on: as [`gather`](Self::gather) does, and changed by
    /// the dataset's augmentations as (seed, epoch, example) say. Inputs stay in the scaler's range.
    ///
    /// # Panics
    ///
    /// As [`gather`](Self::gather) does.
    pub fn gather_augmented(
        &self,
        occasion: Occasion,
        positions: &[u32],
        images: &mut [f32],
        labels: &mut [u16],
    ) {
        if self.augmentations.is_empty() {
            return self.gather(positions, images, labels);
        }
        self.gather_each(positions, images, labels, |example, pixels, image| {
            for (value, pixel) in image.iter_mut().zip(pixels) {
                *value = f32::from(*pixel);
            }
            augment(self.augmentations, occasion, example, self.shape, image);
            self.scaler.scale_in_place(self.shape, image);
        });
    }

    /// `write` gets the example's index, its pixels, and where its inputs go.
    fn gather_each(
        &self,
        positions: &[u32],
        images: &mut [f32],
        labels: &mut [u16],
        write: impl Fn(usize, &[u8], &mut [f32]),
    ) {
        let pixels = self.shape.pixels();
        assert_eq!(images.len(), positions.len() * pixels, "images must be [positions, pixels]");
        assert_eq!(labels.len(), positions.len(), "labels must be [positions]");
        let rows = images.chunks_exact_mut(pixels).zip(labels);
        for (position, (image, label)) in positions.iter().zip(rows) {
            let position = *position as usize;
            *label = self.label(position);
            write(self.example(position), self.image(position), image);
        }
    }
}
