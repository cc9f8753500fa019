//! Dropout factors, drawn on the device: ChaCha8 in a kernel, a block of 16 draws for each unit.
//!
//! ChaCha is Bernstein's (2008, "ChaCha, a variant of Salsa20"). Draws are in the order of [`random::Stream`], so
//! masks are the same bits as on the CPU.

use burn_cubecl::CubeRuntime;
use cubecl::prelude::*;

use super::launch::{Matrices, UNITS, addresses, grid_of_pieces, units};
use crate::LayerDropout;

/// The number of words of a block; each word is a draw.
const BLOCK: usize = 16;
/// The number of words of a key.
const KEY: usize = 8;
/// The number of words of a trial: its key, its rate and its factor on units that are kept.
const WORDS: usize = KEY + 2;

#[cube(launch_unchecked, address_type = "dynamic")]
fn factors_kernel(dropouts: &Array<u32>, factors: &mut Tensor<f32>) {
    let block = CUBE_POS_X * comptime!(UNITS as u32) + UNIT_POS;
    let first_word = CUBE_POS_Z as usize * WORDS;
    let columns = factors.shape(2);
    let first = block as usize * BLOCK;
    let mut row = first / columns;
    let mut column = first % columns;
    if row < factors.shape(1) {
        let rate = f32::reinterpret(dropouts[first_word + KEY]);
        let kept = f32::reinterpret(dropouts[first_word + KEY + 1]);
        let start = state(dropouts, first_word, block);
        let mut words = state(dropouts, first_word, block);
        for _ in 0..4u32 {
            double_round(&mut words);
        }
        #[unroll]
        for word in 0..BLOCK {
            if row < factors.shape(1) {
                let bits = (words[word] + start[word]) >> 8u32;
                let draw = f32::cast_from(bits) * f32::new(1.0 / 16_777_216.0);
                let factor = select(draw < rate, 0.0, kept);
                let at = CUBE_POS_Z as usize * factors.stride(0) + row * factors.stride(1) + column;
                factors[at] = factor;
            }
            column += 1;
            if column == columns {
                column = 0;
                row += 1;
            }
        }
    }
}

/// Returns ChaCha's state before the rounds: constants, key, block counter, and a nonce of 0.
#[cube]
fn state(dropouts: &Array<u32>, first_word: usize, block: u32) -> Array<u32> {
    let mut words = Array::<u32>::new(BLOCK);
    // "expand 32-byte k".
    words[0] = 0x6170_7865u32;
    words[1] = 0x3320_646eu32;
    words[2] = 0x7962_2d32u32;
    words[3] = 0x6b20_6574u32;
    #[unroll]
    for word in 0..KEY {
        words[4 + word] = dropouts[first_word + word];
    }
    words[12] = block;
    words[13] = 0u32;
    words[14] = 0u32;
    words[15] = 0u32;
    words
}

#[cube]
fn double_round(words: &mut Array<u32>) {
    #[unroll]
    for column in 0..4usize {
        quarter_round(words, column, comptime!(4 + column), comptime!(8 + column), comptime!(12 + column));
    }
    #[unroll]
    for diagonal in 0..4usize {
        quarter_round(
            words,
            diagonal,
            comptime!(4 + (diagonal + 1) % 4),
            comptime!(8 + (diagonal + 2) % 4),
            comptime!(12 + (diagonal + 3) % 4),
        );
    }
}

#[cube]
fn quarter_round(
    words: &mut Array<u32>,
    #[comptime] a: usize,
    #[comptime] b: usize,
    #[comptime] c: usize,
    #[comptime] d: usize,
) {
    words[a] = words[a] + words[b];
    words[d] = rotated(words[d] ^ words[a], 16u32);
    words[c] = words[c] + words[d];
    words[b] = rotated(words[b] ^ words[c], 12u32);
    words[a] = words[a] + words[b];
    words[d] = rotated(words[d] ^ words[a], 8u32);
    words[c] = words[c] + words[d];
    words[b] = rotated(words[b] ^ words[c], 7u32);
}

#[cube]
fn rotated(word: u32, #[comptime] bits: u32) -> u32 {
    (word << bits) | (word >> comptime!(32u32 - bits))
}

/// Returns the factors of every trial, `[trials, batch, units]`.
pub(super) fn factors<R: CubeRuntime>(
    dropouts: &[LayerDropout],
    batch: usize,
    unit_count: usize,
    device: &R::Device,
) -> Matrices<R> {
    let factors = Matrices::empty([dropouts.len(), batch, unit_count], device);
    let words: Vec<u32> = dropouts
        .iter()
        .flat_map(|dropout| {
            dropout.key.words().into_iter().chain([dropout.rate.to_bits(), dropout.kept.to_bits()])
        })
        .collect();
    let client = R::client(device);
    let on_device = client.create_from_slice(u32::as_bytes(&words));
    // SAFETY: no unit reads or writes beyond the shape, and there are `WORDS` words for each trial.
    unsafe {
        factors_kernel::launch_unchecked::<R>(
            &client,
            grid_of_pieces((batch * unit_count).div_ceil(BLOCK), dropouts.len()),
            units(UNITS),
            addresses([&factors]),
            ArrayArg::from_raw_parts(on_device, words.len()),
            factors.argument(),
        );
    }
    factors
}
