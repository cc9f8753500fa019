//! Draws one distorted figure: places its points, draws lines between them, sometimes swaps black and white, adds noise,
//! and rounds to bytes.

use random::{Rng, Stream, uniform};

use super::figures::Figure;

/// The number of pixels along each side.
pub(super) const SIDE: usize = 28;
pub(super) const PIXELS: usize = SIDE * SIDE;

/// The tangent of half the largest rotation to either side, 23 degrees.
const MAX_HALF_ANGLE_TANGENT: f32 = 0.2;
const MAX_SHEAR: f32 = 0.2;
/// The range of pixels from the figure's center to the edge of its box, drawn for each axis.
const RADIUS: [f32; 2] = [7.0, 11.0];
/// The largest shift along each axis, in pixels.
const MAX_SHIFT: f32 = 1.0;
/// The largest shift of each point along each axis, in units of the figure's box.
const MAX_JITTER: f32 = 0.12;
/// The range of half a line's width, in pixels.
const HALF_WIDTH: [f32; 2] = [0.6, 1.4];
/// The range of a line's brightness; 1 is white on black.
const INK: [f32; 2] = [0.55, 1.0];
/// The probability of one more line that belongs to no figure, the range of its brightness, and its largest length in
/// pixels along each axis.
const DISTRACTOR_PROBABILITY: f32 = 0.5;
const DISTRACTOR_INK: [f32; 2] = [0.3, 0.7];
const MAX_DISTRACTOR: f32 = 10.0;
/// The probability of a negative, dark on white. A linear classifier answers a figure and its negative with opposite signs,
/// so it stays behind a network with hidden units.
const NEGATIVE_PROBABILITY: f32 = 0.25;
/// The standard deviation of the noise, in steps of the 256 grey levels.
const NOISE: f32 = 20.0;

/// x to the right and y down, in pixels from the upper left corner.
type Point = [f32; 2];

/// Draws `figure` with distortions from `stream` and returns `[SIDE, SIDE]`, row-major.
pub(super) fn draw(figure: &Figure, stream: &mut Stream) -> [u8; PIXELS] {
    let placement = Placement::random(stream);
    let points: Vec<Point> =
        figure.points.iter().map(|point| placement.place(jitter(*point, stream))).collect();
    let pen = Pen { half_width: between(HALF_WIDTH, stream), ink: between(INK, stream) };
    let mut canvas = Canvas::blank();
    for [from, to] in figure.segments() {
        canvas.stroke(points[from], points[to], pen);
    }
    if uniform(stream) < DISTRACTOR_PROBABILITY {
        canvas.stroke_distractor(pen.half_width, stream);
    }
    if uniform(stream) < NEGATIVE_PROBABILITY {
        canvas.turn_negative();
    }
    canvas.develop(stream)
}

/// An affine map from the figure's box to pixels.
struct Placement {
    matrix: [[f32; 2]; 2],
    center: Point,
}

impl Placement {
    fn random(stream: &mut Stream) -> Self {
        // cos = (1 - t^2) / (1 + t^2) and sin = 2t / (1 + t^2) with t = tan(angle / 2), so no library computes a sine.
        let t = either_side(MAX_HALF_ANGLE_TANGENT, stream);
        let (cosine, sine) = ((1.0 - t * t) / (1.0 + t * t), 2.0 * t / (1.0 + t * t));
        let shear = either_side(MAX_SHEAR, stream);
        let (width, height) = (between(RADIUS, stream), between(RADIUS, stream));
        let middle = SIDE as f32 / 2.0;
        Self {
            // Rotation x shear x scale.
            matrix: [
                [cosine * width, (cosine * shear - sine) * height],
                [sine * width, (sine * shear + cosine) * height],
            ],
            center: [middle + either_side(MAX_SHIFT, stream), middle + either_side(MAX_SHIFT, stream)],
        }
    }

    fn place(&self, [x, y]: [f32; 2]) -> Point {
        [0, 1].map(|axis| self.matrix[axis][0] * x + self.matrix[axis][1] * y + self.center[axis])
    }
}

fn jitter([x, y]: [f32; 2], stream: &mut Stream) -> [f32; 2] {
    [x + either_side(MAX_JITTER, stream), y + either_side(MAX_JITTER, stream)]
}

#[derive(Clone, Copy)]
struct Pen {
    half_width: f32,
    ink: f32,
}

/// `[SIDE, SIDE]`, row-major; 0 is black, 1 is white.
struct Canvas([f32; PIXELS]);

impl Canvas {
    fn blank() -> Self {
        Self([0.0; PIXELS])
    }

    /// Draws a line with round ends. A pixel's coverage falls off over one pixel at the line's edge.
    fn stroke(&mut self, from: Point, to: Point, pen: Pen) {
        let along = [to[0] - from[0], to[1] - from[1]];
        let length_squared = (along[0] * along[0] + along[1] * along[1]).max(f32::MIN_POSITIVE);
        let reach = pen.half_width + 0.5;
        let columns = touched(from[0], to[0], reach);
        for row in touched(from[1], to[1], reach) {
            for column in columns.clone() {
                let [x, y] = [column as f32 + 0.5 - from[0], row as f32 + 0.5 - from[1]];
                let share = ((x * along[0] + y * along[1]) / length_squared).clamp(0.0, 1.0);
                let (away_x, away_y) = (x - share * along[0], y - share * along[1]);
                let distance = (away_x * away_x + away_y * away_y).sqrt();
                let coverage = (reach - distance).clamp(0.0, 1.0);
                let pixel = &mut self.0[row * SIDE + column];
                *pixel = pixel.max(coverage * pen.ink);
            }
        }
    }

    fn stroke_distractor(&mut self, half_width: f32, stream: &mut Stream) {
        let side = SIDE as f32;
        let from = [side * uniform(stream), side * uniform(stream)];
        let to = from.map(|coordinate| coordinate + either_side(MAX_DISTRACTOR, stream));
        self.stroke(from, to, Pen { half_width, ink: between(DISTRACTOR_INK, stream) });
    }

    fn turn_negative(&mut self) {
        self.0 = self.0.map(|light| 1.0 - light);
    }

    /// Adds noise and rounds to bytes.
    fn develop(&self, stream: &mut Stream) -> [u8; PIXELS] {
        self.0.map(|light| (255.0 * light + NOISE * bell(stream) + 0.5).clamp(0.0, 255.0) as u8)
    }
}

/// Returns the pixels along one axis whose centers can be within `reach` of a line from `from` to `to`.
fn touched(from: f32, to: f32, reach: f32) -> std::ops::Range<usize> {
    // The cast rounds towards zero and turns negative numbers into 0.
    let first = (from.min(to) - reach) as usize;
    let last = (from.max(to) + reach + 1.0) as usize;
    first.min(SIDE)..last.min(SIDE)
}

/// Returns a nearly normal number with mean 0 and variance 1: the sum of four uniform bytes, which needs no logarithm.
fn bell(stream: &mut Stream) -> f32 {
    let sum: u32 = stream.next_u32().to_le_bytes().into_iter().map(u32::from).sum();
    // Four bytes have mean 4 * 127.5 and variance 4 * (256^2 - 1) / 12.
    (sum as f32 - 510.0) / 147.8
}

fn between([low, high]: [f32; 2], stream: &mut Stream) -> f32 {
    low + (high - low) * uniform(stream)
}

fn either_side(largest: f32, stream: &mut Stream) -> f32 {
    between([-largest, largest], stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stroke(from: Point, to: Point) -> Canvas {
        let mut canvas = Canvas::blank();
        canvas.stroke(from, to, Pen { half_width: 1.0, ink: 0.5 });
        canvas
    }

    #[test]
    fn a_stroke_has_its_width_and_its_ink() {
        let canvas = stroke([5.0, 10.5], [20.0, 10.5]);
        let column: Vec<f32> = (7..15).map(|row| canvas.0[row * SIDE + 12]).collect();
        assert_eq!(column, [0.0, 0.0, 0.25, 0.5, 0.25, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_stroke_out_of_the_picture_is_cut_off() {
        assert!(stroke([-50.0, -50.0], [-40.0, 90.0]).0.iter().all(|light| *light == 0.0));
        let canvas = stroke([-50.0, 3.5], [90.0, 3.5]);
        assert!(canvas.0[3 * SIDE..4 * SIDE].iter().all(|light| *light == 0.5));
    }

    #[test]
    fn a_stroke_of_no_length_is_a_dot() {
        assert_eq!(stroke([4.5, 4.5], [4.5, 4.5]).0[4 * SIDE + 4], 0.5);
    }

    #[test]
    fn noise_has_mean_zero_and_variance_one() {
        let mut stream = random::stream(0, "test", &[]);
        let draws: Vec<f32> = (0..100_000).map(|_| bell(&mut stream)).collect();
        let mean = draws.iter().sum::<f32>() / draws.len() as f32;
        let variance = draws.iter().map(|draw| draw * draw).sum::<f32>() / draws.len() as f32;
        assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }
}
