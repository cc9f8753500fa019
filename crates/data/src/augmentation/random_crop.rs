//! Cuts a window of an image's size out of the padded image, at a random place.

use random::{Stream, below};
use serde::{Deserialize, Serialize};

use crate::{ImageShape, Problem};

/// The pixels beyond the edges of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fill {
    /// Black pixels: 0 of 0 to 255, before scaling.
    #[default]
    Zero,
    /// The image mirrored at the pixels of its edge, which are not repeated: `a b c` becomes `c b a b c b a`.
    Reflect,
}

/// Draws the window's first row and first column in the padded image, each from 0 to twice the padding.
fn draw(padding: u32, stream: &mut Stream) -> [usize; 2] {
    [(); 2].map(|()| below(2 * u64::from(padding) + 1, stream) as usize)
}

/// Replaces `image`, `[channels, height, width]`, by a window of the padded image. All channels have the same window.
pub(super) fn apply(padding: u32, fill: Fill, shape: ImageShape, image: &mut [f32], stream: &mut Stream) {
    let [first_row, first_column] = draw(padding, stream);
    let padded = |place, length| source(place, padding as usize, length, fill);
    let source = image.to_vec();
    let planes = source.chunks_exact(shape.plane()).zip(image.chunks_exact_mut(shape.plane()));
    for (source, target) in planes {
        for (y, row) in target.chunks_exact_mut(shape.width).enumerate() {
            let source_y = padded(first_row + y, shape.height);
            for (x, pixel) in row.iter_mut().enumerate() {
                let from = source_y.zip(padded(first_column + x, shape.width));
                *pixel = from.map_or(0.0, |(y, x)| source[y * shape.width + x]);
            }
        }
    }
}

/// Returns the pixel, `0..length`, that a pixel of the padded image shows; `None` for black. `place` is counted along a side
/// of the padded image, and `padding` is less than `length`.
fn source(place: usize, padding: usize, length: usize, fill: Fill) -> Option<usize> {
    match fill {
        _ if (padding..padding + length).contains(&place) => Some(place - padding),
        Fill::Zero => None,
        Fill::Reflect if place < padding => Some(padding - place),
        Fill::Reflect => Some(2 * (length - 1) - (place - padding)),
    }
}

pub(super) fn problem(padding: u32) -> Option<Problem> {
    let message = "random crop got padding 0, allowed: at least 1".to_owned();
    (padding == 0).then_some(Problem { field: "augmentations", message })
}

/// Returns the problem of a padding that is not below the height and the width: the window could miss the image, or its mirror
/// image could be too small.
pub(super) fn problem_with(padding: u32, shape: ImageShape) -> Option<Problem> {
    let smaller = shape.height.min(shape.width);
    let message = format!(
        "random crop got padding {padding}, allowed: less than {smaller}, the smaller side of the images"
    );
    (padding as usize >= smaller).then_some(Problem { field: "augmentations", message })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { channels: 2, height: 3, width: 4 };

    /// Two channels; the values of the second are negative.
    fn image() -> Vec<f32> {
        [1.0, -1.0].iter().flat_map(|sign| (1..=12).map(move |value| sign * value as f32)).collect()
    }

    /// The first channel of [`image`] with a padding of 2, written by hand.
    const ZERO: [[f32; 8]; 7] = [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0],
        [0.0, 0.0, 5.0, 6.0, 7.0, 8.0, 0.0, 0.0],
        [0.0, 0.0, 9.0, 10.0, 11.0, 12.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ];
    /// The same as `numpy.pad(image, 2, mode="reflect")` gives it.
    const REFLECT: [[f32; 8]; 7] = [
        [11.0, 10.0, 9.0, 10.0, 11.0, 12.0, 11.0, 10.0],
        [7.0, 6.0, 5.0, 6.0, 7.0, 8.0, 7.0, 6.0],
        [3.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 2.0],
        [7.0, 6.0, 5.0, 6.0, 7.0, 8.0, 7.0, 6.0],
        [11.0, 10.0, 9.0, 10.0, 11.0, 12.0, 11.0, 10.0],
        [7.0, 6.0, 5.0, 6.0, 7.0, 8.0, 7.0, 6.0],
        [3.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 2.0],
    ];

    #[test]
    fn each_window_of_the_padded_image_is_drawn_and_copied_exactly_and_no_other() {
        for (fill, padded) in [(Fill::Zero, ZERO), (Fill::Reflect, REFLECT)] {
            let mut counts = [[0; 5]; 5];
            for index in 0..2500 {
                let stream = || random::stream(0, "test", &[index]);
                let [row, column] = draw(2, &mut stream());
                // An offset above twice the padding is out of the array's bounds.
                counts[row][column] += 1;
                let window = (row..row + 3).flat_map(|y| padded[y][column..column + 4].to_vec());
                let window: Vec<f32> = window.collect();
                let mut image = image();
                apply(2, fill, SHAPE, &mut image, &mut stream());
                assert_eq!(image[..12], window);
                assert_eq!(image[12..], window.iter().map(|value| -value).collect::<Vec<_>>());
            }
            // Each of the 25 windows is expected 100 times, with a standard deviation of 10.
            assert!(counts.as_flattened().iter().all(|count| (50..150).contains(count)), "{counts:?}");
        }
    }

    #[test]
    fn a_padding_is_at_least_one_and_below_the_smaller_side() {
        assert!(problem(1).is_none() && problem_with(2, SHAPE).is_none());
        insta::assert_snapshot!(problem(0).expect("no padding").message, @"random crop got padding 0, allowed: at least 1");
        insta::assert_snapshot!(problem_with(3, SHAPE).expect("as large as the height").message, @"random crop got padding 3, allowed: less than 3, the smaller side of the images");
    }
}
