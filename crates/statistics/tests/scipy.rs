//! Results equal SciPy's for stored cases, which `scipy_cases.py` wrote.

use serde::Deserialize;
use statistics::{Interval, compare, describe};

#[derive(Deserialize)]
struct Cases {
    descriptions: Vec<DescriptionCase>,
    comparisons: Vec<ComparisonCase>,
}

#[derive(Deserialize)]
struct DescriptionCase {
    name: String,
    values: Vec<Number>,
    mean: Number,
    median: Number,
    deviation: Option<Number>,
    low: Option<Number>,
    high: Option<Number>,
}

#[derive(Deserialize)]
struct ComparisonCase {
    name: String,
    this: Vec<Number>,
    other: Vec<Number>,
    difference: Number,
    low: Option<Number>,
    high: Option<Number>,
    effect_size: Option<Number>,
    t_test: Option<Number>,
    wilcoxon: Option<Number>,
}

/// A number that is written as text, because a JSON reader may round the last bit.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Number(f64);

impl TryFrom<String> for Number {
    type Error = std::num::ParseFloatError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

fn cases() -> Cases {
    serde_json::from_str(include_str!("scipy_cases.json")).expect("the stored cases")
}

#[track_caller]
fn check(name: &str, what: &str, ours: Option<f64>, theirs: Option<Number>, tolerance: f64) {
    let theirs = theirs.map(|number| number.0);
    let is_near = match (ours, theirs) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() <= tolerance,
        (None, None) => true,
        _ => false,
    };
    assert!(is_near, "{name}: {what} is {ours:?}, SciPy has {theirs:?}");
}

/// Checks numbers of which only the last digits may differ.
#[track_caller]
fn check_digits(name: &str, what: &str, ours: Option<f64>, theirs: Option<Number>) {
    check(name, what, ours, theirs, theirs.map_or(0.0, |theirs| 1e-9 * theirs.0.abs()));
}

#[track_caller]
fn check_interval(name: &str, ours: Option<Interval>, low: Option<Number>, high: Option<Number>) {
    // An end may be near zero: it is as exact as the interval is wide.
    let width = low.zip(high).map_or(0.0, |(low, high)| high.0 - low.0);
    let far = low.zip(high).map_or(0.0, |(low, high)| low.0.abs().max(high.0.abs()));
    let tolerance = 1e-9 * width + 4.0 * f64::EPSILON * far;
    check(name, "low", ours.map(|ours| ours.low), low, tolerance);
    check(name, "high", ours.map(|ours| ours.high), high, tolerance);
}

#[test]
fn descriptions_are_those_of_scipy() {
    for case in cases().descriptions {
        let name = &case.name;
        let values: Vec<f64> = case.values.iter().map(|value| value.0).collect();
        let ours = describe(&values).expect("finite values");
        let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        check(name, "mean", Some(ours.mean), Some(case.mean), 4.0 * f64::EPSILON * largest);
        check(name, "median", Some(ours.median), Some(case.median), 0.0);
        // NumPy's mean of equal values is off by the last bit, and so is their deviation.
        let rounding = f64::EPSILON * largest;
        let tolerance =
            case.deviation.map_or(0.0, |theirs| 1e-9 * theirs.0 + rounding * f64::from(theirs.0 < rounding));
        check(name, "deviation", ours.deviation, case.deviation, tolerance);
        // SciPy gives two values an interval; we give them none.
        let (low, high) = if values.len() > 2 { (case.low, case.high) } else { (None, None) };
        check_interval(name, ours.interval, low, high);
    }
}

#[test]
fn comparisons_are_those_of_scipy() {
    for case in cases().comparisons {
        let name = &case.name;
        let pairs: Vec<(f64, f64)> =
            case.this.iter().zip(&case.other).map(|(this, other)| (this.0, other.0)).collect();
        let ours = compare(&pairs).expect("finite pairs");
        let width = ours.interval.map_or(0.0, |interval| interval.high - interval.low);
        let tolerance = 1e-9 * (width + case.difference.0.abs());
        check(name, "difference", Some(ours.difference), Some(case.difference), tolerance);
        // SciPy gives equal differences an interval without a width; we give them none, as it gives them no effect size.
        // It judges two pairs, too.
        let is_judged = pairs.len() > 2;
        let (low, high) = match case.effect_size {
            Some(_) if is_judged => (case.low, case.high),
            _ => (None, None),
        };
        let effect_size = case.effect_size.filter(|_| is_judged);
        check_interval(name, ours.interval, low, high);
        check(
            name,
            "effect size",
            ours.effect_size,
            effect_size,
            effect_size.map_or(0.0, |theirs| 1e-9 * theirs.0.abs().max(1e-3)),
        );
        check_digits(name, "t test", ours.t_test, case.t_test.filter(|_| is_judged));
        check_digits(name, "Wilcoxon", ours.wilcoxon, case.wilcoxon);
    }
}
