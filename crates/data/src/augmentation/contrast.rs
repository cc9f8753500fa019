//! Moves pixels away from their channel's mean or towards it.

use random::Stream;

use super::draw_between;
use crate::ImageShape;

pub(super) fn default() -> f32 {
    0.1
}

/// Draws the factor for distances from the mean.
pub(super) fn draw(largest: f32, stream: &mut Stream) -> f32 {
    1.0 + draw_between(largest, stream)
}

/// Changes all channels of `image`, `[channels, height, width]`, by one factor. Each keeps its mean.
pub(super) fn apply(largest: f32, shape: ImageShape, image: &mut [f32], stream: &mut Stream) {
    let factor = draw(largest, stream);
    for plane in image.chunks_exact_mut(shape.plane()) {
        let mean = plane.iter().sum::<f32>() / plane.len() as f32;
        for pixel in plane {
            *pixel = (*pixel - mean) * factor + mean;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_stay_and_distances_from_them_change_by_one_factor() {
        let shape = ImageShape { channels: 2, height: 1, width: 2 };
        let mut image = [10.0, 30.0, 100.0, 180.0];
        apply(0.5, shape, &mut image, &mut random::stream(0, "test", &[]));
        assert_eq!([image[0] + image[1], image[2] + image[3]], [40.0, 280.0]);
        let factors = [(image[1] - image[0]) / 20.0, (image[3] - image[2]) / 80.0];
        assert!(
            (factors[0] - factors[1]).abs() < 1e-5 && factors[0] != 1.0 && (0.5..=1.5).contains(&factors[0])
        );
    }
}
