//! Histograms and pictures of a network, in the host's memory.

/// A histogram or a picture, with the tag that TensorBoard shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Exhibit {
    /// The tag, in the form of a metric's name: `layer_1/weights`.
    pub tag: String,
    pub content: Content,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    Histogram(Histogram),
    Picture(Picture),
}

impl Exhibit {
    pub fn histogram(tag: impl Into<String>, histogram: Histogram) -> Self {
        Self { tag: tag.into(), content: Content::Histogram(histogram) }
    }

    pub fn picture(tag: impl Into<String>, picture: Picture) -> Self {
        Self { tag: tag.into(), content: Content::Picture(picture) }
    }
}

/// The number of values in each of several ranges.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// The lower end, the upper end and the count of each range. Ranges are adjacent, from the smallest value to the largest;
    /// only the last one includes its upper end.
    pub buckets: Vec<(f64, f64, f64)>,
}

/// The number of buckets of a histogram, which is the number that TensorBoard shows.
const BUCKETS: usize = 30;

impl Histogram {
    /// Counts the finite ones of `values`; none if no value is finite.
    pub fn of(values: &[f32]) -> Option<Self> {
        let (low, high) = finite(values)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            return None;
        }
        if low == high {
            return Some(Self { buckets: vec![(low - 0.5, low + 0.5, finite(values).count() as f64)] });
        }
        let width = (high - low) / BUCKETS as f64;
        let mut counts = [0.0; BUCKETS];
        finite(values).for_each(|value| counts[(((value - low) / width) as usize).min(BUCKETS - 1)] += 1.0);
        let buckets = (0..BUCKETS).map(|index| {
            let end = if index + 1 == BUCKETS { high } else { low + width * (index + 1) as f64 };
            (low + width * index as f64, end, counts[index])
        });
        Some(Self { buckets: buckets.collect() })
    }
}

fn finite(values: &[f32]) -> impl Iterator<Item = f64> {
    values.iter().copied().filter(|value| value.is_finite()).map(f64::from)
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    /// 1 for gray, or 3 for red, green and blue.
    pub channels: usize,
    /// The pixels row by row, `[height, width, channels]`.
    pub pixels: Vec<u8>,
}

/// A grid of images in one picture.
#[derive(Clone, Copy, Debug)]
pub struct Tiles {
    /// Channels, height and width of each image, whose values are `[channels, height, width]`.
    pub image: [usize; 3],
}

const GAP: usize = 2;
const BACKGROUND: u8 = 255;

impl Tiles {
    /// Draws the weights of units, one unit after the other. Black to white is -a to a, where a is the largest absolute value.
    pub fn of_weights(self, values: &[f32], across: usize) -> Picture {
        let size = values
            .iter()
            .filter(|value| value.is_finite())
            .fold(0.0_f32, |size, value| size.max(value.abs()));
        self.of_values(values, across, (-size, size))
    }

    /// Draws images one after the other, `across` of them in a row. Black to white is the given range, and NaN is black.
    pub fn of_values(self, values: &[f32], across: usize, (low, high): (f32, f32)) -> Picture {
        let [channels, height, width] = self.image;
        // Images with neither 1 nor 3 channels are shown by their first channel.
        let shown = if channels == 3 { 3 } else { 1 };
        let tiles = values.chunks_exact(channels * height * width);
        let down = tiles.len().div_ceil(across);
        let (total_width, total_height) = (across * (width + GAP) + GAP, down * (height + GAP) + GAP);
        let mut pixels = vec![BACKGROUND; total_width * total_height * shown];
        let spread = if high > low { high - low } else { 1.0 };
        for (index, tile) in tiles.enumerate() {
            let (top, left) = (index / across * (height + GAP) + GAP, index % across * (width + GAP) + GAP);
            for channel in 0..shown {
                for at in 0..height * width {
                    let (row, column) = (top + at / width, left + at % width);
                    let value = (tile[channel * height * width + at] - low) / spread;
                    // The conversion turns NaN into 0.
                    pixels[(row * total_width + column) * shown + channel] = (value * 255.0).round() as u8;
                }
            }
        }
        let [width, height] =
            [total_width, total_height].map(|size| u32::try_from(size).expect("a few tiles fit"));
        Picture { width, height, channels: shown, pixels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_every_finite_value_once() {
        let values: Vec<f32> = (0..=60).map(|value| value as f32).chain([f32::NAN, f32::INFINITY]).collect();
        let histogram = Histogram::of(&values).expect("there are finite values");
        assert_eq!(histogram.buckets.len(), BUCKETS);
        assert_eq!(histogram.buckets[0], (0.0, 2.0, 2.0));
        assert_eq!(histogram.buckets[BUCKETS - 1], (58.0, 60.0, 3.0), "the last bucket has both ends");
        assert_eq!(histogram.buckets.iter().map(|bucket| bucket.2).sum::<f64>(), 61.0);
    }

    #[test]
    fn equal_values_are_one_bucket_and_no_values_are_none() {
        assert_eq!(Histogram::of(&[2.0; 5]).expect("values").buckets, [(1.5, 2.5, 5.0)]);
        assert_eq!(Histogram::of(&[f32::NAN, f32::NEG_INFINITY]), None);
        assert_eq!(Histogram::of(&[]), None);
    }

    #[test]
    fn tiles_are_next_to_each_other_with_channels_together() {
        let tiles = Tiles { image: [3, 1, 1] };
        let picture = tiles.of_values(&[0.0, 0.5, 1.0, 1.0, f32::NAN, 0.0], 2, (0.0, 1.0));
        assert_eq!((picture.width, picture.height, picture.channels), (8, 5, 3));
        let pixel = |column: usize| &picture.pixels[(2 * 8 + column) * 3..][..3];
        assert_eq!((pixel(2), pixel(5)), ([0, 128, 255].as_slice(), [255, 0, 0].as_slice()));
        assert_eq!(pixel(0), [BACKGROUND; 3]);
    }

    #[test]
    fn weights_are_gray_at_zero() {
        let picture = Tiles { image: [1, 1, 3] }.of_weights(&[-2.0, 0.0, 1.0], 1);
        assert_eq!(picture.pixels[2 * 7 + 2..][..3], [0, 128, 191]);
    }
}
