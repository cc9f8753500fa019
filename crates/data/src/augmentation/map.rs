//! The map from the pixels of a changed image to those of the original.

use crate::ImageShape;

/// An affine map from a place in the changed image to a place in the original.
///
/// Places are in pixels from the center of the image, x to the right and y down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Map {
    /// `[y, x]` by `[y, x]`.
    pub(super) linear: [[f32; 2]; 2],
    /// `[y, x]`, in pixels.
    pub(super) shift: [f32; 2],
}

impl Map {
    pub(super) const IDENTITY: Self = Self { linear: [[1.0, 0.0], [0.0, 1.0]], shift: [0.0, 0.0] };

    /// Returns the map of changing an image by `self` and the result by `next`. A place is looked up in the result first.
    pub(super) fn then(self, next: Self) -> Self {
        let columns = [0, 1].map(|column| [next.linear[0][column], next.linear[1][column]]);
        let [first, second] = columns.map(|column| self.apply_linear(column));
        Self { linear: [[first[0], second[0]], [first[1], second[1]]], shift: self.apply(next.shift) }
    }

    fn apply_linear(self, [y, x]: [f32; 2]) -> [f32; 2] {
        self.linear.map(|row| row[0] * y + row[1] * x)
    }

    fn apply(self, place: [f32; 2]) -> [f32; 2] {
        let [y, x] = self.apply_linear(place);
        [y + self.shift[0], x + self.shift[1]]
    }

    /// Changes `image`, `[channels, height, width]`, by bilinear interpolation. The image is mirrored beyond its edges, as
    /// in the predecessor.
    pub(super) fn sample(self, shape: ImageShape, image: &mut [f32]) {
        if self == Self::IDENTITY {
            return;
        }
        let ImageShape { height, width, .. } = shape;
        let center = [height, width].map(|side| (side as f32 - 1.0) / 2.0);
        let source = image.to_vec();
        for target_y in 0..height {
            for target_x in 0..width {
                let [y, x] = self.apply([target_y as f32 - center[0], target_x as f32 - center[1]]);
                let [top, bottom, down] = neighbors(y + center[0], height);
                let [left, right, across] = neighbors(x + center[1], width);
                let corners = [
                    (top as usize * width + left as usize, (1.0 - down) * (1.0 - across)),
                    (top as usize * width + right as usize, (1.0 - down) * across),
                    (bottom as usize * width + left as usize, down * (1.0 - across)),
                    (bottom as usize * width + right as usize, down * across),
                ];
                let planes = source.chunks_exact(shape.plane()).zip(image.chunks_exact_mut(shape.plane()));
                for (source, target) in planes {
                    target[target_y * width + target_x] =
                        corners.iter().map(|(at, weight)| source[*at] * weight).sum();
                }
            }
        }
    }
}

/// Returns the pixels before and after `place` along a side of `length` pixels, and how far `place` is between them.
fn neighbors(place: f32, length: usize) -> [f32; 3] {
    let before = place.floor();
    [mirrored(before, length), mirrored(before + 1.0, length), place - before]
}

/// Returns the pixel, `0..length`, that a pixel beyond the edge shows: `d c b a | a b c d | d c b a`.
fn mirrored(pixel: f32, length: usize) -> f32 {
    let length = length as f32;
    let folded = pixel.rem_euclid(2.0 * length);
    if folded < length { folded } else { 2.0 * length - 1.0 - folded }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { channels: 1, height: 2, width: 4 };
    const IMAGE: [f32; 8] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];

    fn sampled(map: Map) -> [f32; 8] {
        let mut image = IMAGE;
        map.sample(SHAPE, &mut image);
        image
    }

    fn shift(y: f32, x: f32) -> Map {
        Map { shift: [y, x], ..Map::IDENTITY }
    }

    #[test]
    fn whole_pixels_are_copied_and_edges_mirrored() {
        assert_eq!(sampled(shift(0.0, 1.0)), [2.0, 3.0, 4.0, 4.0, 6.0, 7.0, 8.0, 8.0]);
        assert_eq!(sampled(shift(0.0, -2.0)), [2.0, 1.0, 1.0, 2.0, 6.0, 5.0, 5.0, 6.0]);
        assert_eq!(sampled(shift(2.0, 0.0)), [5.0, 6.0, 7.0, 8.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(sampled(shift(-80.0, 80.0)), IMAGE);
    }

    #[test]
    fn halves_of_pixels_are_averaged() {
        assert_eq!(sampled(shift(0.5, 0.5))[..3], [4.0 - 0.5, 4.5, 5.5]);
    }

    #[test]
    fn composed_maps_sample_what_one_after_the_other_would() {
        let flip = Map { linear: [[1.0, 0.0], [0.0, -1.0]], shift: [0.0, 0.0] };
        let mut expected = sampled(shift(0.0, 1.0));
        flip.sample(SHAPE, &mut expected);
        assert_eq!(sampled(shift(0.0, 1.0).then(flip)), expected);
        let mut expected = sampled(flip);
        shift(0.0, 1.0).sample(SHAPE, &mut expected);
        assert_eq!(sampled(flip.then(shift(0.0, 1.0))), expected);
    }
}
