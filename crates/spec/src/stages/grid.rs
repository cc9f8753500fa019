//! `Grid`: axes; all combinations of their values are compared.

use std::sync::Arc;

use ron::value::RawValue;
use serde::Deserialize;
use settings::{Axes, Axis, AxisValue, AxisVisitor, Definition, visit_axes};

use crate::{
    fields::Fields,
    problem::did_you_mean,
    scope::{Scope, written_text},
    stage::{Grid, Points, Summarize},
    template::written,
};

/// A grid as it is written.
#[derive(Deserialize)]
#[serde(rename = "Grid", deny_unknown_fields)]
pub(super) struct Written<'a> {
    /// The name that other stages refer to.
    ///
    /// Type: text that can name a folder. Example: `"rules"`.
    #[serde(borrow)]
    pub name: &'a RawValue,
    /// The configurations to compare. `BestOf("...")` with the name of a `Summarize` above means the winners of that stage, one
    /// for each combination of its `best_per` axes: the rates that a search has found, for example.
    ///
    /// Type: [`GridAxes`], or `BestOf("best")`.
    #[serde(borrow)]
    axes: &'a RawValue,
}

/// The winners of a summary, instead of axes.
#[derive(Deserialize)]
enum Winners<'a> {
    /// The winners of the stage with this name.
    #[serde(borrow)]
    BestOf(&'a RawValue),
}

/// At most 1000 evenly spaced numbers, instead of a list of numbers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
enum Range {
    /// `from`, `from * factor`, ... up to `to`.
    Logarithmic {
        /// The first value.
        ///
        /// Allowed: above 0. Example: `1e-4`.
        from: f64,
        /// The largest allowed value.
        ///
        /// Example: `1e-1`.
        to: f64,
        /// The ratio of each value to the one before.
        ///
        /// Allowed: above 1. Example: `10`.
        factor: f64,
    },
    /// `from`, `from + step`, ... up to `to`.
    Linear {
        /// The first value.
        ///
        /// Example: `0.1`.
        from: f64,
        /// The largest allowed value.
        ///
        /// Example: `0.5`.
        to: f64,
        /// The difference of each value from the one before.
        ///
        /// Allowed: above 0. Example: `0.1`.
        step: f64,
    },
}

/// The largest number of configurations of one grid.
const MOST_CONFIGURATIONS: usize = 1_000_000;

impl<'a> Written<'a> {
    /// Checks the grid. `find_summarize` returns the `Summarize` stage above whose name is written in a part of the document.
    pub(super) fn check(
        self,
        name: String,
        find_summarize: impl FnOnce(&'a str, &mut Scope<'a>) -> Option<Arc<Summarize>>,
        scope: &mut Scope<'a>,
    ) -> Option<Grid> {
        let part = written_text(self.axes);
        if part.starts_with("BestOf") {
            let Winners::BestOf(stage) = scope.parse(part)?;
            let summarize = find_summarize(written_text(stage), scope)?;
            return Some(Grid { name, points: Points::BestOf(summarize) });
        }
        let fields: Fields = scope.parse(part)?;
        check_names(&fields, scope)?;
        let mut axes = Axes::with_defaults();
        let mut reader = Reader { scope, part, fields, complete: true };
        visit_axes(&mut reader, &mut axes);
        if !reader.complete {
            return None;
        }
        let size = axes.size();
        if size > MOST_CONFIGURATIONS {
            let message =
                format!("the axes span {size} configurations, at most {MOST_CONFIGURATIONS} are allowed");
            scope.problem(part, message, Some("leave some values out".into()));
            return None;
        }
        Some(Grid { name, points: Points::Given(axes.configurations()) })
    }
}

/// Adds a problem for the first field that is no axis, or that is an axis again.
fn check_names<'a>(Fields(fields): &Fields<'a>, scope: &mut Scope<'a>) -> Option<()> {
    for (index, (name, _)) in fields.iter().enumerate() {
        let (message, hint) = if !Axis::NAMES.contains(name) {
            (format!("unknown field `{name}` of axes"), did_you_mean(name, Axis::NAMES))
        } else if fields[..index].iter().any(|(known, _)| known == name) {
            (format!("the field `{name}` is given twice"), "keep one of them".into())
        } else {
            continue;
        };
        scope.problem(name, message, hint);
        return None;
    }
    Some(())
}

/// Reads one axis after the other.
struct Reader<'s, 'a> {
    scope: &'s mut Scope<'a>,
    /// The axes as written.
    part: &'a str,
    fields: Fields<'a>,
    /// Whether all axes so far could be read.
    complete: bool,
}

impl AxisVisitor for Reader<'_, '_> {
    fn visit<T: AxisValue>(&mut self, axis: Axis, definition: &'static Definition<T>, values: &mut Vec<T>) {
        let name = axis.name();
        let Some(part) = self.fields.value(name) else {
            if definition.default.is_none() {
                let end = &self.part[self.part.len() - 1..];
                let message = format!("the field `{name}` of axes is missing");
                self.scope.problem(end, message, Some(format!("add `{name}: ...`")));
                self.complete = false;
            }
            return;
        };
        let is_range = part.starts_with(char::is_alphabetic) && T::from_number(0.0).is_some();
        let read = if is_range { self.range(name, part) } else { self.list(name, part) };
        match read.and_then(|read| self.checked(name, definition, part, read)) {
            Some(read) => *values = read,
            None => self.complete = false,
        }
    }
}

impl<'a> Reader<'_, 'a> {
    /// Reads a list of values; `part` is the axis as written.
    fn list<T: AxisValue>(&mut self, axis: &str, part: &'a str) -> Option<Vec<T>> {
        let written: Vec<&'a RawValue> = match self.scope.document.parse(part) {
            Ok(written) => written,
            Err(mut problem) => {
                if !part.starts_with('[') {
                    problem.hint =
                        Some(format!("an axis is a list of the values to compare: `{axis}: [{part}]`"));
                }
                self.scope.problems.push(problem);
                return None;
            }
        };
        let read = written.into_iter().map(|value| self.scope.document.parse_variant(written_text(value)));
        read.collect::<Result<_, _>>().map_err(|problem| self.scope.problems.push(problem)).ok()
    }

    /// Reads a [`Range`] of numbers.
    fn range<T: AxisValue>(&mut self, axis: &str, part: &'a str) -> Option<Vec<T>> {
        match self.scope.parse::<Range>(part)?.values() {
            Ok(values) => Some(values.into_iter().filter_map(T::from_number).collect()),
            Err(allowed) => {
                self.scope.problem(part, format!("`{axis}`: this is no range"), Some(allowed.into()));
                None
            }
        }
    }

    /// Returns the values if there are some and all are allowed.
    fn checked<T: AxisValue>(
        &mut self,
        axis: &str,
        definition: &Definition<T>,
        part: &str,
        values: Vec<T>,
    ) -> Option<Vec<T>> {
        if values.is_empty() {
            let message = format!("the axis `{axis}` is empty, so the grid has no configurations");
            self.scope.problem(part, message, Some("give at least one value, or leave the axis out".into()));
            return None;
        }
        let mut wrong =
            values.iter().filter_map(|value| (definition.check)(value).map(|allowed| (value, allowed)));
        if let Some((value, allowed)) = wrong.next() {
            let others = match wrong.count() {
                0 => String::new(),
                count => format!(" (and {count} more values of the axis are not allowed)"),
            };
            let value = written(value);
            self.scope.problem(part, format!("`{axis}`: got {value}, allowed: {allowed}{others}"), None);
            return None;
        }
        Some(values)
    }
}

impl Range {
    /// Returns the numbers; the error says what a range has to be.
    fn values(&self) -> Result<Vec<f64>, &'static str> {
        let (from, to, spacing) = match *self {
            Self::Logarithmic { from, to, factor } => (from, to, factor),
            Self::Linear { from, to, step } => (from, to, step),
        };
        if ![from, to, spacing].iter().all(|number| number.is_finite()) {
            return Err("a range is made of finite numbers");
        }
        if from > to {
            return Err("a range has `from` not above `to`");
        }
        match self {
            Self::Logarithmic { .. } if from <= 0.0 || spacing <= 1.0 => {
                return Err("a logarithmic range has `from` above 0 and `factor` above 1");
            }
            Self::Linear { .. } if spacing <= 0.0 => return Err("a linear range has `step` above 0"),
            Self::Logarithmic { .. } | Self::Linear { .. } => {}
        }
        // The last value may miss `to` by rounding.
        let last = to + to.abs() * 1e-9;
        let values: Vec<f64> = (0..=LONGEST_RANGE)
            .map(|index| self.value(index))
            .take_while(|value| *value <= last)
            .map(decimal)
            .collect();
        if values.len() > LONGEST_RANGE as usize {
            return Err("a range has at most 1000 values");
        }
        Ok(values)
    }

    fn value(&self, index: i32) -> f64 {
        match *self {
            Self::Logarithmic { from, factor, .. } => from * factor.powi(index),
            Self::Linear { from, step, .. } => from + step * f64::from(index),
        }
    }
}

/// The largest index of a value in a range.
const LONGEST_RANGE: i32 = 1000;

/// Returns the short decimal number nearest to `value`: 0.01, not 0.010000000000000002.
fn decimal(value: f64) -> f64 {
    format!("{value:.11e}").parse().expect("a formatted float is a float")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_the_decimal_numbers_that_were_meant() {
        let range = Range::Logarithmic { from: 1e-4, to: 1e-1, factor: 10.0 };
        assert_eq!(range.values(), Ok(vec![1e-4, 1e-3, 1e-2, 1e-1]));
        let range = Range::Linear { from: 0.1, to: 0.5, step: 0.1 };
        assert_eq!(range.values(), Ok(vec![0.1, 0.2, 0.3, 0.4, 0.5]));
    }

    #[test]
    fn ranges_that_never_end_or_never_begin_are_refused() {
        for range in [
            Range::Logarithmic { from: 1e-4, to: 1e-1, factor: 1.0 },
            Range::Logarithmic { from: 0.0, to: 1e-1, factor: 10.0 },
            Range::Linear { from: 0.0, to: 1.0, step: 0.0 },
            Range::Linear { from: 1.0, to: 0.0, step: 0.1 },
            Range::Linear { from: 0.1, to: 0.2, step: f64::INFINITY },
            Range::Linear { from: 0.0, to: 1.0, step: 1e-4 },
            Range::Linear { from: f64::NAN, to: 1.0, step: 0.1 },
        ] {
            assert!(range.values().is_err());
        }
    }
}
