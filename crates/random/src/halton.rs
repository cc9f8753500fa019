//! Quasi-random numbers: the Halton sequence, with its digits permuted at random (Owen 2017, arXiv:1706.02808).

use crate::{permutation, stream};

/// A dimension of a scrambled Halton sequence.
///
/// The number of each index depends on the seed, the purpose and the dimension alone, so a longer sequence begins with the shorter one.
pub struct Halton {
    base: u64,
    /// The permutation of each digit, the last digit of an index first.
    permutations: Vec<Vec<u32>>,
}

impl Halton {
    /// Draws the permutations of `purpose` under `seed`. Purposes whose numbers are combined to points need different dimensions.
    pub fn new(seed: u64, purpose: &str, dimension: usize) -> Self {
        let base = prime(dimension);
        // As many digits as an index of 32 bits has. Leading zeros are permuted like other digits.
        let digits = (0..).take_while(|&digit| base.pow(digit) <= u64::from(u32::MAX));
        let of_digit = |digit| permutation(base as usize, &mut stream(seed, purpose, &[u64::from(digit)]));
        Self { base, permutations: digits.map(of_digit).collect() }
    }

    /// Returns the number of `index` in [0, 1).
    pub fn number(&self, index: u32) -> f64 {
        let mut rest = u64::from(index);
        let (mut numerator, mut denominator) = (0, 1);
        for permutation in &self.permutations {
            numerator = numerator * self.base + u64::from(permutation[(rest % self.base) as usize]);
            denominator *= self.base;
            rest /= self.base;
        }
        numerator as f64 / denominator as f64
    }
}

/// Returns the prime number at a place in their order: 2 at place 0.
fn prime(place: usize) -> u64 {
    let is_prime =
        |number: &u64| (2..*number).take_while(|it| it * it <= *number).all(|it| !number.is_multiple_of(it));
    (2..).filter(is_prime).nth(place).expect("there is always another prime")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_are_primes() {
        assert_eq!([0, 1, 2, 3, 16].map(prime), [2, 3, 5, 7, 59]);
    }

    #[test]
    fn each_run_of_base_numbers_has_one_in_each_part_of_the_interval() {
        for dimension in 0..17 {
            let halton = Halton::new(3, "test", dimension);
            let base = halton.base as u32;
            for start in [0, base * 7] {
                let mut parts: Vec<u32> = (start..start + base)
                    .map(|index| (halton.number(index) * f64::from(base)) as u32)
                    .collect();
                parts.sort_unstable();
                assert_eq!(parts, (0..base).collect::<Vec<_>>(), "dimension {dimension}");
            }
        }
    }

    #[test]
    fn numbers_are_below_one_at_the_largest_index() {
        for dimension in 0..17 {
            let number = Halton::new(0, "test", dimension).number(u32::MAX);
            assert!((0.0..1.0).contains(&number), "{number}");
        }
    }

    /// The first version of this code printed these numbers. Another number changes the points of every file.
    #[test]
    fn numbers_are_the_same_in_every_release() {
        let halton = Halton::new(42, "golden", 1);
        let numbers: Vec<f64> = (0..4).map(|index| (halton.number(index) * 1e6).round()).collect();
        assert_eq!(numbers, [190_209.0, 856_876.0, 523_542.0, 79_098.0]);
    }
}
