//! Turns an image about its center.

use std::f64::consts::TAU;

use random::Stream;

use super::draw_between;
use super::map::Map;

/// Returns 18 degrees in turns.
pub(super) fn default() -> f32 {
    0.05
}

/// Draws a rotation, which keeps lengths also in images that are not square.
pub(super) fn draw(largest: f32, stream: &mut Stream) -> Map {
    let angle = f64::from(draw_between(largest, stream)) * TAU;
    let (sine, cosine) = (sine(angle) as f32, cosine(angle) as f32);
    Map { linear: [[cosine, -sine], [sine, cosine]], ..Map::IDENTITY }
}

/// Computes a sine by its series, for angles up to half a turn. Libraries round sines differently; sums and products are
/// the same everywhere.
fn sine(angle: f64) -> f64 {
    series(angle, angle, 1)
}

fn cosine(angle: f64) -> f64 {
    series(1.0, angle, 0)
}

/// Sums the series that begins with the term `first` of power `power`.
fn series(first: f64, angle: f64, power: u32) -> f64 {
    let mut term = first;
    let mut sum = first;
    for step in 1..=14 {
        let next = f64::from(power + 2 * step);
        term *= -angle * angle / (next * (next - 1.0));
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_agree_with_the_library_to_more_digits_than_are_used() {
        for step in -50..=50 {
            let angle = f64::from(step) / 100.0 * TAU;
            assert!((sine(angle) - angle.sin()).abs() < 1e-12, "{angle}");
            assert!((cosine(angle) - angle.cos()).abs() < 1e-12, "{angle}");
        }
    }

    #[test]
    fn a_quarter_turn_is_clockwise_and_moves_rows_to_columns() {
        let (sine, cosine) = (sine(TAU / 4.0) as f32, cosine(TAU / 4.0) as f32);
        let turn = Map { linear: [[cosine, -sine], [sine, cosine]], ..Map::IDENTITY };
        let shape = crate::ImageShape { channels: 1, height: 2, width: 2 };
        let mut image = [1.0, 2.0, 3.0, 4.0];
        turn.sample(shape, &mut image);
        let rounded: Vec<i32> = image.iter().map(|pixel| pixel.round() as i32).collect();
        assert_eq!(rounded, [3, 1, 4, 2]);
    }
}
