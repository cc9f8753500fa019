//! Images on the device, and the batches that are gathered from them.

use burn::tensor::{Int, Tensor, TensorData, backend::Backend};

/// Images as they are stored, in the host's memory.
#[derive(Clone, Debug)]
pub struct Images {
    /// The values of all pixels, `[images, channels, height, width]`.
    pub pixels: Vec<u8>,
    /// Channels, height and width of an image.
    pub shape: [usize; 3],
    /// The offset and the divisor of each channel: a pixel is scaled to `(pixel - offset) / divisor`.
    pub scaling: Vec<(f32, f32)>,
}

/// An augmentation of an image before it is scaled: an affine map, then a change of its values.
///
/// The pixel at a position `p` of the result comes from `linear p + shift` of the image, both in pixels from the center
/// as `[y, x]`. It is interpolated between its four neighbors; beyond its edges the image is mirrored. Then `v` becomes
/// `contrast (v - mean) + mean + brightness`, clipped to 0 to 255, where the mean is that of the moved image's channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImageTransform {
    /// The matrix of the affine map, `[y, x]` by `[y, x]`.
    pub linear: [[f32; 2]; 2],
    /// The translation of the affine map, `[y, x]`.
    pub shift: [f32; 2],
    /// The factor on differences from the mean; 1 leaves them unchanged.
    pub contrast: f32,
    /// The number that is added to values from 0 to 255.
    pub brightness: f32,
}

/// Images on the device, from which batches are gathered, transformed and scaled there.
pub trait ImageSet<B: Backend>: Send {
    /// Returns the scaled images at `indices` (`[count]`) as `[count, pixels]`. If `transforms` are given, there is one for
    /// each of these images, which is applied before the scaling.
    fn gather(&self, indices: &Tensor<B, 1, Int>, transforms: Option<&[ImageTransform]>) -> Tensor<B, 2>;
}

/// The ways to get the batches of a training step onto the device.
pub trait BatchKernels: Backend {
    /// Creates a tensor whose values `fill` writes, row by row. `fill` gets undefined values and must write them all.
    fn filled(shape: [usize; 3], device: &Self::Device, fill: impl FnOnce(&mut [f32])) -> Tensor<Self, 3> {
        let mut values = vec![0.0; shape.iter().product()];
        fill(&mut values);
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// Copies `images` to the device. Returns `None`, without calling `images`, where gathering batches in the host's
    /// memory is faster.
    fn image_set(
        _images: impl FnOnce() -> Images,
        _device: &Self::Device,
    ) -> Option<Box<dyn ImageSet<Self>>> {
        None
    }
}
