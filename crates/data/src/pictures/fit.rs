//! Brings a picture to the size of the images.

use super::{RgbImage, resize};
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

/// Scales the longer side to `side` and centers the picture on black.
fn pad(picture: RgbImage, side: usize) -> RgbImage {
    if (picture.width, picture.height) == (side, side) {
        return picture;
    }
    let longer = picture.width.max(picture.height);
    let [width, height] = [picture.width, picture.height]
        .map(|length| (length * side + longer / 2).checked_div(longer).unwrap_or(1).clamp(1, side));
    let mut padded = RgbImage::filled(side, side, [0; 3]);
    padded.paste(&resize(&picture, width, height), (side - width) / 2, (side - height) / 2);
    padded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pictures::format::decode;

    /// Golden digests, printed by this code when it was first written. After a change, increment `REVISION`.
    #[test]
    fn a_jpeg_decodes_and_shrinks_to_the_same_pixels_in_every_release() {
        let picture = decode(include_bytes!("../../tests/gradient.jpg"), false).expect("it is whole");
        let digest = |picture: &RgbImage| blake3::hash(&picture.bytes).to_hex()[..16].to_owned();
        insta::assert_snapshot!(digest(&picture), @"9bc614e128989ee8");
        insta::assert_snapshot!(digest(&pad(picture, 32)), @"cb4a1ddc0053bddf");
    }

    #[test]
    fn a_picture_is_centered_on_black_and_fills_its_longer_side() {
        let padded = pad(RgbImage::filled(100, 50, [255; 3]), 64);
        let row = |y: usize| (0..64).map(|x| padded.pixel(x, y)[0]).collect::<Vec<_>>();
        assert_eq!(
            (row(15), row(16), row(47), row(48)),
            (vec![0; 64], vec![255; 64], vec![255; 64], vec![0; 64])
        );
    }

    #[test]
    fn a_thin_picture_keeps_at_least_one_row() {
        let padded = pad(RgbImage::filled(500, 1, [255; 3]), 16);
        assert_eq!((padded.width, padded.height), (16, 16));
        assert_eq!(padded.bytes.iter().filter(|byte| **byte > 0).count(), 3 * 16);
    }
}
