//! Images that stay on the device as bytes, from which batches are gathered, transformed and scaled.
//!
//! A word holds four pixels, because not every runtime can address bytes.

use burn::tensor::{self, Int};
use burn_cubecl::{BoolElement, CubeRuntime};
use cubecl::{prelude::*, server::Handle};

use super::{
    launch::{Backend, Matrices, UNITS, count, units},
    reductions::sum_of_units,
};
use crate::{ImageSet, ImageTransform, Images};

/// The number of pixels in a word.
const PIXELS: usize = 4;
/// The number of values of an [`ImageTransform`] on the device: map by rows, shift, contrast, brightness.
const NUMBERS: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Size3 {
    channels: usize,
    height: usize,
    width: usize,
}

impl Size3 {
    const fn plane(self) -> usize {
        self.height * self.width
    }

    const fn pixels(self) -> usize {
        self.channels * self.plane()
    }
}

/// Returns the pixel at index `at` of all pixels, 0 to 255.
#[cube]
fn pixel_at(words: &Array<u32>, at: usize) -> f32 {
    let bits = words[at / PIXELS] >> (8 * (at % PIXELS) as u32);
    f32::cast_from(bits & 255)
}

/// Returns the network's input for a pixel of `channel`.
#[cube]
fn scaled(pixel: f32, channel: usize, scaling: &Array<f32>) -> f32 {
    (pixel - scaling[2 * channel]) / scaling[2 * channel + 1]
}

/// Runs one unit for each pixel of an image.
#[cube(launch_unchecked, address_type = "dynamic")]
fn gather_kernel(
    words: &Array<u32>,
    scaling: &Array<f32>,
    indices: &Tensor<i32>,
    output: &mut Tensor<f32>,
    #[comptime] size: Size3,
) {
    let image = CUBE_POS_X as usize;
    let at = CUBE_POS_Y as usize * UNITS + UNIT_POS as usize;
    if at < comptime!(size.pixels()) {
        let source = indices[image * indices.stride(0)] as usize * comptime!(size.pixels());
        let input = scaled(pixel_at(words, source + at), at / comptime!(size.plane()), scaling);
        output[image * output.stride(1) + at] = input;
    }
}

/// Runs one cube for each channel of an image; its units divide the pixels.
#[cube(launch_unchecked, address_type = "dynamic")]
fn transform_kernel(
    words: &Array<u32>,
    scaling: &Array<f32>,
    indices: &Tensor<i32>,
    transforms: &Array<f32>,
    output: &mut Tensor<f32>,
    #[comptime] size: Size3,
) {
    let image = CUBE_POS_X as usize;
    let channel = CUBE_POS_Y as usize;
    let plane = comptime!(size.plane());
    let transform = image * NUMBERS;
    let source = indices[image * indices.stride(0)] as usize * comptime!(size.pixels()) + channel * plane;
    let contrast = transforms[transform + 6];
    let brightness = transforms[transform + 7];
    let mut part = f32::new(0.0);
    for at in range_stepped(UNIT_POS as usize, plane, UNITS) {
        part += moved_pixel(words, source, transforms, transform, at, size);
    }
    let mean = sum_of_units(part) / f32::cast_from(comptime!(plane as u32));
    for at in range_stepped(UNIT_POS as usize, plane, UNITS) {
        let mut pixel = moved_pixel(words, source, transforms, transform, at, size);
        if contrast != 1.0 {
            pixel = (pixel - mean) * contrast + mean;
        }
        let clipped = f32::clamp(pixel + brightness, 0.0, 255.0);
        output[image * output.stride(1) + channel * plane + at] = scaled(clipped, channel, scaling);
    }
}

/// Returns the pixel at position `at` of a plane that begins at `source`, after a transform's affine map.
#[cube]
fn moved_pixel(
    words: &Array<u32>,
    source: usize,
    transforms: &Array<f32>,
    transform: usize,
    at: usize,
    #[comptime] size: Size3,
) -> f32 {
    let center_y = f32::new(comptime!((size.height as f32 - 1.0) / 2.0));
    let center_x = f32::new(comptime!((size.width as f32 - 1.0) / 2.0));
    let target_y = f32::cast_from((at / size.width) as u32) - center_y;
    let target_x = f32::cast_from((at % size.width) as u32) - center_x;
    let y = transforms[transform] * target_y
        + transforms[transform + 1] * target_x
        + transforms[transform + 4]
        + center_y;
    let x = transforms[transform + 2] * target_y
        + transforms[transform + 3] * target_x
        + transforms[transform + 5]
        + center_x;
    let (above, left) = (y.floor(), x.floor());
    let (down, across) = (y - above, x - left);
    let top = source + mirrored(above, size.height) * size.width;
    let bottom = source + mirrored(above + 1.0, size.height) * size.width;
    let before = mirrored(left, size.width);
    let after = mirrored(left + 1.0, size.width);
    pixel_at(words, top + before) * ((1.0 - down) * (1.0 - across))
        + pixel_at(words, top + after) * ((1.0 - down) * across)
        + pixel_at(words, bottom + before) * (down * (1.0 - across))
        + pixel_at(words, bottom + after) * (down * across)
}

/// Returns the index of the pixel that is mirrored to a position beyond the edge: `d c b a | a b c d | d c b a`.
#[cube]
fn mirrored(pixel: f32, #[comptime] length: usize) -> usize {
    let side = f32::new(comptime!(length as f32));
    let folded = pixel - (pixel / (2.0 * side)).floor() * (2.0 * side);
    u32::cast_from(select(folded < side, folded, 2.0 * side - 1.0 - folded)) as usize
}

pub(super) struct CubeImageSet<R: CubeRuntime> {
    device: R::Device,
    words: Handle,
    word_count: usize,
    scaling: Handle,
    size: Size3,
}

impl<R: CubeRuntime> CubeImageSet<R> {
    pub(super) fn new(images: Images, device: &R::Device) -> Self {
        let Images { mut pixels, shape: [channels, height, width], scaling } = images;
        assert_eq!(scaling.len(), channels, "a scaling for each channel");
        pixels.resize(pixels.len().next_multiple_of(PIXELS), 0);
        let words: Vec<u32> = pixels.as_chunks().0.iter().copied().map(u32::from_le_bytes).collect();
        let scaling: Vec<f32> = scaling.into_iter().flat_map(|(offset, divisor)| [offset, divisor]).collect();
        let client = R::client(device);
        Self {
            device: device.clone(),
            words: client.create_from_slice(u32::as_bytes(&words)),
            word_count: words.len(),
            scaling: client.create_from_slice(f32::as_bytes(&scaling)),
            size: Size3 { channels, height, width },
        }
    }
}

impl<R: CubeRuntime, B: BoolElement> ImageSet<Backend<R, B>> for CubeImageSet<R> {
    fn gather(
        &self,
        indices: &tensor::Tensor<Backend<R, B>, 1, Int>,
        transforms: Option<&[ImageTransform]>,
    ) -> tensor::Tensor<Backend<R, B>, 2> {
        let Self { device, words, word_count, scaling, size } = self;
        let [images] = indices.dims();
        let output = Matrices::<R>::empty([1, images, size.pixels()], device);
        let client = R::client(device);
        let indices = indices.clone().into_primitive().into_tensor_arg();
        let addresses = AddressType::from_len((word_count * PIXELS).max(images * size.pixels()));
        // SAFETY: indices are below the number of images, and no unit reads or writes beyond an image's pixels.
        let (words, scaling) = unsafe {
            (
                ArrayArg::from_raw_parts(words.clone(), *word_count),
                ArrayArg::from_raw_parts(scaling.clone(), 2 * size.channels),
            )
        };
        match transforms {
            None => {
                let grid = CubeCount::Static(count(images), count(size.pixels().div_ceil(UNITS)), 1);
                let output = output.argument();
                // SAFETY: as above.
                unsafe {
                    gather_kernel::launch_unchecked::<R>(
                        &client,
                        grid,
                        units(UNITS),
                        addresses,
                        words,
                        scaling,
                        indices,
                        output,
                        *size,
                    );
                }
            }
            Some(transforms) => {
                assert_eq!(transforms.len(), images, "a transform for each image");
                let numbers: Vec<f32> = transforms.iter().flat_map(numbers).collect();
                let grid = CubeCount::Static(count(images), count(size.channels), 1);
                let on_device = client.create_from_slice(f32::as_bytes(&numbers));
                let output = output.argument();
                // SAFETY: as above; there are `NUMBERS` values for each image.
                unsafe {
                    transform_kernel::launch_unchecked::<R>(
                        &client,
                        grid,
                        units(UNITS),
                        addresses,
                        words,
                        scaling,
                        indices,
                        ArrayArg::from_raw_parts(on_device, numbers.len()),
                        output,
                        *size,
                    );
                }
            }
        }
        output.into_tensor().reshape([images, size.pixels()])
    }
}

/// Returns a transform's values in the order in which the kernel reads them.
fn numbers(transform: &ImageTransform) -> [f32; NUMBERS] {
    let ImageTransform { linear: [[yy, yx], [xy, xx]], shift: [y, x], contrast, brightness } = *transform;
    [yy, yx, xy, xx, y, x, contrast, brightness]
}
