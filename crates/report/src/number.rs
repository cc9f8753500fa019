//! Numbers as the page prints them.

use statistics::{Description, Interval};

/// The text of an absent number.
pub const ABSENT: &str = "–";

/// Formats with `decimals` digits after the point and a typographic minus; in words what is not a number.
pub fn fixed(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        return "not a number".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    if value.abs() >= 1e7 {
        let text = format!("{value:.1e}");
        return power_of_ten(&text.replace(".0e", "e"));
    }
    let text = format!("{value:.decimals$}");
    // A number that is rounded to zero has no sign.
    let is_zero = text.chars().all(|character| matches!(character, '-' | '0' | '.'));
    if is_zero { text.replace('-', "") } else { text.replace('-', "−") }
}

/// Formats like [`fixed`], with a plus for numbers above zero.
pub fn signed(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    let is_above_zero = value > 0.0 && text.chars().any(|digit| matches!(digit, '1'..='9' | '∞'));
    if is_above_zero { format!("+{text}") } else { text }
}

/// Formats with commas from 10,000 on.
pub fn whole(count: usize) -> String {
    if count < 10_000 { count.to_string() } else { grouped(count) }
}

fn grouped(count: usize) -> String {
    if count < 1000 { count.to_string() } else { format!("{},{:03}", grouped(count / 1000), count % 1000) }
}

/// Formats with four significant digits at most: `0.001`, `64`, `3·10⁻⁵`.
pub fn shortest(value: f64) -> String {
    let value = if value.is_finite() { rounded(value) } else { value };
    if value == 0.0 || !value.is_finite() || (1e-4..1e6).contains(&value.abs()) {
        return value.to_string().replace('-', "−").replace("inf", "∞");
    }
    scientific(value)
}

/// Rounds to four significant digits, because values that are stepped by factors have many.
pub fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().expect("a number")
}

/// Formats with a power of ten: `2·10⁻⁵`.
pub fn scientific(value: f64) -> String {
    power_of_ten(&format!("{value:e}"))
}

/// Returns `2.5·10⁹` for `2.5e9`.
fn power_of_ten(text: &str) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let (mantissa, exponent) = text.split_once('e').expect("the format writes an exponent");
    let exponent: String = exponent
        .chars()
        .map(|character| character.to_digit(10).map_or('⁻', |digit| DIGITS[digit as usize]))
        .collect();
    match mantissa {
        "1" => format!("10{exponent}"),
        _ => format!("{}·10{exponent}", mantissa.replace('-', "−")),
    }
}

/// Formats as `12.91 ± 0.50` without a place for a line break, or the mean alone if it is over a single value.
pub fn mean_and_deviation(description: &Description, decimals: usize) -> String {
    let mean = fixed(description.mean, decimals);
    match description.deviation {
        Some(deviation) => format!("{mean}\u{a0}±\u{a0}{}", fixed(deviation, decimals)),
        None => mean,
    }
}

/// Formats as `[12.1, 13.7]`.
pub fn interval(interval: &Interval, decimals: usize) -> String {
    format!("[{}, {}]", fixed(interval.low, decimals), fixed(interval.high, decimals))
}

pub fn probability(value: f64) -> String {
    if value < 0.001 { "<\u{a0}0.001".to_owned() } else { fixed(value, 3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minus_is_a_minus_and_zero_has_none() {
        assert_eq!([fixed(-1.5, 2), fixed(-0.001, 2), fixed(0.0, 1)], ["−1.50", "0.00", "0.0"]);
        assert_eq!([signed(1.5, 2), signed(0.001, 2), signed(-2.0, 0)], ["+1.50", "0.00", "−2"]);
        assert_eq!([fixed(f64::NAN, 2), fixed(f64::NEG_INFINITY, 2)], ["not a number", "−∞"]);
    }

    #[test]
    fn numbers_are_as_long_as_they_need_to_be() {
        assert_eq!([shortest(0.001), shortest(64.0), shortest(3e-5)], ["0.001", "64", "3·10⁻⁵"]);
        assert_eq!([shortest(0.00031622776601683794), shortest(f64::INFINITY)], ["0.0003162", "∞"]);
        assert_eq!([shortest(-1e-12), shortest(1e6)], ["−1·10⁻¹²", "10⁶"]);
        assert_eq!([fixed(2.5e9, 4), whole(9_999), whole(60_000)], ["2.5·10⁹", "9999", "60,000"]);
    }

    #[test]
    fn small_probabilities_are_not_zero() {
        assert_eq!(
            [probability(0.0004), probability(0.04), probability(1.0)],
            ["<\u{a0}0.001", "0.040", "1.000"]
        );
    }
}
