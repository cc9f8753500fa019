//! Nearer or farther, with the centre in its place.

use random::Stream;

use super::map::Map;
use super::to_either_side;

pub(super) fn usual() -> f32 {
    0.2
}

/// Height and width change by one factor.
pub(super) fn draw(largest: f32, stream: &mut Stream) -> Map {
    let shown = 1.0 + to_either_side(largest, stream);
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
