//! Decodes one JPEG or PNG file and brings it to the size of the images.

use std::io::Cursor;

use image::error::{DecodingError, ImageFormatHint};
use image::{ImageError, ImageFormat, ImageReader, Limits, RgbImage};

use super::resize::resize;
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

/// The limits on pictures, which no official picture comes near.
const MAX_SIDE: u32 = 1 << 14;
const MAX_ALLOCATION: u64 = 1 << 30;

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
            Self::AsFirst => first.dimensions(),
            Self::Exactly(side) | Self::Padded(side) => (side, side),
        };
        ImageShape { channels: 3, height: height as usize, width: width as usize }
    }

    /// Writes `[3, height, width]` into `image`, or returns the picture's width and height if it is not of `shape`.
    pub(crate) fn write(
        self,
        picture: RgbImage,
        shape: ImageShape,
        image: &mut [u8],
    ) -> Result<(), (u32, u32)> {
        let picture = match self {
            Self::Padded(side) => pad(picture, side),
            Self::AsFirst | Self::Exactly(_) => picture,
        };
        let (width, height) = picture.dimensions();
        if (height as usize, width as usize) != (shape.height, shape.width) {
            return Err((width, height));
        }
        for (channel, plane) in image.chunks_exact_mut(shape.plane()).enumerate() {
            for (target, pixel) in plane.iter_mut().zip(picture.as_raw().chunks_exact(3)) {
                *target = pixel[channel];
            }
        }
        Ok(())
    }
}

/// Decodes a file to red, green and blue. Transparency is dropped and orientation marks are ignored.
pub(crate) fn decode(bytes: &[u8]) -> Result<RgbImage, ImageError> {
    let mut reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(ImageError::IoError)?;
    if reader.format() == Some(ImageFormat::Jpeg) && !ends(bytes) {
        // The decoder fills missing pixels with grey and reports no error.
        let hint = ImageFormatHint::Exact(ImageFormat::Jpeg);
        return Err(ImageError::Decoding(DecodingError::new(hint, "the file is cut short")));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOCATION);
    reader.limits(limits);
    Ok(reader.decode()?.into_rgb8())
}

/// Whether a JPEG file has an end mark after the start of its scan. A thumbnail before the scan may have its own.
fn ends(jpeg: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xda;
    let mut at = 2;
    while let [0xff, mark, high, low, ..] = jpeg[at.min(jpeg.len())..] {
        if mark == START_OF_SCAN {
            return jpeg[at..].windows(2).any(|bytes| bytes == [0xff, 0xd9]);
        }
        // Fill bytes may come before a mark.
        at += if mark == 0xff { 1 } else { 2 + usize::from(u16::from_be_bytes([high, low])) };
    }
    false
}

/// Scales the longer side to `side` and centers the picture on black.
fn pad(picture: RgbImage, side: u32) -> RgbImage {
    let (width, height) = picture.dimensions();
    if (width, height) == (side, side) {
        return picture;
    }
    let longer = width.max(height);
    let shrunk = |length: u32| (length * side + longer / 2).checked_div(longer).unwrap_or(1).clamp(1, side);
    let (scaled_width, scaled_height) = (shrunk(width), shrunk(height));
    let scaled = resize(&picture, scaled_width, scaled_height);
    let mut padded = RgbImage::new(side, side);
    let (left, top) = ((side - scaled_width) / 2, (side - scaled_height) / 2);
    image::imageops::replace(&mut padded, &scaled, i64::from(left), i64::from(top));
    padded
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;

    use super::*;

    /// Returns a picture with colors that depend on their place.
    fn gradient(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, ((x * 7 + y * 13) % 256) as u8])
        })
    }

    fn jpeg(picture: &RgbImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(picture).expect("memory can be written");
        bytes
    }

    /// Golden digests, printed by this code when it was first written. After a change, increment `REVISION`.
    #[test]
    fn a_jpeg_decodes_and_shrinks_to_the_same_pixels_in_every_release() {
        let picture = decode(include_bytes!("../../tests/gradient.jpg")).expect("it is whole");
        let digest = |bytes: &[u8]| blake3::hash(bytes).to_hex()[..16].to_owned();
        insta::assert_snapshot!(digest(picture.as_raw()), @"9bc614e128989ee8");
        insta::assert_snapshot!(digest(pad(picture, 32).as_raw()), @"cb4a1ddc0053bddf");
    }

    #[test]
    fn a_picture_is_centered_on_black_and_fills_its_longer_side() {
        let white = RgbImage::from_pixel(100, 50, image::Rgb([255; 3]));
        let padded = pad(white, 64);
        let row = |y: u32| (0..64).map(|x| padded.get_pixel(x, y).0[0]).collect::<Vec<_>>();
        assert_eq!(
            (row(15), row(16), row(47), row(48)),
            (vec![0; 64], vec![255; 64], vec![255; 64], vec![0; 64])
        );
    }

    #[test]
    fn a_jpeg_cut_anywhere_is_refused() {
        let whole = jpeg(&gradient(64, 64));
        assert!(decode(&whole).is_ok());
        for length in 0..whole.len() - 1 {
            assert!(decode(&whole[..length]).is_err(), "{length} of {} bytes", whole.len());
        }
    }

    #[test]
    fn a_thin_picture_keeps_at_least_one_row() {
        assert_eq!(pad(gradient(500, 1), 16).dimensions(), (16, 16));
    }
}
