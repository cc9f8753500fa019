//! Enlarges or shrinks an image about its center.

use random::Stream;

use super::draw_between;
use super::map::Map;

pub(super) fn default() -> f32 {
    0.2
}

/// Draws one factor for height and width.
pub(super) fn draw(largest: f32, stream: &mut Stream) -> Map {
    let shown = 1.0 + draw_between(largest, stream);
    Map { linear: [[shown, 0.0], [0.0, shown]], ..Map::IDENTITY }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_change_by_one_factor_within_bounds() {
        let mut stream = random::stream(0, "test", &[]);
        for _ in 0..100 {
            let Map { linear: [[y, no_shear], [_, x]], shift } = draw(0.2, &mut stream);
            assert!(y == x && (0.8..=1.2).contains(&y) && no_shear == 0.0 && shift == [0.0, 0.0]);
        }
    }
}
