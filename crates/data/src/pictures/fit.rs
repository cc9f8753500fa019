//! Brings a picture to the size of the images.

use picture::{RgbImage, pad, padding_need};

use crate::ImageShape;

/// The size that images get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// Every picture must have the size of the first.
    AsFirst,
    /// Every picture must have this many pixels along each side.
    Exactly(u32),
    /// A picture is scaled so that its longer side has this many pixels, and centered on black.
    Padded(u32),
}

impl Fit {
    /// Returns the text for the key of decoded pixels.
    pub(crate) fn describe(self) -> String {
        match self {
            Self::AsFirst => "as it is".to_owned(),
            Self::Exactly(side) => format!("exactly {side}"),
            Self::Padded(side) => format!("padded to {side}"),
        }
    }

    /// Returns the memory that this takes besides the picture, in bytes.
    pub(crate) fn memory_need(self) -> u64 {
        if let Self::Padded(side) = self { padding_need(side as usize) } else { 0 }
    }

    /// Returns the shape of every image if the first picture is `first`.
    pub(crate) fn shape(self, first: &RgbImage) -> ImageShape {
        let (width, height) = match self {
            Self::AsFirst => (first.width, first.height),
            Self::Exactly(side) | Self::Padded(side) => (side as usize, side as usize),
        };
        ImageShape { channels: 3, height, width }
    }

    /// Writes `[3, height, width]` into `image`, or returns the picture's width and height if it is not of `shape`.
    pub(crate) fn write(
        self,
        picture: RgbImage,
        shape: ImageShape,
        image: &mut [u8],
    ) -> Result<(), (usize, usize)> {
        let picture = match self {
            Self::Padded(side) => pad(picture, side as usize),
            Self::AsFirst | Self::Exactly(_) => picture,
        };
        if (picture.height, picture.width) != (shape.height, shape.width) {
            return Err((picture.width, picture.height));
        }
        for (channel, plane) in image.chunks_exact_mut(shape.plane()).enumerate() {
            for (target, pixel) in plane.iter_mut().zip(picture.bytes.chunks_exact(3)) {
                *target = pixel[channel];
            }
        }
        Ok(())
    }
}
