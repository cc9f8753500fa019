//! Views of splits, which gather batches.

use crate::augmentation::{augment, change};
use crate::{Augmentation, AugmentationKey, ImageChange, ImageShape, Part, Scaler};

/// The examples of one split. A position, `0..len`, is an index into the view.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(crate) part: &'a Part,
    pub(crate) shape: ImageShape,
    pub(crate) scaler: Scaler,
    /// The augmentations of a training view; empty for every other view.
    pub(crate) augmentations: &'a [Augmentation],
    /// `[examples]` of this view, as ascending indices into the part; `None` if the view is the whole part.
    pub(crate) indices: Option<&'a [u32]>,
}

impl<'a> View<'a> {
    pub fn len(&self) -> usize {
        self.indices.map_or(self.part.labels.len(), <[u32]>::len)
    }

    /// Whether this view has no example. The views of a [`Dataset`](crate::Dataset) have at least one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns `[classes]`, the number of examples of each class.
    pub fn count_by_class(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        for position in 0..self.len() {
            counts[usize::from(self.label(position))] += 1;
        }
        counts
    }

    /// Returns the index of an example in the official part, or in all examples if there are no official parts.
    pub fn example(&self, position: usize) -> usize {
        self.indices.map_or(position, |indices| indices[position] as usize)
    }

    pub fn label(&self, position: usize) -> u16 {
        self.part.labels[self.example(position)]
    }

    /// Returns the unscaled pixels of an example, `[channels, height, width]`.
    pub fn image(&self, position: usize) -> &'a [u8] {
        let pixels = self.shape.pixels();
        &self.part.images[self.example(position) * pixels..][..pixels]
    }

    /// Returns all unscaled pixels of this view, `[examples, channels, height, width]`.
    pub fn pixels(&self) -> Vec<u8> {
        (0..self.len()).flat_map(|position| self.image(position)).copied().collect()
    }

    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// Returns the offset and divisor of each channel, by which an input is `(pixel - offset) / divisor`.
    pub fn scaling(&self) -> Vec<(f32, f32)> {
        (0..self.shape.channels).map(|channel| self.scaler.offset_and_divisor(channel)).collect()
    }

    /// Whether a device can apply the augmentations of this view, by the numbers of [`change`](Self::change). If not, batches
    /// come from [`gather_augmented`](Self::gather_augmented).
    pub fn can_augment_on_device(&self) -> bool {
        self.augmentations.iter().all(|augmentation| augmentation.can_be_numbers())
    }

    /// Returns the augmentation of an example in numbers; `None` if the view has no augmentations.
    ///
    /// # Panics
    /// If the view [cannot be augmented on a device](Self::can_augment_on_device).
    pub fn change(&self, occasion: AugmentationKey, position: usize) -> Option<ImageChange> {
        let is_augmented = !self.augmentations.is_empty();
        is_augmented.then(|| change(self.augmentations, occasion, self.example(position), self.shape))
    }

    /// Writes the examples at `positions` into a batch, without augmentation.
    ///
    /// `images` is `[positions, pixels]` and receives scaled pixels; `labels` is `[positions]`.
    ///
    /// # Panics
    /// If a buffer has another length, or a position is not in `0..len`.
    pub fn gather(&self, positions: &[u32], images: &mut [f32], labels: &mut [u16]) {
        self.gather_each(positions, images, labels, |_, pixels, image| {
            self.scaler.scale_into(self.shape, pixels, image);
        });
    }

    /// Writes the examples at `positions` into a batch like [`gather`](Self::gather), augmented by the draws for (seed,
    /// epoch, example). Inputs stay in the scaler's range.
    ///
    /// # Panics
    /// If a buffer has another length, or a position is not in `0..len`.
    pub fn gather_augmented(
        &self,
        occasion: AugmentationKey,
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

    /// Calls `write` for each example with its index, its pixels, and the slice for its inputs.
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
