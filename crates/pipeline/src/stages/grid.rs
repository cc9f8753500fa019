//! `Grid`: the axes whose every combination is compared.

use std::collections::HashSet;

use algorithms::Algorithm;
use engine::FirstWeights;
use model::{Activation, Initialization};
use ron::value::RawValue;
use serde::Deserialize;
use tuner::{Axes, Configuration};

use super::{Stage, Summarize};
use crate::file::{Scope, written_text};

/// As written.
#[derive(Deserialize)]
#[serde(rename = "Grid", deny_unknown_fields)]
pub(super) struct Written<'a> {
    /// How other stages call it.
    ///
    /// Type: text that can name a folder. Example: `"rules"`.
    #[serde(borrow)]
    pub name: &'a RawValue,
    /// What is compared with what. `BestOf("...")`, with the name of a `Summarize` above, stands for that stage's winners, one
    /// for each of its `best_per`: the rates that a search has found, for example.
    ///
    /// Type: [`WrittenAxes`], or `BestOf("best")`.
    #[serde(borrow)]
    axes: &'a RawValue,
}

/// The values along each axis; every combination is trained once. An axis that does not apply to a rule, like `feedback` to
/// `Backprop`, is dropped there.
#[derive(Deserialize)]
#[serde(rename = "axes", deny_unknown_fields)]
struct WrittenAxes<'a> {
    /// Learning rules.
    ///
    /// Type: list of [`Algorithm`]. Example: `[Dfa, LocalLoss(MeanSquaredError)]`.
    #[serde(borrow)]
    algorithm: &'a RawValue,
    /// Hidden layers of a network, from the input up.
    ///
    /// Type: list of lists with the units of each layer, 1 to 100000. Example: `[[500, 500]]`.
    #[serde(borrow)]
    hidden: &'a RawValue,
    /// Adam's learning rates.
    ///
    /// Type: list of numbers above 0, or a [`Range`]. Example: `[1e-3, 1e-4]`.
    #[serde(borrow)]
    learning_rate: &'a RawValue,
    /// Nonlinearities of the hidden layers.
    ///
    /// Type: list of [`Activation`]. Default: `[Tanh]`.
    #[serde(borrow, default)]
    activation: Option<&'a RawValue>,
    /// Do hidden layers normalize over the batch?
    ///
    /// Type: list of `true` and `false`. Default: `[false]`.
    #[serde(borrow, default)]
    batch_norm: Option<&'a RawValue>,
    /// Do hidden layers have a bias?
    ///
    /// Type: list of `true` and `false`. Default: `[true]`.
    #[serde(borrow, default)]
    bias: Option<&'a RawValue>,
    /// How forward weights start.
    ///
    /// Type: list of [`FirstWeights`]. Default: `[Orthogonal]`.
    #[serde(borrow, default)]
    weights: Option<&'a RawValue>,
    /// How the fixed feedback matrices are drawn.
    ///
    /// Type: list of [`Initialization`]. Default: `[Orthogonal]`.
    #[serde(borrow, default)]
    feedback: Option<&'a RawValue>,
    /// Shares of hidden units dropped in training.
    ///
    /// Type: list of numbers, at least 0 and below 1, or a [`Range`]. Default: `[0.0]`.
    #[serde(borrow, default)]
    dropout: Option<&'a RawValue>,
    /// L2 coefficients of all weight matrices.
    ///
    /// Type: list of numbers, at least 0, or a [`Range`]. Default: `[0.0]`.
    #[serde(borrow, default)]
    weight_decay: Option<&'a RawValue>,
}

/// The winners of a summary, instead of axes.
#[derive(Deserialize)]
enum Winners<'a> {
    /// By the name of the summary's stage.
    #[serde(borrow)]
    BestOf(&'a RawValue),
}

/// Evenly spaced numbers, at most 1000, instead of a list of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
enum Range {
    /// `from`, `from * factor`, ... up to `to`.
    Logarithmic {
        /// The first.
        ///
        /// Allowed: above 0. Example: `1e-4`.
        from: f64,
        /// None is larger.
        ///
        /// Example: `1e-1`.
        to: f64,
        /// From each to the next.
        ///
        /// Allowed: above 1. Example: `10`.
        factor: f64,
    },
    /// `from`, `from + step`, ... up to `to`.
    Linear {
        /// The first.
        ///
        /// Example: `0.1`.
        from: f64,
        /// None is larger.
        ///
        /// Example: `0.5`.
        to: f64,
        /// From each to the next.
        ///
        /// Allowed: above 0. Example: `0.1`.
        step: f64,
    },
}

/// Configurations to compare.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Of the stage.
    pub name: String,
    /// What is compared.
    pub points: Points,
}

/// The configurations of a grid.
#[derive(Clone, Debug)]
pub enum Points {
    /// Every combination of its axes once, in their order.
    Given(Vec<Configuration>),
    /// The winners of a summary, known when its trials are finished.
    BestOf(Box<Summarize>),
}

impl Points {
    /// Every configuration that may be among them, each once.
    #[must_use]
    pub fn candidates(&self) -> Vec<&Configuration> {
        match self {
            Self::Given(configurations) => configurations.iter().collect(),
            Self::BestOf(summarize) => {
                let mut seen = HashSet::new();
                let of_stages = summarize.of.iter().flat_map(|train| train.points.candidates());
                of_stages.filter(|configuration| seen.insert(configuration.to_string())).collect()
            }
        }
    }

    /// The summary that chooses them, where one does.
    #[must_use]
    pub fn chosen_by(&self) -> Option<&Summarize> {
        match self {
            Self::Given(_) => None,
            Self::BestOf(summarize) => Some(summarize),
        }
    }
}

/// A layer of so many units after another one has 40 GB of weights.
const MOST_UNITS: u32 = 100_000;
/// More configurations than anyone can mean.
const MOST_CONFIGURATIONS: usize = 1_000_000;

impl<'a> Written<'a> {
    pub(super) fn check(self, name: String, scope: &mut Scope<'a>) -> Option<Grid> {
        let part = written_text(self.axes);
        if part.starts_with("BestOf") {
            let Winners::BestOf(stage) = scope.parse(part)?;
            let summarize = scope.stage_above(written_text(stage), "Summarize", |stage| match stage {
                Stage::Summarize(summarize) => Some(summarize),
                _ => None,
            })?;
            return Some(Grid { name, points: Points::BestOf(Box::new(summarize)) });
        }
        let written: WrittenAxes = scope.parse(part)?;
        let mut reader = Reader { scope, complete: true };
        // Trained in single precision, in which smaller numbers are 0.
        let positive = |value: &f64| {
            let is_allowed = (f64::from(f32::MIN_POSITIVE)..=f64::from(f32::MAX)).contains(value);
            (!is_allowed).then_some("above 0, from 1.2e-38 to 3.4e38")
        };
        let share = |value: &f64| (!(0.0..1.0).contains(value)).then_some("at least 0 and below 1");
        let coefficient = |value: &f64| (!(*value >= 0.0 && value.is_finite())).then_some("at least 0");
        let layers = |layers: &Vec<u32>| match layers.as_slice() {
            [] => Some("at least one hidden layer"),
            units if units.contains(&0) => Some("at least 1 unit in every layer"),
            units if units.iter().any(|units| *units > MOST_UNITS) => Some("at most 100000 units in a layer"),
            _ => None,
        };
        let axes = Axes {
            algorithm: reader.list("algorithm", Some(written.algorithm), Algorithm::Backprop),
            hidden: reader.checked("hidden", written.hidden, layers),
            learning_rate: reader.numbers("learning_rate", Some(written.learning_rate), 0.0, positive),
            activation: reader.list("activation", written.activation, Activation::Tanh),
            batch_norm: reader.list("batch_norm", written.batch_norm, false),
            bias: reader.list("bias", written.bias, true),
            weights: reader.list("weights", written.weights, FirstWeights::Orthogonal),
            feedback: reader.list("feedback", written.feedback, Initialization::Orthogonal),
            dropout: reader.numbers("dropout", written.dropout, 0.0, share),
            weight_decay: reader.numbers("weight_decay", written.weight_decay, 0.0, coefficient),
        };
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

/// Reads axes one by one and remembers whether all could be read.
struct Reader<'s, 'a> {
    scope: &'s mut Scope<'a>,
    complete: bool,
}

impl<'a> Reader<'_, 'a> {
    fn list<T: Deserialize<'a>>(&mut self, axis: &str, written: Option<&'a RawValue>, usual: T) -> Vec<T> {
        let Some(written) = written else { return vec![usual] };
        let part = written_text(written);
        let values = match self.scope.document.parse::<Vec<T>>(part) {
            Ok(values) => values,
            Err(mut problem) => {
                if !part.starts_with('[') {
                    problem.hint =
                        Some(format!("an axis is a list of the values to compare: `{axis}: [{part}]`"));
                }
                self.scope.problems.push(problem);
                self.complete = false;
                return Vec::new();
            }
        };
        self.not_empty(axis, part, values)
    }

    fn not_empty<T>(&mut self, axis: &str, part: &str, values: Vec<T>) -> Vec<T> {
        if values.is_empty() {
            self.complete = false;
            let message = format!("the axis `{axis}` is empty, so the grid has no configurations");
            self.scope.problem(part, message, Some("give at least one value, or leave the axis out".into()));
        }
        values
    }

    fn checked<T: Deserialize<'a> + std::fmt::Debug>(
        &mut self,
        axis: &str,
        written: &'a RawValue,
        refuse: impl Fn(&T) -> Option<&'static str>,
    ) -> Vec<T> {
        let part = written_text(written);
        let values = match self.scope.document.parse::<Vec<T>>(part) {
            Ok(values) => values,
            Err(problem) => {
                self.scope.problems.push(problem);
                self.complete = false;
                return Vec::new();
            }
        };
        self.refuse_values(axis, part, &values, refuse);
        self.not_empty(axis, part, values)
    }

    fn numbers(
        &mut self,
        axis: &str,
        written: Option<&'a RawValue>,
        usual: f64,
        refuse: impl Fn(&f64) -> Option<&'static str>,
    ) -> Vec<f64> {
        let is_range = written.is_some_and(|written| written_text(written).starts_with(char::is_alphabetic));
        let (Some(written), true) = (written, is_range) else {
            let values = self.list(axis, written, usual);
            self.refuse_values(axis, written.map_or("", written_text), &values, refuse);
            return values;
        };
        let part = written_text(written);
        let Some(range) = self.scope.parse::<Range>(part) else {
            self.complete = false;
            return Vec::new();
        };
        match range.values() {
            Ok(values) => {
                self.refuse_values(axis, part, &values, refuse);
                self.not_empty(axis, part, values)
            }
            Err(allowed) => {
                self.complete = false;
                self.scope.problem(part, format!("`{axis}`: this is no range"), Some(allowed.into()));
                Vec::new()
            }
        }
    }

    fn refuse_values<T: std::fmt::Debug>(
        &mut self,
        axis: &str,
        part: &str,
        values: &[T],
        refuse: impl Fn(&T) -> Option<&'static str>,
    ) {
        let mut wrong = values.iter().filter_map(|value| refuse(value).map(|allowed| (value, allowed)));
        let Some((value, allowed)) = wrong.next() else { return };
        let others = match wrong.count() {
            0 => String::new(),
            count => format!(" (and {count} more values of the axis are not allowed)"),
        };
        self.complete = false;
        self.scope.problem(part, format!("`{axis}`: got {value:?}, allowed: {allowed}{others}"), None);
    }
}

impl Range {
    /// The numbers, or what a range has to be.
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
        let value: Box<dyn Fn(i32) -> f64> = match *self {
            Self::Logarithmic { from, factor, .. } if from > 0.0 && factor > 1.0 => {
                Box::new(move |index| from * factor.powi(index))
            }
            Self::Logarithmic { .. } => {
                return Err("a logarithmic range has `from` above 0 and `factor` above 1");
            }
            Self::Linear { from, step, .. } if step > 0.0 => {
                Box::new(move |index| from + step * f64::from(index))
            }
            Self::Linear { .. } => return Err("a linear range has `step` above 0"),
        };
        // The last value may miss `to` by rounding.
        let last = to + to.abs() * 1e-9;
        let values: Vec<f64> =
            (0..=LONGEST_RANGE).map(value).take_while(|value| *value <= last).map(decimal).collect();
        if values.len() > LONGEST_RANGE as usize {
            return Err("a range has at most 1000 values");
        }
        Ok(values)
    }
}

/// More values than anyone can mean.
const LONGEST_RANGE: i32 = 1000;

/// The short decimal number that a chain of multiplications meant: 0.01, not 0.010000000000000002.
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
