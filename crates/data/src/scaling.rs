//! The scaling of pixels to a network's inputs.

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

/// The mean and standard deviation of each channel's pixels, where black is 0 and white is 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum PerChannel {
    /// The values of the training examples in use. Validation and test examples have no influence.
    Measured,
    /// Given values, for images of one channel.
    Grey {
        /// The mean, which is subtracted.
        ///
        /// Example: `0.286`.
        mean: f32,
        /// The standard deviation, which divides.
        ///
        /// Allowed: above 0. Example: `0.353`.
        sd: f32,
    },
    /// Given values, for images of red, green and blue.
    Color {
        /// The means, which are subtracted.
        ///
        /// Example: `(0.491, 0.482, 0.447)`.
        mean: [f32; 3],
        /// The standard deviations, which divide.
        ///
        /// Allowed: above 0. Example: `(0.247, 0.243, 0.262)`.
        sd: [f32; 3],
    },
}

/// The numbers of a [`Scaling`] for one dataset: an input is `(x - offset) / divisor`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaler {
    /// `[channels]` of (offset, divisor). The first entries are used.
    channels: [(f32, f32); MAX_CHANNELS],
}

const MAX_CHANNELS: usize = 3;

impl Scaling {
    pub(crate) fn problems(self) -> Vec<Problem> {
        let (means, sds) = match self {
            Self::PerChannel(PerChannel::Grey { mean, sd }) => (vec![mean], vec![sd]),
            Self::PerChannel(PerChannel::Color { mean, sd }) => (mean.to_vec(), sd.to_vec()),
            _ => return Vec::new(),
        };
        let mut messages = Vec::new();
        if let Some(mean) = means.into_iter().find(|mean| !mean.is_finite()) {
            messages.push(format!("got a mean of {mean:?}, allowed: finite numbers"));
        }
        if let Some(sd) = sds.into_iter().find(|sd| !(sd.is_finite() && *sd > 0.0)) {
            messages.push(format!("got an sd of {sd:?}, allowed: finite numbers above 0.0"));
        }
        messages.into_iter().map(|message| Problem { field: "scaling", message }).collect()
    }
}

impl Scaler {
    /// Returns the scaler for images of `shape`. [`PerChannel::Measured`] measures `examples` of `part`. Returns `None` if
    /// the scaling has values for another number of channels.
    pub(crate) fn new(scaling: Scaling, shape: ImageShape, part: &Part, examples: &[u32]) -> Option<Self> {
        let channels = match scaling {
            Scaling::Standard => [(127.5, 127.5); MAX_CHANNELS],
            Scaling::ZeroOne => [(0.0, 255.0); MAX_CHANNELS],
            Scaling::Identity => [(0.0, 1.0); MAX_CHANNELS],
            Scaling::PerChannel(PerChannel::Measured) => measure(shape, part, examples),
            Scaling::PerChannel(PerChannel::Grey { mean, sd }) if shape.channels == 1 => {
                [(255.0 * mean, 255.0 * sd); MAX_CHANNELS]
            }
            Scaling::PerChannel(PerChannel::Color { mean, sd }) if shape.channels == 3 => {
                std::array::from_fn(|channel| (255.0 * mean[channel], 255.0 * sd[channel]))
            }
            Scaling::PerChannel(_) => return None,
        };
        Some(Self { channels })
    }

    pub fn offset_and_divisor(&self, channel: usize) -> (f32, f32) {
        self.channels[channel]
    }

    /// Writes the inputs for the pixels of one image.
    pub(crate) fn scale_into(&self, shape: ImageShape, pixels: &[u8], inputs: &mut [f32]) {
        let planes = pixels.chunks_exact(shape.plane()).zip(inputs.chunks_exact_mut(shape.plane()));
        for (channel, (pixels, inputs)) in self.channels.iter().zip(planes) {
            for (input, pixel) in inputs.iter_mut().zip(pixels) {
                *input = scale(*channel, f32::from(*pixel));
            }
        }
    }

    /// Scales the pixels of one image in place. Pixels are clipped to 0 to 255.
    pub(crate) fn scale_in_place(&self, shape: ImageShape, image: &mut [f32]) {
        for (channel, plane) in self.channels.iter().zip(image.chunks_exact_mut(shape.plane())) {
            for value in plane {
                *value = scale(*channel, value.clamp(0.0, 255.0));
            }
        }
    }
}

/// Divides, as the definition does: a multiplication by the reciprocal rounds differently, and the loop vectorizes
/// either way.
fn scale((offset, divisor): (f32, f32), pixel: f32) -> f32 {
    (pixel - offset) / divisor
}

/// Measures mean and standard deviation of each channel. The sums are sums of whole numbers, so they are exact in any
/// order and on every machine.
fn measure(shape: ImageShape, part: &Part, examples: &[u32]) -> [(f32, f32); MAX_CHANNELS] {
    let mut channels = [(0.0, 1.0); MAX_CHANNELS];
    for (channel, measured) in channels.iter_mut().take(shape.channels).enumerate() {
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
        *measured = (mean as f32, divisor);
    }
    channels
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOR: ImageShape = ImageShape { channels: 3, height: 4, width: 5 };

    /// Returns ten images with different channels.
    fn part() -> Part {
        let pixel = |at: usize| ((at * 37) % 101 + 40 * ((at / COLOR.plane()) % 3)) as u8;
        Part { images: (0..10 * COLOR.pixels()).map(pixel).collect::<Vec<_>>().into(), labels: vec![0; 10] }
    }

    fn scaler(scaling: Scaling) -> Scaler {
        Scaler::new(scaling, COLOR, &part(), &[0, 3, 7]).expect("it fits three channels")
    }

    /// Returns the input for one pixel of `channel`.
    fn scaled(scaler: &Scaler, channel: usize, pixel: u8) -> f32 {
        let (offset, divisor) = scaler.offset_and_divisor(channel);
        (f32::from(pixel) - offset) / divisor
    }

    #[test]
    fn ranges_are_those_in_the_documentation() {
        let ranges = [Scaling::Standard, Scaling::ZeroOne, Scaling::Identity]
            .map(|scaling| [0, 255].map(|pixel| scaled(&scaler(scaling), 2, pixel)));
        assert_eq!(ranges, [[-1.0, 1.0], [0.0, 1.0], [0.0, 255.0]]);
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
            let pixels = &part.images[..COLOR.pixels()];
            let mut inputs = vec![0.0; COLOR.pixels()];
            scaler.scale_into(COLOR, pixels, &mut inputs);
            let mut in_place: Vec<f32> = pixels.iter().copied().map(f32::from).collect();
            scaler.scale_in_place(COLOR, &mut in_place);
            for (at, pixel) in pixels.iter().enumerate() {
                let expected = scaled(&scaler, at / COLOR.plane(), *pixel).to_bits();
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
                values.extend(pixels.iter().map(|pixel| f64::from(scaled(&scaler, channel, *pixel))));
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
        assert_eq!(scaled(&scaler.expect("it fits"), 1, 9), 0.0);
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
