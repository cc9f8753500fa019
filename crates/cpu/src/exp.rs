//! The exponential and the logistic function, in operations that vectorize.

/// The first part of ln 2 = `LN_2_HIGH + LN_2_LOW`. It has few bits, so that its multiples are exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// A number whose addition and subtraction rounds to the nearest integer.
const ROUNDER: f32 = 12_582_912.0;
/// The largest value whose exp is finite. Below [`SMALLEST`], exp is less than the smallest normal number.
const LARGEST: f32 = 88.722_84;
const SMALLEST: f32 = -87.336_54;

/// The minimax coefficients of exp on [-ln 2 / 2, ln 2 / 2] after 1 + x, highest first (Cephes' `expf`, S. Moshier).
const COEFFICIENTS: [f32; 6] =
    [1.987_569_2e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_6e-1, 0.5];

/// Returns exp with a relative error of at most 1.5e-7 (about 1 unit in the last place); results below the smallest normal
/// number are 0; NaN for NaN.
#[inline(always)]
pub fn exp(value: f32) -> f32 {
    // Not `clamp`, which would compile to branches; NaN passes both comparisons unchanged.
    let bounded = if value > LARGEST { LARGEST } else { value };
    let bounded = if bounded < SMALLEST { SMALLEST } else { bounded };
    let rounded = bounded.mul_add(std::f32::consts::LOG2_E, ROUNDER);
    let exponent = rounded - ROUNDER;
    let rest = exponent.mul_add(-LN_2_LOW, exponent.mul_add(-LN_2_HIGH, bounded));
    let polynomial = COEFFICIENTS.iter().fold(0.0, |sum: f32, coefficient| sum.mul_add(rest, *coefficient));
    let power = polynomial.mul_add(rest * rest, rest) + 1.0;
    // The lowest bits of `rounded` are the exponent; in two halves, because 2^128 is no f32.
    let exponent = rounded.to_bits().wrapping_sub(ROUNDER.to_bits()).cast_signed();
    let (half, other_half) = (exponent >> 1, exponent - (exponent >> 1));
    let scaled = power * two_to(half) * two_to(other_half);
    let scaled = if value > LARGEST { f32::INFINITY } else { scaled };
    if value < SMALLEST { 0.0 } else { scaled }
}

/// Returns 2^exponent, for -126 to 127.
#[inline(always)]
fn two_to(exponent: i32) -> f32 {
    f32::from_bits((exponent + 127).cast_unsigned() << 23)
}

/// Returns 1 / (1 + exp(-value)) with a relative error of at most 3e-7 where exp(-value) is finite; NaN for NaN.
#[inline(always)]
pub fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + exp(-value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the largest relative error over every 97th float of `first..=last`, and its negative.
    fn worst(first: f32, last: f32, ours: fn(f32) -> f32, exact: fn(f64) -> f64) -> f64 {
        (first.to_bits()..=last.to_bits())
            .step_by(97)
            .flat_map(|bits| [f32::from_bits(bits), -f32::from_bits(bits)])
            .map(|value| {
                let exact = exact(f64::from(value));
                ((f64::from(ours(value)) - exact) / exact).abs()
            })
            .fold(0.0, f64::max)
    }

    #[test]
    fn errors_are_within_the_documented_bounds_over_all_magnitudes() {
        let of_exp = worst(f32::MIN_POSITIVE, 87.3, exp, f64::exp);
        let of_sigmoid = worst(f32::MIN_POSITIVE, 87.3, sigmoid, |value| 1.0 / (1.0 + (-value).exp()));
        assert!(of_exp <= 1.5e-7 && of_sigmoid <= 3e-7, "{of_exp:e} {of_sigmoid:e}");
        // These arguments make the power of two alone infinite.
        for value in [88.1_f32, 88.5, 88.72] {
            let exact = f64::from(value).exp();
            assert!(((f64::from(exp(value)) - exact) / exact).abs() <= 1.5e-7, "{value}");
        }
    }

    #[test]
    fn extreme_values_give_the_limits() {
        assert_eq!([exp(0.0), exp(f32::INFINITY), exp(89.0)], [1.0, f32::INFINITY, f32::INFINITY]);
        assert_eq!([exp(f32::NEG_INFINITY), exp(-120.0)], [0.0, 0.0]);
        assert_eq!([sigmoid(0.0), sigmoid(f32::INFINITY), sigmoid(f32::NEG_INFINITY)], [0.5, 1.0, 0.0]);
        assert!(exp(f32::NAN).is_nan() && sigmoid(f32::NAN).is_nan());
    }
}
