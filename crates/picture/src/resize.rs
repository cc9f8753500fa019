//! Resizes a picture by a triangle filter that is as wide as the reduction, so that nothing is aliased. The arithmetic
//! rounds the same way on every machine.

use crate::RgbImage;

/// The source pixels of one pixel of the result, along one side.
struct Taps {
    first: usize,
    /// The weights of the source pixels from `first` on, which sum to one.
    weights: Vec<f32>,
}

/// Returns `picture` with `width` by `height` pixels.
pub fn resize(picture: &RgbImage, width: usize, height: usize) -> RgbImage {
    let (columns, rows) = (taps(picture.width, width), taps(picture.height, height));
    let mut narrow = vec![0.0_f32; 3 * width];
    let mut sums = vec![0.0_f32; 3 * width * height];
    // Each row of the picture is narrowed once and added to the rows of the result that it is a part of: no copy of a large
    // picture is made.
    for (y, row) in picture.bytes.chunks_exact(3 * picture.width).enumerate() {
        for (narrow, taps) in narrow.chunks_exact_mut(3).zip(&columns) {
            narrow.fill(0.0);
            for (pixel, weight) in row[3 * taps.first..].chunks_exact(3).zip(&taps.weights) {
                for (sum, channel) in narrow.iter_mut().zip(pixel) {
                    *sum += f32::from(*channel) * weight;
                }
            }
        }
        for (sums, taps) in sums.chunks_exact_mut(3 * width).zip(&rows) {
            let Some(weight) = y.checked_sub(taps.first).and_then(|index| taps.weights.get(index)) else {
                continue;
            };
            for (sum, value) in sums.iter_mut().zip(&narrow) {
                *sum += value * weight;
            }
        }
    }
    RgbImage { width, height, bytes: sums.into_iter().map(|sum| sum.round() as u8).collect() }
}

/// Returns `[to]` for a side of `from` pixels.
fn taps(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    let radius = scale.max(1.0);
    (0..to)
        .map(|target| {
            let center = (target as f64 + 0.5) * scale;
            let first = (center - radius).floor().max(0.0) as usize;
            let end = (center + radius).ceil().min(from as f64) as usize;
            let distances = (first..end).map(|source| (source as f64 + 0.5 - center).abs());
            let weights: Vec<f64> = distances.map(|distance| (1.0 - distance / radius).max(0.0)).collect();
            let sum: f64 = weights.iter().sum();
            Taps { first, weights: weights.into_iter().map(|weight| (weight / sum) as f32).collect() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_size_gives_the_same_picture() {
        let picture = RgbImage::from_fn(7, 5, |x, y| [x as u8 * 30, y as u8 * 50, (x * y) as u8]);
        assert_eq!(resize(&picture, 7, 5), picture);
    }

    #[test]
    fn doubling_interpolates_and_halving_averages() {
        let pair = RgbImage { width: 2, height: 1, bytes: vec![0, 0, 0, 100, 40, 20] };
        assert_eq!(resize(&pair, 4, 1).bytes, [0, 0, 0, 25, 10, 5, 75, 30, 15, 100, 40, 20]);
        let checkers = RgbImage::from_fn(256, 256, |x, y| [if (x + y) % 2 == 0 { 255 } else { 0 }; 3]);
        assert!(resize(&checkers, 32, 32).bytes.iter().all(|byte| (127..=128).contains(byte)));
    }

    #[test]
    fn one_color_stays_one_color_at_every_size() {
        let picture = RgbImage::filled(37, 23, [255, 1, 128]);
        for (width, height) in [(1, 1), (5, 64), (100, 3)] {
            assert_eq!(resize(&picture, width, height), RgbImage::filled(width, height, [255, 1, 128]));
        }
    }
}
