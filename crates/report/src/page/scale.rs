//! Axes: the position of a value, and the values that are written along the axis.

use crate::number;

/// Values above this are not drawn, because their differences may not be numbers.
const LARGEST: f64 = 1e100;

/// The number of decades that a linear axis can show.
const DECADES: f64 = 1.5;

pub fn is_drawable(value: f64) -> bool {
    value.is_finite() && value.abs() < LARGEST
}

/// An axis from `low` to `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    kind: Kind,
    low: f64,
    high: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Linear,
    /// Linear, with ticks at whole numbers only.
    Whole,
    Logarithmic,
}

/// A value that is written along an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub value: f64,
    pub label: String,
}

impl Scale {
    /// Returns an axis for `values` and the `bounds` around them. It is logarithmic if the values span decades; then it leaves out
    /// bounds that are not positive or would take most of its length.
    pub fn around(values: &[f64], bounds: &[f64]) -> Option<Self> {
        let (low, high) = range(values)?;
        if !spans_decades(low, high) {
            return Self::linear(values, bounds);
        }
        let shown: Vec<f64> = bounds.iter().copied().filter(|bound| *bound > low / 3.0).collect();
        let (low, high) = range(&[values, &shown].concat())?;
        Some(Self::padded(Kind::Logarithmic, low, high))
    }

    /// Returns an axis along which `values` are spread evenly: logarithmic if their median is then nearer to the middle, as that of numbers that
    /// are chosen by factors or drawn from logarithms.
    pub fn even(values: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| is_drawable(*value)).collect();
        sorted.sort_by(f64::total_cmp);
        let linear = Self::linear(&sorted, &[])?;
        let Some(logarithmic) = Self::logarithmic(&sorted) else { return Some(linear) };
        let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
        let median = f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        let distance = |scale: &Self| {
            let [low, median, high] = [low, median, high].map(|value| scale.position(value));
            (median - f64::midpoint(low, high)).abs()
        };
        let is_even = low < high && distance(&logarithmic) < distance(&linear);
        Some(if is_even { logarithmic } else { linear })
    }

    /// Returns an axis for values whose ratios have no meaning, such as cosines.
    pub fn linear(values: &[f64], bounds: &[f64]) -> Option<Self> {
        let (low, high) = range(&[values, bounds].concat())?;
        Some(Self::padded(Kind::Linear, low, high))
    }

    /// Returns an axis for counts.
    pub fn whole(values: &[f64]) -> Option<Self> {
        let (low, high) = range(values)?;
        let (low, high) = if low < high { (low, high) } else { (low - 0.5, high + 0.5) };
        Some(Self { kind: Kind::Whole, low, high })
    }

    /// Returns an axis for values that are chosen by factors, or none if one of them is not positive.
    pub fn logarithmic(values: &[f64]) -> Option<Self> {
        let (low, high) = range(values)?;
        (low > 0.0).then(|| Self::padded(Kind::Logarithmic, low, high))
    }

    fn padded(kind: Kind, low: f64, high: f64) -> Self {
        if kind == Kind::Logarithmic {
            let margin = if high / low < 1.001 { 2.0 } else { (high / low).powf(0.05) };
            return Self { kind, low: low / margin, high: high * margin };
        }
        let is_constant = high - low <= low.abs().max(high.abs()) * 1e-9;
        let margin = match is_constant {
            false => (high - low) * 0.05,
            true if low == 0.0 => 0.5,
            true => low.abs() * 0.1,
        };
        // A margin does not show negative numbers where none was measured.
        let below = if low >= 0.0 { (low - margin).max(0.0) } else { low - margin };
        Self { kind, low: below, high: high + margin }
    }

    pub fn is_logarithmic(&self) -> bool {
        self.kind == Kind::Logarithmic
    }

    /// Returns 0 at the low end, 1 at the high end, and the nearer end for a value outside.
    pub fn position(&self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        match self.kind {
            Kind::Logarithmic => (value / self.low).ln() / (self.high / self.low).ln(),
            Kind::Linear | Kind::Whole => (value - self.low) / (self.high - self.low),
        }
    }

    /// Returns round values, about `wanted` of them and at least one.
    pub fn ticks(&self, wanted: usize) -> Vec<Tick> {
        let wanted = wanted.max(1);
        if self.kind == Kind::Logarithmic {
            let values = self.round_factors(wanted);
            if values.len() >= 2 {
                return logarithmic_ticks(&values);
            }
        }
        self.round_steps(wanted)
    }

    /// Returns 1, 2 and 5 times powers of ten if there are few powers, else every power, every second one, or fewer.
    fn round_factors(&self, wanted: usize) -> Vec<f64> {
        let choices: [&[f64]; 3] = [&[1.0, 2.0, 3.0, 5.0, 7.0], &[1.0, 2.0, 5.0], &[1.0, 3.0]];
        let fine =
            choices.into_iter().map(|factors| self.multiples(factors)).find(|values| values.len() <= wanted);
        let values = fine.unwrap_or_else(|| self.multiples(&[1.0]));
        let every = values.len().div_ceil(wanted).max(1);
        values.into_iter().step_by(every).collect()
    }

    /// Returns the products of the factors with powers of ten that are on the axis.
    fn multiples(&self, factors: &[f64]) -> Vec<f64> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        (first..=last)
            .flat_map(|power| factors.iter().map(move |factor| factor * ten_to(power)))
            .filter(|value| (self.low..=self.high).contains(value))
            .collect()
    }

    fn round_steps(&self, wanted: usize) -> Vec<Tick> {
        let rough = (self.high - self.low) / wanted as f64;
        let power = rough.log10().floor() as i32;
        let factor = match rough / ten_to(power) {
            below if below < 1.42 => 1.0,
            below if below < 3.17 => 2.0,
            below if below < 7.08 => 5.0,
            _ => 10.0,
        };
        let mut step = factor * ten_to(power);
        if self.kind == Kind::Whole {
            step = step.max(1.0);
        }
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
        let is_plain = (1e-5..1e7).contains(&step) && self.low.abs().max(self.high.abs()) < 1e7;
        (first..=last)
            .map(|index| index as f64 * step)
            .map(|value| {
                let label = if is_plain { number::fixed(value, decimals) } else { number::shortest(value) };
                Tick { value, label }
            })
            .collect()
    }
}

fn range(values: &[f64]) -> Option<(f64, f64)> {
    let drawable: Vec<f64> = values.iter().copied().filter(|value| is_drawable(*value)).collect();
    Some((drawable.iter().copied().reduce(f64::min)?, drawable.into_iter().reduce(f64::max)?))
}

fn spans_decades(low: f64, high: f64) -> bool {
    low > 0.0 && (high / low).log10() > DECADES
}

/// Returns a power of ten as Rust reads it: 10 to the power of -3 in floating point is not 0.001.
fn ten_to(power: i32) -> f64 {
    format!("1e{power}").parse().expect("a number")
}

fn logarithmic_ticks(values: &[f64]) -> Vec<Tick> {
    let is_plain = values.iter().all(|value| (1e-4..1e5).contains(value));
    values
        .iter()
        .map(|&value| {
            let rounded = number::rounded(value);
            let label = if is_plain { rounded.to_string() } else { number::scientific(rounded) };
            Tick { value, label }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, wanted: usize) -> Vec<String> {
        scale.ticks(wanted).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn an_axis_is_logarithmic_above_one_and_a_half_decades_of_positive_values() {
        for (values, is_logarithmic) in [
            (&[0.1, 3.0][..], false),
            (&[0.1, 3.3], true),
            (&[-0.1, 3.3], false),
            (&[0.0, 1000.0], false),
            (&[f64::NAN, f64::INFINITY, 0.1, 3.3], true),
        ] {
            let scale = Scale::around(values, &[]).expect("values");
            assert_eq!(scale.is_logarithmic(), is_logarithmic, "{values:?}");
        }
        assert_eq!(Scale::around(&[f64::NAN], &[1.0]), None);
        assert!(!Scale::linear(&[0.001, 1.0], &[]).expect("values").is_logarithmic());
    }

    #[test]
    fn values_are_spread_evenly() {
        let uniform: Vec<f64> = (1..100).map(|index| f64::from(index) * 0.005).collect();
        let factors: Vec<f64> = (0..9).map(|index| 10_f64.powf(-5.0 + 0.5 * f64::from(index))).collect();
        for (values, is_logarithmic) in [
            (&uniform[..], false),
            (&factors[..], true),
            (&[32.0, 64.0, 128.0], true),
            (&[1.0, 2.0, 3.0], false),
            (&[0.0, 1e-4, 1e-3], false),
            (&[1e-3, 1e-2], false),
            (&[7.0], false),
        ] {
            assert_eq!(Scale::even(values).expect("values").is_logarithmic(), is_logarithmic, "{values:?}");
        }
        assert_eq!(Scale::even(&[f64::NAN]), None);
    }

    #[test]
    fn bounds_belong_to_a_linear_axis_and_may_leave_a_logarithmic_one() {
        let linear = Scale::around(&[1.0, 2.0], &[-1.0, 4.0]).expect("values");
        assert!(linear.low < -1.0 && linear.high > 4.0);
        let logarithmic = Scale::around(&[0.01, 2.0], &[-1.0, 4.0]).expect("values");
        assert!(logarithmic.low > 0.0 && logarithmic.high > 4.0);
        assert_eq!(logarithmic.position(-1.0), 0.0);
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(Scale::around(&[0.0, 10.0], &[]).unwrap(), 5), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(labels(Scale::around(&[-0.3, 0.4], &[]).unwrap(), 4), ["−0.2", "0.0", "0.2", "0.4"]);
        assert_eq!(labels(Scale::whole(&[1.0, 30.0]).unwrap(), 4), ["10", "20", "30"]);
        assert_eq!(labels(Scale::whole(&[1.0]).unwrap(), 4), ["1"]);
        assert_eq!(labels(Scale::whole(&[1.0, 2.0]).unwrap(), 4), ["1", "2"]);
        let rates = Scale::logarithmic(&[1e-4, 1e-2]).unwrap();
        assert_eq!(labels(rates, 5), ["0.0001", "0.0003", "0.001", "0.003", "0.01"]);
        assert_eq!(labels(Scale::logarithmic(&[1e-3, 1e-1]).unwrap(), 3), ["0.001", "0.01", "0.1"]);
        assert_eq!(labels(Scale::logarithmic(&[1e-12, 1e12]).unwrap(), 3).len(), 3);
    }

    #[test]
    fn every_scale_has_a_tick_and_positions_within_it() {
        for values in [
            &[0.0, 0.0][..],
            &[7.0],
            &[-7.0],
            &[1e-300],
            &[1.0, 1.0 + 1e-16],
            &[3.1e-4, 3.9e-4],
            &[1e99, -1e99],
            &[12.3, 1e38],
        ] {
            let counted: Vec<f64> = values.iter().copied().map(f64::round).collect();
            let scales = [Scale::around(values, &[]), Scale::whole(&counted), Scale::logarithmic(values)];
            for scale in scales.into_iter().flatten() {
                let ticks = scale.ticks(4);
                assert!((1..=12).contains(&ticks.len()), "{values:?}: {ticks:?}");
                for value in values.iter().copied().chain(ticks.iter().map(|tick| tick.value)) {
                    assert!((0.0..=1.0).contains(&scale.position(value)), "{values:?}: {value}");
                }
            }
        }
    }
}
