//! `Grid`: axes; all combinations of their values are compared, or points that are drawn from them.

use std::{num::NonZeroU32, sync::Arc};

use ron::value::RawValue;
use serde::Deserialize;
use settings::{Axes, Axis, AxisValue, AxisVisitor, Definition, visit_axes};
use tuner::ranking::Best;

use crate::{
    fields::Fields,
    problem::did_you_mean,
    scope::{Scope, written_text},
    stage::{Grid, Points, Summarize},
    stages::{
        range::Range,
        search::{Distribution, Draws, Search},
    },
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
    /// The configurations to compare. `Random` and `Quasi` draw points instead of combining all values. `BestOf("...")` with the name of a
    /// `Summarize` above means the winners of that stage, one for each combination of its `best_per` axes: the rates that a search has
    /// found, for example. `BestOf(stage: "...", count: 3)` means the best three of each combination.
    ///
    /// Type: [`GridAxes`], [`Search`], `BestOf("best")`, or `BestOf(stage: "best", count: 3)`.
    #[serde(borrow)]
    axes: &'a RawValue,
}

/// The best configurations of a summary, instead of axes. `BestOf("best")` means `BestOf(stage: "best")`.
#[derive(Deserialize)]
#[serde(rename = "BestOf", deny_unknown_fields)]
struct Winners<'a> {
    #[serde(borrow)]
    stage: &'a RawValue,
    /// The number of configurations of each group.
    #[serde(default = "one")]
    count: NonZeroU32,
}

fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

/// [`Winners`] with the name of the stage alone.
#[derive(Deserialize)]
enum SingleWinners<'a> {
    #[serde(borrow)]
    BestOf(&'a RawValue),
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
        let points = if part.starts_with("BestOf") {
            best_of(part, find_summarize, scope)?
        } else if part.starts_with(char::is_alphabetic) {
            drawn(part, &name, scope)?
        } else {
            let axes = read_axes(part, None, scope)?;
            check_size(axes.size(), "the axes span", part, scope)?;
            Points::Given(axes.configurations())
        };
        Some(Grid { name, points })
    }
}

/// Reads the winners of a summary.
fn best_of<'a>(
    part: &'a str,
    find_summarize: impl FnOnce(&'a str, &mut Scope<'a>) -> Option<Arc<Summarize>>,
    scope: &mut Scope<'a>,
) -> Option<Points> {
    let has_names = Fields::of(part).is_some_and(|Fields(fields)| !fields.is_empty());
    let Winners { stage, count } = if has_names {
        scope.parse(part)?
    } else {
        let SingleWinners::BestOf(stage) = scope.parse(part)?;
        Winners { stage, count: one() }
    };
    let summarize = find_summarize(written_text(stage), scope)?;
    for train in summarize.of.iter().filter(|train| !train.rungs.is_empty()) {
        let most = train.grid.points.at_most_per(&summarize.best_per).into_values().max().unwrap_or(0);
        if most < count.get() as usize {
            scope.warnings.push(format!(
                "`BestOf` of {}: the halving of `{}` leaves at most {most} of each group, and {count} are asked for",
                summarize.name, train.name
            ));
        }
    }
    Some(Points::BestOf { summarize, best: Best::Count(count) })
}

/// Reads a search; `name` is that of the grid.
fn drawn<'a>(part: &'a str, name: &str, scope: &mut Scope<'a>) -> Option<Points> {
    let search: Search = match scope.document.parse(part) {
        Ok(search) => search,
        Err(mut problem) => {
            if let Some(hint) =
                problem.hint.as_mut().filter(|_| problem.message.starts_with("unknown search"))
            {
                *hint += "\nall combinations of values are `axes: (...)`, the winners of a summary `axes: BestOf(\"...\")`";
            }
            scope.problems.push(problem);
            return None;
        }
    };
    let Draws { count, axes: part, .. } = search.draws();
    let part = written_text(part);
    // Before they are drawn.
    check_size(count.get() as usize, "the search has", part, scope)?;
    let axes = read_axes(part, Some(&search), scope)?;
    let size = count.get() as usize * axes.algorithm.len();
    check_size(size, "the search has, with all rules,", part, scope)?;
    let configurations = axes.rows(count.get() as usize);
    for algorithm in &axes.algorithm {
        let different = configurations.iter().filter(|it| it.algorithm == *algorithm).count();
        let repeated = count.get() as usize - different;
        if repeated > 0 {
            let rule = algorithm.name();
            scope.warnings.push(format!(
                "`{name}`: {repeated} of the {count} points of {rule} repeat others and are trained once"
            ));
        }
    }
    Some(Points::Drawn { search: search.checked(), configurations })
}

/// Adds a problem if there are more configurations than one grid may have.
fn check_size(size: usize, subject: &str, part: &str, scope: &mut Scope<'_>) -> Option<()> {
    if size <= MOST_CONFIGURATIONS {
        return Some(());
    }
    let message = format!("{subject} {size} configurations, at most {MOST_CONFIGURATIONS} are allowed");
    scope.problem(part, message, Some("leave some values out, or draw fewer points".into()));
    None
}

/// Reads axes, and draws from each but that of the algorithms if they are those of a search.
fn read_axes<'a>(part: &'a str, search: Option<&Search<'a>>, scope: &mut Scope<'a>) -> Option<Axes> {
    let fields: Fields = scope.parse(part)?;
    check_names(&fields, scope)?;
    let mut axes = Axes::with_defaults();
    let mut reader = Reader { scope, part, fields, search, complete: true };
    visit_axes(&mut reader, &mut axes);
    reader.complete.then_some(axes)
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
    /// The search that draws from the axes; absent if they are combined.
    search: Option<&'s Search<'a>>,
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
        let read = match self.search {
            Some(search) if is_drawn::<T>(part) => {
                let distribution = self.distribution(name, definition, part);
                distribution.map(|distribution| {
                    let numbers = search.numbers(name, definition.dimension);
                    numbers.filter_map(|number| T::from_number(distribution.at(number))).collect()
                })
            }
            // Every rule has all points.
            Some(search) if axis != Axis::Algorithm => self.values(name, definition, part).map(|choices| {
                let numbers = search.numbers(name, definition.dimension);
                numbers.map(|number| choices[(number * choices.len() as f64) as usize].clone()).collect()
            }),
            _ => self.values(name, definition, part),
        };
        match read {
            Some(read) => *values = read,
            None => self.complete = false,
        }
    }
}

/// Whether the values of an axis may be numbers of a range or of a distribution.
fn is_numeric<T: AxisValue>() -> bool {
    T::from_number(0.0).is_some()
}

/// Whether an axis as written begins with a name, and is not the value `None`.
fn is_name(part: &str) -> bool {
    part.starts_with(char::is_alphabetic) && part != "None"
}

/// Whether an axis of a search as written is meant as a distribution.
fn is_drawn<T: AxisValue>(part: &str) -> bool {
    let has_known_name = Distribution::name_of(part).is_some() || Range::name_of(part).is_some();
    is_name(part) && (is_numeric::<T>() || has_known_name)
}

impl<'a> Reader<'_, 'a> {
    /// Reads a list of allowed values or a [`Range`]; `part` is the axis as written.
    fn values<T: AxisValue>(
        &mut self,
        axis: &str,
        definition: &Definition<T>,
        part: &'a str,
    ) -> Option<Vec<T>> {
        if let Some(name) = Distribution::name_of(part)
            && self.search.is_none()
        {
            let message = format!("`{axis}`: `{name}` is drawn from, and a grid combines given values");
            let hint =
                "draw points with `axes: Random(count: 60, seed: 0, axes: (...))`, or give a list of values";
            self.scope.problem(part, message, Some(hint.into()));
            return None;
        }
        let is_range = is_numeric::<T>() && is_name(part);
        let read = if is_range { self.range(axis, part) } else { self.list(axis, part) };
        read.and_then(|read| self.checked(axis, definition, part, read))
    }

    /// Reads a [`Distribution`] of allowed numbers.
    fn distribution<T: AxisValue>(
        &mut self,
        axis: &str,
        definition: &Definition<T>,
        part: &'a str,
    ) -> Option<Distribution> {
        let name = part.split('(').next().unwrap_or(part).trim_end();
        let is_range = Range::name_of(part).is_some();
        if is_range || !is_numeric::<T>() {
            let (message, hint) = if is_range {
                let message = format!("`{axis}`: `{name}` is a range of a grid, and a search draws");
                (
                    message,
                    "give a list of values, or a distribution: `learning_rate: LogUniform(1e-5, 1e-1)`"
                        .to_owned(),
                )
            } else {
                let message =
                    format!("`{axis}`: `{name}` draws decimal numbers, which this axis does not take");
                (message, format!("give a list of values: `{axis}: [...]`"))
            };
            self.scope.problem(part, message, Some(hint));
            return None;
        }
        let distribution: Distribution = self.scope.parse(part)?;
        if let Err(allowed) = distribution.check() {
            let message = format!("`{axis}`: these are no bounds of a distribution");
            self.scope.problem(part, message, Some(allowed.into()));
            return None;
        }
        // The values that an axis allows have no gaps.
        let bounds = distribution.bounds().into_iter().filter_map(T::from_number).collect();
        self.checked(axis, definition, part, bounds).map(|_| distribution)
    }

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
