//! Which number does a network see for a pixel?

use serde::{Deserialize, Serialize};

/// How a pixel, 0 to 255, becomes an input of the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scaling {
    /// `(x - 127.5) / 127.5`, from -1 to 1.
    #[default]
    Standard,
    /// `x / 255`, from 0 to 1.
    ZeroOne,
    /// `x`, from 0 to 255.
    Identity,
}

impl Scaling {
    /// The input for one pixel.
    #[must_use]
    pub fn scale(self, pixel: u8) -> f32 {
        (f32::from(pixel) - self.offset()) / self.divisor()
    }

    /// The smallest and the largest input this scaling can give.
    #[must_use]
    pub fn range(self) -> (f32, f32) {
        (self.scale(0), self.scale(255))
    }

    /// The inputs for `pixels`, equal to [`scale`](Self::scale) bit for bit.
    ///
    /// It divides, as the definition does: a multiplication by the reciprocal rounds differently, and the loop
    /// vectorizes either way.
    pub(crate) fn scale_into(self, pixels: &[u8], inputs: &mut [f32]) {
        let (offset, divisor) = (self.offset(), self.divisor());
        for (input, pixel) in inputs.iter_mut().zip(pixels) {
            *input = (f32::from(*pixel) - offset) / divisor;
        }
    }

    fn offset(self) -> f32 {
        match self {
            Self::Standard => 127.5,
            Self::ZeroOne | Self::Identity => 0.0,
        }
    }

    fn divisor(self) -> f32 {
        match self {
            Self::Standard => 127.5,
            Self::ZeroOne => 255.0,
            Self::Identity => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_SCALING: [Scaling; 3] = [Scaling::Standard, Scaling::ZeroOne, Scaling::Identity];

    #[test]
    fn ranges_are_those_in_the_documentation() {
        assert_eq!(EVERY_SCALING.map(Scaling::range), [(-1.0, 1.0), (0.0, 1.0), (0.0, 255.0)]);
    }

    #[test]
    fn scaling_many_pixels_equals_scaling_each_bit_for_bit() {
        let pixels: Vec<u8> = (0..=255).collect();
        for scaling in EVERY_SCALING {
            let mut inputs = [0.0; 256];
            scaling.scale_into(&pixels, &mut inputs);
            for (pixel, input) in pixels.iter().zip(inputs) {
                assert_eq!(input.to_bits(), scaling.scale(*pixel).to_bits(), "{scaling:?} of {pixel}");
            }
        }
    }
}
