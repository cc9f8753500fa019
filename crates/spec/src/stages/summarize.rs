//! `Summarize`: tables and a report over the trials of some train stages.

use std::{collections::HashSet, num::NonZeroU32, sync::Arc};

use ron::value::RawValue;
use serde::Deserialize;
use settings::{Algorithm, Axis, Configuration, Metric, Split};

use super::train::check_metric;
use crate::{
    problem::did_you_mean,
    published::{self, Cell, PublishedTable},
    scope::{Scope, written_text},
    stage::{EpochRule, Expectation, Expected, ExpectedTable, Publication, Summarize, Train},
};

/// A summary as it is written.
#[derive(Deserialize)]
#[serde(rename = "Summarize", deny_unknown_fields)]
pub(super) struct Written<'a> {
    /// The folder of the tables and of the report.
    ///
    /// Type: text that can name a folder. Example: `"report"`.
    #[serde(borrow)]
    pub name: &'a RawValue,
    /// The stages whose trials are summarized.
    ///
    /// Type: list of names of `Train` stages above. Example: `["trials"]`.
    #[serde(borrow)]
    pub of: Vec<&'a RawValue>,
    /// The metric that is reported; smaller is better.
    ///
    /// Type: [`Metric`], a loss or an error rate that the trials measure: a metric of `test` only with a `holdout`.
    #[serde(borrow)]
    metric: &'a RawValue,
    /// The epoch of a trial that counts, or the epochs.
    #[serde(default)]
    epoch: EpochRule,
    /// The metric that ranks configurations and chooses the epoch under `Best`, if it is not the reported one. It allows to
    /// choose on validation data and to report on test data, for example.
    ///
    /// Type: [`Metric`]. Example: `"loss/validation"`.
    #[serde(borrow, default)]
    rank_by: Option<&'a RawValue>,
    /// The axes with one winner for each combination of their values. `[]` means a single winner.
    ///
    /// Type: list of [`Axis`]. Default: `[Algorithm]`.
    #[serde(borrow, default)]
    best_per: Option<&'a RawValue>,
    /// The number of configurations of each rule on each dataset that count: the first ones in the order of the grid, of a search its first
    /// points. The others are left out of tables, ranks and winners. Without a budget, all count.
    ///
    /// Default: `None`. Example: `20`.
    #[serde(default)]
    budget: Option<NonZeroU32>,
    /// The rule whose best configuration the others are compared with, seed by seed.
    ///
    /// Type: a learning rule of the trials, spelled as in their grid. Default: `None`. Example: `Dfa`.
    #[serde(borrow, default)]
    baseline: Option<&'a RawValue>,
    /// The axes on which a configuration and the one that it is compared with have the same values. With `[Activation]`, DFA with tanh is
    /// compared with the baseline's best configuration with tanh.
    ///
    /// Type: list of [`Axis`]. Default: `[]`. Example: `[Activation]`.
    #[serde(borrow, default)]
    compare_within: Option<&'a RawValue>,
    /// The axis whose values are the columns of an additional table, with a row for each learning rule. Of several datasets, such a table is
    /// always made.
    ///
    /// Default: `None`. Example: `Hidden`.
    #[serde(default)]
    pivot: Option<Axis>,
    /// Published values that ours are compared with; `run` exits with 3 if one is missed.
    ///
    /// Type: list of [`Expected`]. Example: `[(of: (algorithm: Dfa), value: 13.5, within: 1.2, source: "a paper, table 2"), Table(name: "drtp-2021/mnist", within: 0.25)]`.
    #[serde(borrow, default)]
    expect: Vec<&'a RawValue>,
}

impl<'a> Written<'a> {
    /// Checks the summary; `of` holds the stages that are named and could be found.
    pub(super) fn check(
        self,
        part: &'a str,
        name: String,
        of: Vec<Arc<Train>>,
        scope: &mut Scope<'a>,
    ) -> Option<Summarize> {
        let before = scope.problems.len();
        self.check_stages(part, scope);
        let metric_part = written_text(self.metric);
        let metric = self::metric(metric_part, &of, scope);
        let rank_by = self.rank_by.map(|written| self::metric(written_text(written), &of, scope));
        let best_per = axes(self.best_per, vec![Axis::Algorithm], scope);
        let compare_within = axes(self.compare_within, Vec::new(), scope);
        let baseline = self.baseline(&of, scope);
        if let Some(within) = compare_within.as_ref().filter(|within| !within.is_empty()) {
            if baseline.is_none() {
                scope
                    .warnings
                    .push(format!("`compare_within` of {name} compares nothing without a `baseline`"));
            } else if within.contains(&Axis::Algorithm) {
                let message = format!(
                    "`compare_within` of {name}: within `Algorithm`, only the baseline's rule has a baseline"
                );
                scope.warnings.push(message);
            }
        }
        let (expect, publications) = self.expectations(&of, scope);
        let (metric, best_per, compare_within) = (metric?, best_per?, compare_within?);
        // Named, but no metric.
        let rank_by = if let Some(None) = rank_by { return None } else { rank_by.flatten() };
        let summarize = Summarize {
            name,
            metric,
            epoch: self.epoch,
            rank_by,
            best_per,
            budget: self.budget,
            baseline,
            compare_within,
            pivot: self.pivot,
            expect,
            publications,
            of,
        };
        let at = scope.document.field(part, "epoch");
        check_epoch(&summarize, at, metric_part, scope);
        let is_halved = |train: &&Arc<Train>| !train.rungs.is_empty();
        if summarize.budget.is_some()
            && let Some(train) = summarize.of.iter().find(is_halved)
        {
            scope.warnings.push(format!(
                "`budget` of {}: the halving of `{}` chose from all of its configurations, which count all",
                summarize.name, train.name
            ));
        }
        scope.warnings.extend(smaller_than_budget(&summarize));
        let complete = summarize.of.len() == self.of.len() && scope.problems.len() == before;
        complete.then_some(summarize)
    }

    fn check_stages(&self, part: &str, scope: &mut Scope<'a>) {
        if self.of.is_empty() {
            let at = scope.document.field(part, "of");
            scope.problem(at, "`of` names no stage", Some("name the Train stages to summarize".into()));
        }
        let names: Vec<&str> = self.of.iter().map(|name| written_text(name)).collect();
        for (index, name) in names.iter().enumerate() {
            if names[..index].contains(name) {
                let hint = "a trial counts once: remove the repetition";
                scope.problem(name, format!("{name} is named twice"), Some(hint.into()));
            }
        }
    }

    fn baseline(&self, of: &[Arc<Train>], scope: &mut Scope<'a>) -> Option<Algorithm> {
        let part = written_text(self.baseline?);
        if part == "None" {
            return None;
        }
        let baseline: Algorithm = scope.parse(part)?;
        let mut names: Vec<&str> =
            candidates(of).map(|configuration| configuration.algorithm.name()).collect();
        names.dedup();
        if !of.is_empty() && !names.contains(&baseline.name()) {
            let message = format!("no trial is trained by the baseline, {}", baseline.name());
            scope.problem(part, message, Some(format!("the trials have: {}", names.join(", "))));
        }
        Some(baseline)
    }

    fn expectations(&self, of: &[Arc<Train>], scope: &mut Scope<'a>) -> (Vec<Expectation>, Vec<Publication>) {
        let (mut expectations, mut publications) = (Vec::new(), Vec::new());
        for part in self.expect.iter().map(|written| written_text(written)) {
            let expected = match part.starts_with('(') {
                true => scope.parse(part).map(Expected::Value),
                false => scope.parse(part),
            };
            let expectation = match expected {
                None => continue,
                Some(Expected::Value(expectation)) => expectation,
                Some(Expected::Table(table)) => {
                    check_dataset(table.dataset.as_deref(), of, part, scope);
                    let Some((table, publication)) = expected_table(&table, part, scope) else { continue };
                    let not_tried = table.iter().filter(|expectation| !is_tried(expectation, of)).count();
                    if not_tried > 0 && !of.is_empty() {
                        scope.warnings.push(format!(
                            "{not_tried} of the {} values of {} are not of any configuration of these trials",
                            table.len(),
                            publication.name
                        ));
                    }
                    expectations.extend(table);
                    publications.push(publication);
                    continue;
                }
            };
            check_within(expectation.within, part, scope);
            check_dataset(expectation.dataset.as_deref(), of, part, scope);
            if !expectation.value.is_finite() {
                let message = format!("`value`: got {}, allowed: a finite number", expectation.value);
                scope.problem(scope.document.field(part, "value"), message, None);
            }
            if !of.is_empty() && !is_tried(&expectation, of) {
                scope.warnings.push(format!(
                    "no configuration of the trials is {}, whose value is expected: write its values as in the grid",
                    expectation.chosen
                ));
            }
            expectations.push(expectation);
        }
        (expectations, publications)
    }
}

/// Returns the values of the published table that `part` names.
fn expected_table<'a>(
    expected: &ExpectedTable,
    part: &'a str,
    scope: &mut Scope<'a>,
) -> Option<(Vec<Expectation>, Publication)> {
    let ExpectedTable { ref name, ref dataset, within, deviations } = *expected;
    check_within(within, part, scope);
    if !(deviations >= 0.0 && deviations.is_finite()) {
        let message = format!("`deviations`: got {deviations}, allowed: at least 0");
        scope.problem(scope.document.field(part, "deviations"), message, None);
    }
    match published::table(name, scope.path) {
        Ok(PublishedTable { publication, cells }) => {
            let expectations = cells.into_iter().map(|Cell { row, chosen, value, sd, spread }| Expectation {
                chosen,
                dataset: dataset.clone(),
                value,
                within: within.max(spread).max(sd.map_or(0.0, |sd| deviations * sd)),
                source: format!("{}, {row}", publication.cite),
                sd,
                n: Some(publication.trials),
            });
            Some((expectations.collect(), publication))
        }
        Err((message, hint)) => {
            scope.problem(scope.document.field(part, "name"), message, Some(hint));
            None
        }
    }
}

fn check_within<'a>(within: f64, part: &'a str, scope: &mut Scope<'a>) {
    if !(within > 0.0 && within.is_finite()) {
        let message = format!("`within`: got {within}, allowed: above 0");
        let hint = "give the allowed distance from the published value";
        scope.problem(scope.document.field(part, "within"), message, Some(hint.into()));
    }
}

/// Adds a problem if a value is expected of a dataset that the trials do not have, or of one of several.
fn check_dataset<'a>(dataset: Option<&str>, of: &[Arc<Train>], part: &'a str, scope: &mut Scope<'a>) {
    let mut known: Vec<&str> = of.iter().map(|train| train.dataset.name.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    let at = scope.document.field(part, "dataset");
    match dataset {
        Some(dataset) if !known.is_empty() && !known.contains(&dataset) => {
            let hint = did_you_mean(dataset, &known);
            scope.problem(at, format!("no trial is of a dataset `{dataset}`"), Some(hint));
        }
        None if known.len() > 1 => {
            let message = format!("the trials are of {} datasets: {}", known.len(), known.join(", "));
            let hint = format!("name the dataset of the value, for example `dataset: \"{}\"`", known[0]);
            scope.problem(at, message, Some(hint));
        }
        _ => {}
    }
}

/// Whether a configuration of the trials has the values that are expected of.
fn is_tried(expectation: &Expectation, of: &[Arc<Train>]) -> bool {
    let is_of_dataset =
        |train: &&Arc<Train>| expectation.dataset.as_ref().is_none_or(|name| *name == train.dataset.name);
    of.iter().filter(is_of_dataset).any(|train| {
        let mut candidates = train.grid.points.candidates().into_iter();
        candidates.any(|configuration| expectation.chosen.contains(&train.training.completed(configuration)))
    })
}

/// Returns a warning for each rule that has fewer configurations than the budget of each rule.
fn smaller_than_budget(summarize: &Summarize) -> Vec<String> {
    let Some(budget) = summarize.budget else { return Vec::new() };
    let datasets = summarize.datasets();
    let mut warnings = Vec::new();
    for dataset in &datasets {
        let of_dataset = summarize.trains().filter(|train| train.dataset.name == *dataset);
        let configurations = of_dataset.flat_map(|train| train.grid.points.candidates());
        let mut seen = HashSet::new();
        let mut counts: Vec<(&str, u32)> = Vec::new();
        for configuration in configurations.filter(|configuration| seen.insert(configuration.to_string())) {
            let rule = configuration.algorithm.name();
            match counts.iter_mut().find(|(known, _)| *known == rule) {
                Some((_, count)) => *count += 1,
                None => counts.push((rule, 1)),
            }
        }
        let place = if datasets.len() > 1 { format!(" on {dataset}") } else { String::new() };
        let fewer = counts.into_iter().filter(|(_, count)| *count < budget.get());
        warnings.extend(fewer.map(|(rule, count)| {
            format!(
                "`budget` of {}: {budget} configurations of each rule count, and {rule} has {count}{place}; lower it, or give the rule more",
                summarize.name
            )
        }));
    }
    warnings
}

/// Reads a list of axes.
fn axes<'a>(written: Option<&'a RawValue>, default: Vec<Axis>, scope: &mut Scope<'a>) -> Option<Vec<Axis>> {
    let Some(written) = written else { return Some(default) };
    let part = written_text(written);
    let axes: Vec<Axis> = scope.parse(part)?;
    if has_repetition(&axes) {
        scope.problem(part, "an axis is named twice", Some("name each axis once".into()));
    }
    Some(axes)
}

fn candidates(of: &[Arc<Train>]) -> impl Iterator<Item = &Configuration> {
    of.iter().flat_map(|train| train.grid.points.candidates())
}

fn has_repetition(axes: &[Axis]) -> bool {
    axes.iter().enumerate().any(|(index, axis)| axes[..index].contains(axis))
}

/// Returns the metric that `part` names; adds a problem if it is not a metric, or if a trial does not measure it.
fn metric<'a>(part: &'a str, of: &[Arc<Train>], scope: &mut Scope<'a>) -> Option<Metric> {
    let text: String = scope.parse(part)?;
    let metric: Metric = match text.parse() {
        Ok(metric) => metric,
        Err(_) => {
            let known = Metric::KNOWN.map(|metric| metric.to_string());
            let hint = did_you_mean(&text, &known);
            scope.problem(part, format!("unknown metric `{text}`"), Some(hint));
            return None;
        }
    };
    for train in of {
        check_metric(&metric, train, part, scope);
    }
    Some(metric)
}

/// Adds a problem if an epoch is chosen on the test data that it is reported on, or if an epoch does not exist.
fn check_epoch(summarize: &Summarize, at: &str, metric_part: &str, scope: &mut Scope<'_>) {
    let by = match &summarize.epoch {
        EpochRule::Best => Some(summarize.ranking_metric()),
        EpochRule::BestBy(metric) => Some(metric),
        EpochRule::Final | EpochRule::At { .. } | EpochRule::MeanOfLast(_) => None,
    };
    if by.and_then(Metric::split) == Some(Split::Test) {
        let hint = "take `epoch: Final`, or choose the epoch by a validation metric";
        scope.problem(metric_part, "the best epoch on test data would select on it", Some(hint.into()));
    }
    if let EpochRule::BestBy(metric) = &summarize.epoch {
        for train in &summarize.of {
            check_metric(metric, train, at, scope);
        }
    }
    let shortest = summarize.of.iter().map(|train| train.training.epochs).min();
    let (number, written) = match &summarize.epoch {
        EpochRule::At { epoch } => (*epoch, format!("At(epoch: {epoch})")),
        EpochRule::MeanOfLast(epochs) => (*epochs, format!("MeanOfLast({epochs})")),
        EpochRule::Final | EpochRule::Best | EpochRule::BestBy(_) => return,
    };
    if let Some(shortest) = shortest.filter(|shortest| !(1..=*shortest).contains(&number)) {
        let message = format!("`{written}`: allowed: 1 to {shortest}, the epochs that are trained");
        scope.problem(at, message, None);
    }
}
