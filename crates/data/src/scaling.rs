//! Which number does a network see for a pixel?

use serde::{Deserialize, Serialize};

use crate::{ImageShape, Part, Problem};

/// How a pixel, 0 to 255, becomes an input of the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Scaling {
    /// `(x - 127.5) / 127.5`, from -1 to 1.
    #[default]
    Standard,
    /// `x / 255`, from 0 to 1.
    ZeroOne,
    /// `x`, from 0 to 255.
    Identity,
    /// `(x / 255 - mean) / sd`, with a mean and a standard deviation for each channel.
    PerChannel(PerChannel),
}

/// Mean and standard deviation of each channel's pixels, where black is 0 and white is 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum PerChannel {
    /// Those of the training examples in use; validation and test are not looked at.
    Measured,
    /// Given, for images of one channel.
    Grey {
        /// Is subtracted.
        ///
        /// Example: `0.286`.
        mean: f32,
        /// Divides.
        ///
        /// Allowed: above 0. Example: `0.353`.
        sd: f32,
    },
    /// Given, for images of red, green and blue.
    Color {
        /// Is subtracted.
        ///
        /// Example: `(0.491, 0.482, 0.447)`.
        mean: [f32; 3],
        /// Divides.
        ///
        /// Allowed: above 0. Example: `(0.247, 0.243, 0.262)`.
        sd: [f32; 3],
    },
}

/// The numbers a [`Scaling`] comes to for a dataset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaler {
    /// `[channels]`; the first entries are used.
    channels: [Affine; MOST_CHANNELS],
}

/// `(x - offset) / divisor`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Affine {
    offset: f32,
    divisor: f32,
}

const MOST_CHANNELS: usize = 3;

impl Scaling {
    /// Every value that is not allowed.
    pub(crate) fn problems(self) -> Vec<Problem> {
        let (mean, sd) = match self {
            Self::PerChannel(PerChannel::Grey { mean, sd }) => (vec![mean], vec![sd]),
            Self::PerChannel(PerChannel::Color { mean, sd }) => (mean.to_vec(), sd.to_vec()),
            _ => return Vec::new(),
        };
        let problem = |message| Problem { field: "scaling", message };
        let wrong_mean = mean.into_iter().find(|mean| !mean.is_finite());
        let wrong_sd = sd.into_iter().find(|sd| !(sd.is_finite() && *sd > 0.0));
        let means =
            wrong_mean.map(|mean| problem(format!("got a mean of {mean:?}, allowed: finite numbers")));
        let sds =
            wrong_sd.map(|sd| problem(format!("got an sd of {sd:?}, allowed: finite numbers above 0.0")));
        means.into_iter().chain(sds).collect()
    }
}

impl Scaler {
    /// That of `scaling` for images of `shape`, measured on `examples` of `part` where it is to be measured; `None`
    /// if the scaling has values for another number of channels.
    pub(crate) fn new(scaling: Scaling, shape: ImageShape, part: &Part, examples: &[u32]) -> Option<Self> {
        let same = |offset, divisor| Self { channels: [Affine { offset, divisor }; MOST_CHANNELS] };
        Some(match scaling {
            Scaling::Standard => same(127.5, 127.5),
            Scaling::ZeroOne => same(0.0, 255.0),
            Scaling::Identity => same(0.0, 1.0),
            Scaling::PerChannel(PerChannel::Measured) => Self::measure(shape, part, examples),
            Scaling::PerChannel(PerChannel::Grey { mean, sd }) if shape.channels == 1 => {
                same(255.0 * mean, 255.0 * sd)
            }
            Scaling::PerChannel(PerChannel::Color { mean, sd }) if shape.channels == 3 => Self {
                channels: std::array::from_fn(|channel| Affine {
                    offset: 255.0 * mean[channel],
                    divisor: 255.0 * sd[channel],
                }),
            },
            Scaling::PerChannel(_) => return None,
        })
    }

    /// Sums are of whole numbers, so they are exact, in any order and on every machine.
    fn measure(shape: ImageShape, part: &Part, examples: &[u32]) -> Self {
        let mut channels = [Affine { offset: 0.0, divisor: 1.0 }; MOST_CHANNELS];
        for (channel, affine) in channels.iter_mut().take(shape.channels).enumerate() {
            let (mut sum, mut squares) = (0_u64, 0_u64);
            for example in examples {
                let start = *example as usize * shape.pixels() + channel * shape.plane();
                for pixel in &part.images[start..][..shape.plane()] {
                    sum += u64::from(*pixel);
                    squares += u64::from(*pixel) * u64::from(*pixel);
                }
            }
            let count = (examples.len() * shape.plane()) as f64;
            let mean = sum as f64 / count;
            let variance = squares as f64 / count - mean * mean;
            // A channel that never varies is only moved to zero.
            let divisor = if variance > 0.0 { variance.sqrt() as f32 } else { 1.0 };
            *affine = Affine { offset: mean as f32, divisor };
        }
        Self { channels }
    }

    /// The input for one pixel of `channel`.
    #[must_use]
    pub fn scale(&self, channel: usize, pixel: u8) -> f32 {
        self.channels[channel].apply(f32::from(pixel))
    }

    /// What is subtracted from the pixels of `channel`, and what then divides them.
    #[must_use]
    pub fn offset_and_divisor(&self, channel: usize) -> (f32, f32) {
        let Affine { offset, divisor } = self.channels[channel];
        (offset, divisor)
    }

    /// The smallest and the largest input `channel` can have.
    #[must_use]
    pub fn range(&self, channel: usize) -> (f32, f32) {
        (self.scale(channel, 0), self.scale(channel, 255))
    }

    /// The inputs for the pixels of one image, equal to [`scale`](Self::scale) bit for bit.
    pub(crate) fn scale_into(&self, shape: ImageShape, pixels: &[u8], inputs: &mut [f32]) {
        let planes = pixels.chunks_exact(shape.plane()).zip(inputs.chunks_exact_mut(shape.plane()));
        for (affine, (pixels, inputs)) in self.channels.iter().zip(planes) {
            for (input, pixel) in inputs.iter_mut().zip(pixels) {
                *input = affine.apply(f32::from(*pixel));
            }
        }
    }

    /// Scales the pixels of one image where they are; pixels outside 0 to 255 are clipped to it, so that inputs lie in
    /// the [`range`](Self::range).
    pub(crate) fn scale_in_place(&self, shape: ImageShape, image: &mut [f32]) {
        for (affine, plane) in self.channels.iter().zip(image.chunks_exact_mut(shape.plane())) {
            for value in plane {
                *value = affine.apply(value.clamp(0.0, 255.0));
            }
        }
    }
}

impl Affine {
    /// It divides, as the definition does: a multiplication by the reciprocal rounds differently, and the loop
    /// vectorizes either way.
    fn apply(self, pixel: f32) -> f32 {
        (pixel - self.offset) / self.divisor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOR: ImageShape = ImageShape { channels: 3, height: 4, width: 5 };

    /// Ten images whose channels differ.
    fn part() -> Part {
        let pixel = |at: usize| ((at * 37) % 101 + 40 * ((at / COLOR.plane()) % 3)) as u8;
        Part { images: (0..10 * COLOR.pixels()).map(pixel).collect::<Vec<_>>().into(), labels: vec![0; 10] }
    }

    fn scaler(scaling: Scaling) -> Scaler {
        Scaler::new(scaling, COLOR, &part(), &[0, 3, 7]).expect("it fits three channels")
    }

    #[test]
    fn ranges_are_those_in_the_documentation() {
        let ranges =
            [Scaling::Standard, Scaling::ZeroOne, Scaling::Identity].map(|scaling| scaler(scaling).range(2));
        assert_eq!(ranges, [(-1.0, 1.0), (0.0, 1.0), (0.0, 255.0)]);
    }

    #[test]
    fn scaling_an_image_equals_scaling_each_pixel_bit_for_bit() {
        let given = PerChannel::Color { mean: [0.1, 0.5, 0.7], sd: [0.2, 0.3, 0.1] };
        for scaling in [
            Scaling::Standard,
            Scaling::ZeroOne,
            Scaling::Identity,
            Scaling::PerChannel(given),
            Scaling::PerChannel(PerChannel::Measured),
        ] {
            let (scaler, part) = (scaler(scaling), part());
            let (offset, divisor) = scaler.offset_and_divisor(1);
            assert_eq!(scaler.scale(1, 77), (77.0 - offset) / divisor, "the numbers are the scaling");
            let pixels = &part.images[..COLOR.pixels()];
            let mut inputs = vec![0.0; COLOR.pixels()];
            scaler.scale_into(COLOR, pixels, &mut inputs);
            let mut in_place: Vec<f32> = pixels.iter().copied().map(f32::from).collect();
            scaler.scale_in_place(COLOR, &mut in_place);
            for (at, pixel) in pixels.iter().enumerate() {
                let expected = scaler.scale(at / COLOR.plane(), *pixel).to_bits();
                assert_eq!([inputs[at].to_bits(), in_place[at].to_bits()], [expected; 2], "{scaling:?}");
            }
        }
    }

    #[test]
    fn what_is_measured_has_mean_zero_and_variance_one_in_every_channel_over_the_examples_given() {
        let (scaler, part) = (scaler(Scaling::PerChannel(PerChannel::Measured)), part());
        for channel in 0..3 {
            let mut values = Vec::new();
            for example in [0, 3, 7] {
                let start = example * COLOR.pixels() + channel * COLOR.plane();
                let pixels = &part.images[start..][..COLOR.plane()];
                values.extend(pixels.iter().map(|pixel| f64::from(scaler.scale(channel, *pixel))));
            }
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance =
                values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
            assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-6, "{mean} {variance}");
        }
    }

    #[test]
    fn a_channel_that_never_varies_becomes_zero() {
        let part = Part { images: vec![9; COLOR.pixels()].into(), labels: vec![0] };
        let scaler = Scaler::new(Scaling::PerChannel(PerChannel::Measured), COLOR, &part, &[0]);
        assert_eq!(scaler.expect("it fits").scale(1, 9), 0.0);
    }

    #[test]
    fn values_for_another_number_of_channels_fit_no_image() {
        let grey = Scaling::PerChannel(PerChannel::Grey { mean: 0.5, sd: 0.2 });
        assert_eq!(Scaler::new(grey, COLOR, &part(), &[0]), None);
    }

    #[test]
    fn means_and_standard_deviations_must_be_numbers_to_scale_by() {
        let messages = |per_channel| {
            let problems = Scaling::PerChannel(per_channel).problems();
            problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(messages(PerChannel::Grey { mean: 0.5, sd: 0.2 }), "");
        insta::assert_snapshot!(
            messages(PerChannel::Color { mean: [0.0, f32::NAN, 0.0], sd: [1.0, 1.0, 0.0] }),
            @"got a mean of NaN, allowed: finite numbers; got an sd of 0.0, allowed: finite numbers above 0.0"
        );
    }
}
