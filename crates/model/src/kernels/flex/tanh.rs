//! tanh as a rational function, in operations that vectorize.

/// Beyond this, tanh is 1 in single precision.
const LIMIT: f32 = 7.905_311;

/// Odd coefficients of the numerator, highest first; even ones of the denominator. Minimax on [-9, 9]: Eigen's
/// `ptanh_float` (MPL-2.0, B. Steiner), also used by XLA.
const NUMERATOR: [f32; 7] = [
    -2.760_768_5e-16,
    2.000_188e-13,
    -8.604_672e-11,
    5.122_297e-8,
    1.485_722_4e-5,
    6.372_619_3e-4,
    4.893_524_6e-3,
];
const DENOMINATOR: [f32; 4] = [1.198_258_4e-6, 1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3];

/// tanh with an absolute error of at most 5e-7 and a relative one of at most 6e-7; odd, and NaN for NaN.
#[inline(always)]
pub(super) fn tanh(value: f32) -> f32 {
    // Not `clamp`, which would compile to branches; NaN passes both comparisons unchanged.
    let bounded = if value > LIMIT { LIMIT } else { value };
    let bounded = if bounded < -LIMIT { -LIMIT } else { bounded };
    let square = bounded * bounded;
    let numerator = NUMERATOR.iter().fold(0.0, |sum, coefficient| sum * square + coefficient);
    let denominator = DENOMINATOR.iter().fold(0.0, |sum, coefficient| sum * square + coefficient);
    // The quotient first: a tiny value times the numerator would leave the normal numbers.
    bounded * (numerator / denominator)
}

#[cfg(test)]
mod tests {
    use super::tanh;

    #[test]
    fn the_error_is_within_what_is_promised_over_all_magnitudes() {
        let (mut worst_absolute, mut worst_relative) = (0.0_f64, 0.0_f64);
        // Every 97th float from the smallest normal one to 20.
        let (first, last) = (f32::MIN_POSITIVE.to_bits(), 20.0_f32.to_bits());
        for bits in (first..last).step_by(97) {
            let value = f32::from_bits(bits);
            let exact = f64::from(value).tanh();
            let error = (f64::from(tanh(value)) - exact).abs();
            worst_absolute = worst_absolute.max(error);
            worst_relative = worst_relative.max(error / exact);
            assert_eq!(tanh(-value), -tanh(value));
        }
        assert!(worst_absolute <= 5e-7 && worst_relative <= 6e-7, "{worst_absolute:e} {worst_relative:e}");
    }

    #[test]
    fn the_ends_are_what_they_should_be() {
        assert_eq!(tanh(0.0), 0.0);
        assert!((tanh(f32::INFINITY) - 1.0).abs() <= 5e-7 && (tanh(f32::NEG_INFINITY) + 1.0).abs() <= 5e-7);
        assert!(tanh(f32::NAN).is_nan());
    }
}
