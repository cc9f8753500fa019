//! The peak of a processor, for benchmarks.

use std::hint::black_box;

use crate::{Vector, Work, run};

/// Does `count` fused multiply-adds on values in registers: the most that a thread of this processor can do in their time.
pub fn only_multiply_add(count: usize) {
    /// The sums that are independent of each other, as many as fit into 16 registers together with the factor.
    const SUMS: usize = 12;
    struct Sums(usize);
    impl Work for Sums {
        type Output = ();
        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            // SAFETY: the caller guarantees the instruction set, and the array holds a vector of any.
            unsafe {
                let (factor, mut sums) = (V::splat(black_box(0.5)), [V::splat(black_box(1.0)); SUMS]);
                for _ in 0..self.0 / (SUMS * V::LANES) {
                    for sum in &mut sums {
                        *sum = sum.mul_add(factor, factor);
                    }
                }
                let mut values = [0.0; 64];
                for sum in sums {
                    sum.store(values.as_mut_ptr());
                    black_box(&values);
                }
            }
        }
    }
    run(Sums(count));
}
