//! Swaps left and right.

use random::{Stream, uniform};

use super::map::Map;

/// Draws a flip with probability 1/2.
pub(super) fn draw(stream: &mut Stream) -> Map {
    if uniform(stream) < 0.5 {
        return Map::IDENTITY;
    }
    Map { linear: [[1.0, 0.0], [0.0, -1.0]], ..Map::IDENTITY }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_half_of_all_images_are_flipped_and_a_flip_swaps_left_and_right_exactly() {
        let mut stream = random::stream(0, "test", &[]);
        let flips: Vec<Map> =
            (0..1000).map(|_| draw(&mut stream)).filter(|map| *map != Map::IDENTITY).collect();
        assert!((450..550).contains(&flips.len()), "{}", flips.len());
        let mut image = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        flips[0].sample(crate::ImageShape { channels: 1, height: 2, width: 3 }, &mut image);
        assert_eq!(image, [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
    }
}
