//! Makes an image lighter or darker.

use random::Stream;

use super::draw_between;

pub(super) fn default() -> f32 {
    0.2
}

/// Draws the number that is added to all pixels, which are from 0 to 255.
pub(super) fn draw(largest: f32, stream: &mut Stream) -> f32 {
    255.0 * draw_between(largest, stream)
}

pub(super) fn apply(largest: f32, image: &mut [f32], stream: &mut Stream) {
    let added = draw(largest, stream);
    for pixel in image {
        *pixel += added;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_moves_by_the_same_amount_within_bounds() {
        let mut stream = random::stream(0, "test", &[]);
        let mut amounts: Vec<f32> = (0..200)
            .map(|_| {
                let mut image = [10.0, 100.0];
                apply(0.2, &mut image, &mut stream);
                assert!((image[1] - image[0] - 90.0).abs() < 1e-4);
                image[0] - 10.0
            })
            .collect();
        amounts.sort_by(f32::total_cmp);
        assert!(amounts[0] >= -51.0 && amounts[0] < -45.0 && amounts[199] <= 51.0 && amounts[199] > 45.0);
    }
}
