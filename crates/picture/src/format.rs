//! Decodes JPEG and PNG files.

use std::io::{BufRead, Cursor, Seek};
use std::panic::{self, AssertUnwindSafe};

use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::{RgbImage, orientation};

/// The limits on pictures, which no official picture comes near.
const MAX_SIDE: usize = 1 << 14;
const MAX_BYTES: usize = 1 << 30;
/// The memory of a decoder for everything but pixels, at most.
const OTHER_BYTES: u64 = 1 << 20;
const TOO_LARGE: &str = "Image size exceeds limit";
const TOO_MUCH_MEMORY: &str = "Memory limit exceeded";

/// Decodes a file to red, green and blue, or returns the reason why it cannot be decoded. Transparency is dropped, and
/// color profiles are ignored.
pub fn decode(file: &[u8], follow_orientation: bool) -> Result<RgbImage, String> {
    let decoded = decode_as_stored(file)?;
    let orientation = if follow_orientation { orientation::of_jpeg(file) } else { 1 };
    Ok(orientation::upright(decoded, orientation))
}

fn decode_as_stored(file: &[u8]) -> Result<RgbImage, String> {
    match file {
        // The decoder fills missing pixels with grey and reports no error.
        [0xff, 0xd8, 0xff, ..] if !ends(file) => {
            Err("Format error decoding Jpeg: the file is cut short".to_owned())
        }
        // The decoder panics on some damaged files, and on some CMYK pictures with subsampling.
        [0xff, 0xd8, 0xff, ..] => panic::catch_unwind(|| decode_jpeg(file))
            .unwrap_or_else(|_| Err("the decoder failed (it does not know this kind of JPEG)".to_owned())),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => decode_png(file),
        _ => Err("neither a JPEG nor a PNG file".to_owned()),
    }
}

/// Returns the most memory that [`decode`] takes for a file, in bytes, from the size that its header claims. The file itself is
/// not counted. Returns none for a header that is damaged or that [`decode`] refuses.
pub fn memory_need(file: &mut (impl BufRead + Seek)) -> Option<u64> {
    match file.fill_buf().ok()? {
        [0xff, ..] => panic::catch_unwind(AssertUnwindSafe(|| jpeg_need(file))).ok()?,
        _ => png_need(file),
    }
}

fn jpeg_need(file: &mut (impl BufRead + Seek)) -> Option<u64> {
    let mut decoder = JpegDecoder::new_with_options(file, any_size());
    decoder.decode_headers().ok()?;
    let (width, height) = decoder.dimensions()?;
    let components = usize::from(decoder.info()?.components);
    within_memory(width, height, 3).ok()?;
    check_sides(width, height).ok()?;
    // Blocks of the least resolution cover up to 32 by 32 pixels.
    let pixels = width.next_multiple_of(32) * height.next_multiple_of(32);
    // While it is decoded, a progressive picture has two bytes for each coefficient. Afterwards, it may be copied to be turned.
    Some((pixels * (3 + (2 * components).max(3))) as u64 + OTHER_BYTES)
}

fn png_need(file: &mut (impl BufRead + Seek)) -> Option<u64> {
    let mut decoder = png::Decoder::new(file);
    let header = decoder.read_header_info().ok()?;
    let (width, height) = (header.width as usize, header.height as usize);
    // Transparency, which comes after the header, adds a sample.
    let samples = match header.color_type {
        png::ColorType::Grayscale | png::ColorType::GrayscaleAlpha => 2,
        _ => 4,
    };
    let sample_bytes = if header.bit_depth == png::BitDepth::Sixteen { 2 } else { 1 };
    check_sides(width, height).ok()?;
    Some((width * height * (samples * sample_bytes).max(3)) as u64 + OTHER_BYTES)
}

/// Whether a JPEG file has an end mark after the start of its scan. A thumbnail before the scan may have its own.
fn ends(jpeg: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xda;
    let mut at = 2;
    while let [0xff, mark, high, low, ..] = jpeg[at.min(jpeg.len())..] {
        if mark == START_OF_SCAN {
            return jpeg[at..].windows(2).any(|bytes| bytes == [0xff, 0xd9]);
        }
        // Fill bytes may come before a mark.
        at += if mark == 0xff { 1 } else { 2 + usize::from(u16::from_be_bytes([high, low])) };
    }
    false
}

fn decode_jpeg(file: &[u8]) -> Result<RgbImage, String> {
    let options = any_size();
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().map_err(jpeg_error)?;
    let (width, height) = decoder.dimensions().expect("the headers are decoded");
    let (colors, samples) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (ColorSpace::Luma, 1),
        _ => (ColorSpace::RGB, 3),
    };
    let bytes = within_memory(width, height, samples)?;
    check_sides(width, height)?;
    let mut decoded = vec![0; width * height * 3];
    decoder.set_options(options.jpeg_set_out_colorspace(colors));
    decoder.decode_into(&mut decoded[..bytes]).map_err(jpeg_error)?;
    Ok(RgbImage { width, height, bytes: to_rgb(decoded, width * height, samples, 1) })
}

fn any_size() -> DecoderOptions {
    DecoderOptions::default().set_max_width(usize::MAX).set_max_height(usize::MAX)
}

fn jpeg_error(error: DecodeErrors) -> String {
    format!("Format error decoding Jpeg: {error}")
}

fn decode_png(file: &[u8]) -> Result<RgbImage, String> {
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(file), png::Limits { bytes: MAX_BYTES });
    let header = decoder.read_header_info().map_err(png_error)?;
    let (width, height) = (header.width as usize, header.height as usize);
    check_sides(width, height)?;
    // Palettes and samples of less than a byte are expanded to bytes.
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(png_error)?;
    let (colors, depth) = reader.output_color_type();
    let (samples, sample_bytes) = (colors.samples(), if depth == png::BitDepth::Sixteen { 2 } else { 1 });
    let bytes = within_memory(width, height, samples * sample_bytes)?;
    let mut decoded = vec![0; bytes.max(width * height * 3)];
    reader.next_frame(&mut decoded[..bytes]).map_err(png_error)?;
    Ok(RgbImage { width, height, bytes: to_rgb(decoded, width * height, samples, sample_bytes) })
}

fn png_error(error: png::DecodingError) -> String {
    format!("Format error decoding Png: {error}")
}

/// Returns the number of bytes of the decoded picture.
fn within_memory(width: usize, height: usize, pixel_bytes: usize) -> Result<usize, String> {
    let bytes = width * height * pixel_bytes;
    if bytes > MAX_BYTES { Err(TOO_MUCH_MEMORY.to_owned()) } else { Ok(bytes) }
}

fn check_sides(width: usize, height: usize) -> Result<(), String> {
    if width > MAX_SIDE || height > MAX_SIDE { Err(TOO_LARGE.to_owned()) } else { Ok(()) }
}

/// Converts grey (1 sample), grey and alpha (2), or red, green, blue and alpha (4) to red, green and blue (3), in place: a copy of
/// a large picture would take as much memory again. Samples have 1 byte, or 2 big-endian bytes. `bytes` has room for the result.
fn to_rgb(mut bytes: Vec<u8>, pixels: usize, samples: usize, sample_bytes: usize) -> Vec<u8> {
    let pixel_bytes = samples * sample_bytes;
    let mut convert = |pixel: usize| {
        let color = [0, 1, 2].map(|channel| {
            let sample = if samples < 3 { 0 } else { channel };
            let sample = &bytes[pixel * pixel_bytes + sample * sample_bytes..][..sample_bytes];
            match *sample {
                [high, low] => ((u32::from(u16::from_be_bytes([high, low])) + 128) / 257) as u8,
                _ => sample[0],
            }
        });
        bytes[3 * pixel..][..3].copy_from_slice(&color);
    };
    // No pixel is written over one that is read later.
    match pixel_bytes {
        0..3 => (0..pixels).rev().for_each(&mut convert),
        3 => (),
        _ => (0..pixels).for_each(&mut convert),
    }
    bytes.truncate(3 * pixels);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(file: &[u8]) -> Result<RgbImage, String> {
        super::decode(file, false)
    }

    const JPEG: &[u8] = include_bytes!("../tests/gradient.jpg");

    fn png(colors: png::ColorType, depth: png::BitDepth, width: u32, bytes: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, 1);
        encoder.set_color(colors);
        encoder.set_depth(depth);
        if colors == png::ColorType::Indexed {
            encoder.set_palette(vec![9, 8, 7, 60, 50, 40]);
            encoder.set_trns(vec![0]);
        }
        let mut writer = encoder.write_header().expect("memory can be written");
        writer.write_image_data(bytes).expect("memory can be written");
        writer.finish().expect("memory can be written");
        file
    }

    #[test]
    fn every_kind_of_png_becomes_red_green_and_blue_without_transparency() {
        use png::BitDepth::{Eight, One, Sixteen};
        use png::ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};
        for (colors, depth, bytes, expected) in [
            (Grayscale, One, &[0b0100_0000][..], [0, 0, 0, 255, 255, 255]),
            (Grayscale, Eight, &[3, 200], [3, 3, 3, 200, 200, 200]),
            (GrayscaleAlpha, Eight, &[3, 0, 200, 9], [3, 3, 3, 200, 200, 200]),
            (Rgb, Eight, &[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]),
            (Rgba, Eight, &[1, 2, 3, 0, 4, 5, 6, 128], [1, 2, 3, 4, 5, 6]),
            (Indexed, Eight, &[1, 0], [60, 50, 40, 9, 8, 7]),
            // 128 is rounded to 0 and 129 to 1.
            (Grayscale, Sixteen, &[0, 128, 0, 129], [0, 0, 0, 1, 1, 1]),
            (Rgb, Sixteen, &[0, 128, 0, 129, 255, 255, 0, 0, 1, 1, 2, 2], [0, 1, 255, 0, 1, 2]),
        ] {
            let decoded = decode(&png(colors, depth, 2, bytes)).expect("it is whole");
            assert_eq!(decoded, RgbImage { width: 2, height: 1, bytes: expected.to_vec() }, "{colors:?}");
        }
    }

    #[test]
    fn a_jpeg_cut_anywhere_is_refused() {
        assert!(decode(JPEG).is_ok());
        for length in 0..JPEG.len() - 1 {
            assert!(decode(&JPEG[..length]).is_err(), "{length} of {} bytes", JPEG.len());
        }
    }

    /// The header of a JPEG file claims a size of `width` by `height`.
    fn jpeg_of(width: u16, height: u16) -> Vec<u8> {
        let frame = JPEG.windows(2).position(|mark| mark == [0xff, 0xc0]).expect("there is a frame");
        let mut file = JPEG.to_vec();
        file[frame + 5..][..2].copy_from_slice(&height.to_be_bytes());
        file[frame + 7..][..2].copy_from_slice(&width.to_be_bytes());
        file
    }

    #[test]
    fn pictures_that_claim_too_much_are_refused_before_anything_is_allocated() {
        assert_eq!(decode(&jpeg_of(65_000, 65_000)).expect_err("it is too large"), TOO_MUCH_MEMORY);
        assert_eq!(decode(&jpeg_of(20_000, 10)).expect_err("it is too wide"), TOO_LARGE);
        let mut wide = png(png::ColorType::Grayscale, png::BitDepth::Eight, 20_000, &[0; 20_000]);
        assert_eq!(decode(&wide).expect_err("it is too wide"), TOO_LARGE);
        wide[29] ^= 1;
        assert!(decode(&wide).expect_err("the checksum is wrong").starts_with("Format error decoding Png: "));
    }

    /// The file is a progressive CMYK picture of one pixel, made with Pillow 13; the sampling factors of its last color were
    /// changed to 2.
    #[test]
    fn a_jpeg_on_which_the_decoder_panics_is_refused() {
        let error = decode(include_bytes!("../tests/cmyk.jpg")).expect_err("the decoder panics");
        assert_eq!(error, "the decoder failed (it does not know this kind of JPEG)");
    }

    #[test]
    fn other_formats_are_refused() {
        assert_eq!(decode(b"GIF89a...").expect_err("it is no JPEG"), "neither a JPEG nor a PNG file");
    }
}
