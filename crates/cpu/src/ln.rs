//! The natural logarithm. That of the system's library has other last bits on other machines.

/// The coefficients 1 / (2 k + 1) of the series of the inverse hyperbolic tangent, highest first.
const COEFFICIENTS: [f64; 7] = [1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0];

/// Returns ln of a positive normal number, rounded; infinity and NaN for themselves.
///
/// With value = m 2^e and m in [sqrt(1/2), sqrt(2)), ln value = 2 artanh((m - 1) / (m + 1)) + e ln 2. The series ends after the
/// 13th power, with an error of 4e-13.
#[inline(always)]
pub fn ln(value: f32) -> f32 {
    if !value.is_finite() {
        return value;
    }
    let bits = f64::from(value).to_bits();
    // The exponent of value / sqrt(1/2), so that m begins there.
    let offset = bits.wrapping_sub(std::f64::consts::FRAC_1_SQRT_2.to_bits());
    let exponent = offset.cast_signed() >> 52;
    let mantissa = f64::from_bits(bits.wrapping_sub(exponent.cast_unsigned() << 52));
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let series = COEFFICIENTS.iter().fold(0.0, |sum, coefficient| sum * square + coefficient);
    (2.0 * ratio * series + exponent as f64 * std::f64::consts::LN_2) as f32
}

#[cfg(test)]
mod tests {
    use super::ln;

    #[test]
    fn it_is_the_rounded_logarithm() {
        for bits in (f32::MIN_POSITIVE.to_bits()..f32::INFINITY.to_bits()).step_by(97) {
            let value = f32::from_bits(bits);
            let exact = f64::from(value).ln();
            let error = (f64::from(ln(value)) - exact).abs();
            assert!(error <= 6.1e-8 * exact.abs() + 1e-12, "{value}: {error:e}");
        }
        assert_eq!([ln(1.0), ln(f32::INFINITY)], [0.0, f32::INFINITY]);
        assert!(ln(f32::NAN).is_nan());
    }
}
