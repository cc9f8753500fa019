//! Brings a picture to a square.

use crate::{RgbImage, resize};

/// Scales the longer side to `side` and centers the picture on black.
pub fn pad(picture: RgbImage, side: usize) -> RgbImage {
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

/// Returns the memory that [`pad`] takes besides the picture, in bytes.
pub fn padding_need(side: usize) -> u64 {
    // The result, resized and padded, and its sums in single precision.
    (side * side * 3 * (1 + 1 + 4)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode;

    /// Golden digests, printed by this code when it was first written. After a change, increment `REVISION`.
    #[test]
    fn a_jpeg_decodes_and_shrinks_to_the_same_pixels_in_every_release() {
        let picture = decode(include_bytes!("../tests/gradient.jpg"), false).expect("it is whole");
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
