//! Random numbers that are a function of a seed and a purpose.
//!
//! Every draw of the project comes from [`stream`]. A stream is ChaCha8, a counter-based generator, under a key derived
//! from (seed, purpose, indices). There is no global generator, so any epoch of any trial can be replayed from its seed
//! alone, and two configurations with one seed see the same draws for the same purpose.

mod halton;

pub use halton::Halton;
pub use rand::Rng;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

pub type Stream = ChaCha8Rng;

/// Returns the stream of `purpose` under `seed`.
///
/// `indices` distinguish the members of a family, for example `[layer]` or `[layer, epoch, step]`. The same arguments
/// give the same numbers on every machine; other arguments give independent numbers.
pub fn stream(seed: u64, purpose: &str, indices: &[u64]) -> Stream {
    key(seed, purpose, indices).stream()
}

/// The key of a stream, from which code that cannot use the stream itself, like a GPU kernel, draws the same numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    pub fn stream(self) -> Stream {
        ChaCha8Rng::from_seed(self.0)
    }

    /// Returns the stream after this many draws of 32 bits.
    pub fn stream_from(self, draws: u64) -> Stream {
        let mut stream = self.stream();
        stream.set_word_pos(draws.into());
        stream
    }

    /// Returns words 4 to 11 of ChaCha's state. The block counter and the nonce after them start at 0.
    pub fn words(self) -> [u32; 8] {
        let chunks = self.0.as_chunks().0;
        std::array::from_fn(|index| u32::from_le_bytes(chunks[index]))
    }
}

/// Returns the key of the [`stream`] of `purpose` under `seed`.
pub fn key(seed: u64, purpose: &str, indices: &[u64]) -> Key {
    let mut key = blake3::Hasher::new_derive_key("bpfree random stream, revision 1");
    key.update(&seed.to_le_bytes());
    key.update(&(purpose.len() as u64).to_le_bytes());
    key.update(purpose.as_bytes());
    for index in indices {
        key.update(&index.to_le_bytes());
    }
    Key(*key.finalize().as_bytes())
}

/// Returns a uniformly random order of `0..length` (Fisher-Yates).
///
/// A library's shuffle may draw differently in its next release, which would change every batch.
pub fn permutation(length: usize, stream: &mut Stream) -> Vec<u32> {
    let mut order: Vec<u32> = (0..u32::try_from(length).expect("fewer than 2^32 examples")).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, below(last as u64 + 1, stream) as usize);
    }
    order
}

/// Returns a uniform draw from `0..bound` (Lemire 2019, arXiv:1805.10941, algorithm 5).
pub fn below(bound: u64, stream: &mut Stream) -> u64 {
    loop {
        let product = u128::from(stream.next_u64()) * u128::from(bound);
        if product as u64 >= bound.wrapping_neg() % bound {
            return (product >> 64) as u64;
        }
    }
}

/// Returns a standard normal draw, rounded to single precision: the draws from the distribution's tail, 3 in 10,000, take a
/// logarithm, whose last bit depends on the system's library.
pub fn standard_normal(stream: &mut Stream) -> f64 {
    let draw: f64 = stream.sample(StandardNormal);
    f64::from(draw as f32)
}

/// Returns a uniform draw from the 2^24 multiples of 2^-24 in [0, 1).
pub fn uniform(stream: &mut Stream) -> f32 {
    unit(stream.next_u32())
}

/// Returns the number of [`uniform`] that belongs to a draw of 32 bits.
#[inline(always)]
pub fn unit(draw: u32) -> f32 {
    (draw >> 8) as f32 * (1.0 / 16_777_216.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_in_seed_purpose_and_every_index() {
        let first = |seed, purpose, indices: &[u64]| stream(seed, purpose, indices).next_u64();
        let reference = first(1, "weights", &[1, 2]);
        assert_eq!(reference, first(1, "weights", &[1, 2]));
        for other in [
            first(2, "weights", &[1, 2]),
            first(1, "feedback", &[1, 2]),
            first(1, "weights", &[1, 3]),
            first(1, "weights", &[1]),
            first(1, "weight", &[u64::from(b's'), 1, 2]),
        ] {
            assert_ne!(reference, other);
        }
    }

    /// The golden order was printed by the first version of this code. A change here changes every result and must
    /// increase the numerics revision.
    #[test]
    fn streams_are_the_same_on_every_machine_and_in_every_release() {
        let mut stream = stream(42, "golden", &[7]);
        assert_eq!(permutation(8, &mut stream), GOLDEN_ORDER);
    }

    const GOLDEN_ORDER: [u32; 8] = [4, 1, 6, 5, 0, 7, 2, 3];

    #[test]
    fn permutations_hold_every_number_once() {
        let mut order = permutation(1000, &mut stream(0, "test", &[]));
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn uniform_draws_have_the_mean_and_variance_of_the_unit_interval() {
        let mut stream = stream(0, "test", &[]);
        let draws: Vec<f64> = (0..100_000).map(|_| f64::from(uniform(&mut stream))).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!((mean - 0.5).abs() < 0.005 && (variance - 1.0 / 12.0).abs() < 0.002, "{mean} {variance}");
    }
}
