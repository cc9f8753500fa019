//! Shifts an image along both sides.

use random::Stream;

use super::draw_between;
use super::map::Map;
use crate::ImageShape;

pub(super) fn default() -> f32 {
    0.2
}

/// Draws a shift along each side, as a share of the side.
pub(super) fn draw(largest: f32, shape: ImageShape, stream: &mut Stream) -> Map {
    let shift = [shape.height, shape.width].map(|side| draw_between(largest, stream) * side as f32);
    Map { shift, ..Map::IDENTITY }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_are_shares_of_each_side() {
        let shape = ImageShape { channels: 1, height: 10, width: 100 };
        let mut stream = random::stream(0, "test", &[]);
        let shifts: Vec<[f32; 2]> = (0..200).map(|_| draw(0.2, shape, &mut stream).shift).collect();
        let largest = |axis: usize| shifts.iter().map(|shift| shift[axis].abs()).fold(0.0, f32::max);
        assert!((1.8..=2.0).contains(&largest(0)) && (18.0..=20.0).contains(&largest(1)));
    }
}
