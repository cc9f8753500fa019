//! A small JPEG encoder. Every block of 8x8 pixels has one color.

use crate::samples::Picture;

/// Encodes without loss of the blocks' mean colors, except for rounding.
pub fn jpeg(picture: &Picture) -> Vec<u8> {
    let [height, width] = [picture.height, picture.width].map(|side| (side as u16).to_be_bytes());
    // Frame: 8 bits, three components without subsampling, quantization table 0.
    let size = [height, width].concat();
    let frame = [&[8][..], &size, &[3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]].concat();
    // Huffman tables: sixteen counts of codes by their length, then the values.
    let mut sizes_of_differences = [0; 17];
    sizes_of_differences[4] = 12;
    let mut end_of_block = [0; 17];
    end_of_block[1] = 1;
    end_of_block[0] = 0x10;
    let segments = [
        (0xdb, [&[0][..], &[1; 64]].concat()),
        (0xc0, frame),
        (0xc4, [&sizes_of_differences[..], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]].concat()),
        (0xc4, [&end_of_block[..], &[0]].concat()),
        (0xda, vec![3, 1, 0, 2, 0, 3, 0, 0, 63, 0]),
    ];
    let mut file = vec![0xff, 0xd8];
    for (mark, content) in segments {
        file.extend([0xff, mark]);
        file.extend((content.len() as u16 + 2).to_be_bytes());
        file.extend(content);
    }
    file.extend(scan(picture));
    file.extend([0xff, 0xd9]);
    file
}

fn scan(picture: &Picture) -> Vec<u8> {
    let mut bits = Bits::default();
    let mut before = [0; 3];
    for top in (0..picture.height).step_by(8) {
        for left in (0..picture.width).step_by(8) {
            let block = coefficients(mean_color(picture, left, top));
            for (coefficient, before) in block.into_iter().zip(&mut before) {
                bits.put_difference(coefficient - *before);
                *before = coefficient;
            }
        }
    }
    bits.bytes()
}

fn mean_color(picture: &Picture, left: u32, top: u32) -> [f64; 3] {
    let (right, bottom) = ((left + 8).min(picture.width), (top + 8).min(picture.height));
    let places = (top..bottom).flat_map(|y| (left..right).map(move |x| (y * picture.width + x) as usize));
    let places: Vec<usize> = places.collect();
    [0, 1, 2].map(|channel| {
        let sum: f64 = places.iter().map(|place| f64::from(picture.bytes[3 * place + channel])).sum();
        sum / places.len() as f64
    })
}

/// Returns the constant coefficients of luma, blue and red difference (JFIF 1.02).
fn coefficients([red, green, blue]: [f64; 3]) -> [i32; 3] {
    [
        0.299 * red + 0.587 * green + 0.114 * blue - 128.0,
        -0.1687 * red - 0.3313 * green + 0.5 * blue,
        0.5 * red - 0.4187 * green - 0.0813 * blue,
    ]
    .map(|mean| (8.0 * mean).round() as i32)
}

#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    }

    /// Writes the number of bits in the code of 4 bits, the difference, and the end of the block.
    fn put_difference(&mut self, difference: i32) {
        let count = 32 - difference.unsigned_abs().leading_zeros();
        self.put(count, 4);
        // Negative differences are one's complements.
        self.put((if difference < 0 { difference - 1 } else { difference }) as u32, count);
        self.put(0, 1);
    }

    /// Fills the last byte with ones and writes a zero after each byte that looks like a mark.
    fn bytes(&self) -> Vec<u8> {
        let byte =
            |bits: &[bool]| (0..8).fold(0, |byte, at| byte << 1 | u8::from(bits.get(at) != Some(&false)));
        let bytes = self.0.chunks(8).map(byte);
        bytes.flat_map(|byte| if byte == 0xff { vec![0xff, 0] } else { vec![byte] }).collect()
    }
}
