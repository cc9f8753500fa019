//! Where a value lies on an axis, and which values are written beside it.

use super::number;

/// Values above this are as good as infinite: differences of them may not be numbers.
const LARGEST: f64 = 1e100;

/// Decades that a linear axis can show.
const DECADES: f64 = 1.5;

/// Can it be drawn?
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
    /// Of epochs: there is nothing between two.
    Whole,
    Logarithmic,
}

/// A value that is written beside an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Where it is.
    pub value: f64,
    /// How it is written.
    pub label: String,
}

impl Scale {
    /// For `values` and the `bounds` around them: logarithmic where the values ask for it. A bound that a logarithmic axis
    /// cannot show, or only by giving most of its length to it, lies outside.
    pub fn around(values: &[f64], bounds: &[f64]) -> Option<Self> {
        let (low, high) = range(values)?;
        if !spans_decades(low, high) {
            return Self::linear(values, bounds);
        }
        let shown: Vec<f64> = bounds.iter().copied().filter(|bound| *bound > low / 3.0).collect();
        let (low, high) = range(&[values, &shown].concat())?;
        Some(Self::padded(Kind::Logarithmic, low, high))
    }

    /// For `values` and the `bounds` around them, where ratios say nothing: of cosines.
    pub fn linear(values: &[f64], bounds: &[f64]) -> Option<Self> {
        let (low, high) = range(&[values, bounds].concat())?;
        Some(Self::padded(Kind::Linear, low, high))
    }

    /// For counted values.
    pub fn whole(values: &[f64]) -> Option<Self> {
        let (low, high) = range(values)?;
        let (low, high) = if low < high { (low, high) } else { (low - 0.5, high + 0.5) };
        Some(Self { kind: Kind::Whole, low, high })
    }

    /// For positive values that are chosen by factors; none of others.
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
        let margin = if !is_constant {
            (high - low) * 0.05
        } else if low == 0.0 {
            0.5
        } else {
            low.abs() * 0.1
        };
        // Below zero there is nothing, where nothing was measured there.
        let below = if low >= 0.0 { (low - margin).max(0.0) } else { low - margin };
        Self { kind, low: below, high: high + margin }
    }

    /// Are equal factors equally far apart?
    pub fn is_logarithmic(&self) -> bool {
        self.kind == Kind::Logarithmic
    }

    /// From 0 at the low end to 1 at the high end; what lies outside is at the nearer end.
    pub fn position(&self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        match self.kind {
            Kind::Logarithmic => (value / self.low).ln() / (self.high / self.low).ln(),
            Kind::Linear | Kind::Whole => (value - self.low) / (self.high - self.low),
        }
    }

    /// Round values, about as many as `wanted`, at least one.
    pub fn ticks(&self, wanted: usize) -> Vec<Tick> {
        let wanted = wanted.max(1);
        if self.kind == Kind::Logarithmic {
            let values = self.round_factors(wanted);
            if values.len() >= 2 {
                return logarithmic_labels(&values);
            }
        }
        self.round_steps(wanted)
    }

    /// 1, 2 and 5 times powers of ten where there are few powers, else powers, or every second of them, or every third.
    fn round_factors(&self, wanted: usize) -> Vec<f64> {
        let first = self.low.log10().floor() as i32;
        let last = self.high.log10().ceil() as i32;
        let within = |factors: &[f64]| -> Vec<f64> {
            let values =
                (first..=last).flat_map(|power| factors.iter().map(move |factor| factor * ten_to(power)));
            values.filter(|value| (self.low..=self.high).contains(value)).collect()
        };
        let choices: [&[f64]; 3] = [&[1.0, 2.0, 3.0, 5.0, 7.0], &[1.0, 2.0, 5.0], &[1.0, 3.0]];
        let fine = choices.into_iter().map(within).find(|values| values.len() <= wanted);
        let values = fine.unwrap_or_else(|| within(&[1.0]));
        let every = values.len().div_ceil(wanted).max(1);
        values.into_iter().step_by(every).collect()
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
        let label = |value: f64| {
            if is_plain { number::fixed(value, decimals) } else { number::shortest(value) }
        };
        let values = (first..=last).map(|index| index as f64 * step);
        values.map(|value| Tick { value, label: label(value) }).collect()
    }
}

fn range(values: &[f64]) -> Option<(f64, f64)> {
    let drawable = || values.iter().copied().filter(|value| is_drawable(*value));
    let low = drawable().reduce(f64::min)?;
    Some((low, drawable().reduce(f64::max)?))
}

fn spans_decades(low: f64, high: f64) -> bool {
    low > 0.0 && (high / low).log10() > DECADES
}

/// Powers of ten as the language writes them: 10 to the power of -3 in floating point is not 0.001.
fn ten_to(power: i32) -> f64 {
    format!("1e{power}").parse().expect("a number")
}

fn logarithmic_labels(values: &[f64]) -> Vec<Tick> {
    let is_plain = values.iter().all(|value| (1e-4..1e5).contains(value));
    let label = |value: f64| {
        if is_plain { number::rounded(value).to_string() } else { number::scientific(number::rounded(value)) }
    };
    values.iter().map(|value| Tick { value: *value, label: label(*value) }).collect()
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
