//! `Summarize`: what the trials of some train stages amount to, over seeds.

use ron::value::RawValue;
use serde::{Deserialize, Serialize};
use settings::{Algorithm, Axis, Metric, Selection, Split};

use super::{Stage, Train, train::check_metric};
use crate::file::{Scope, written_text};

/// As written.
#[derive(Deserialize)]
#[serde(rename = "Summarize", deny_unknown_fields)]
pub(super) struct Written<'a> {
    /// The folder of the tables and of the report.
    ///
    /// Type: text that can name a folder. Example: `"report"`.
    #[serde(borrow)]
    pub name: &'a RawValue,
    /// Where the trials come from.
    ///
    /// Type: list of names of `Train` stages above. Example: `["trials"]`.
    #[serde(borrow)]
    of: Vec<&'a RawValue>,
    /// What is reported; smaller is better.
    ///
    /// Type: [`Metric`], a loss or an error rate that the trials measure: of `test` only with a `holdout`.
    #[serde(borrow)]
    metric: &'a RawValue,
    /// Which epoch of a trial counts.
    #[serde(default)]
    epoch: EpochRule,
    /// What configurations are ranked by, and what chooses the epoch under `Best`, where that is not what is reported:
    /// chosen on validation data and reported on test data, for example.
    ///
    /// Type: [`Metric`]. Example: `"loss/validation"`.
    #[serde(borrow, default)]
    rank_by: Option<&'a RawValue>,
    /// The axes that winners are named by: one for each combination of values on them. `[]` names a single winner.
    ///
    /// Type: list of [`Axis`]. Default: `[Algorithm]`.
    #[serde(borrow, default)]
    best_per: Option<&'a RawValue>,
    /// The rule whose best configuration the others are compared with, seed by seed.
    ///
    /// Type: a learning rule of the trials, spelled as in their grid. Default: `None`. Example: `Dfa`.
    #[serde(borrow, default)]
    baseline: Option<&'a RawValue>,
    /// Published values that ours are held against; `run` exits with 3 where one is missed.
    ///
    /// Type: list of [`Expectation`]. Example: `[(of: (algorithm: Dfa), value: 13.5, within: 1.2, source: "a paper, table 2")]`.
    #[serde(borrow, default)]
    expect: Vec<&'a RawValue>,
}

/// Which epoch of a trial counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum EpochRule {
    /// Its last.
    #[default]
    Final,
    /// The one with the smallest value of what ranks: the metric, or `rank_by`.
    Best,
    /// The one with the smallest value of this metric.
    BestBy(Metric),
    /// This one; a trial that ended before it has no value.
    At {
        /// From 1.
        ///
        /// Example: `5`.
        epoch: u32,
    },
}

/// A published value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Whose value: the best of the configurations with these values.
    #[serde(rename = "of")]
    pub chosen: Selection,
    /// The published value of the metric.
    ///
    /// Example: `13.5`.
    pub value: f64,
    /// How far ours, the mean over seeds, may be from it.
    ///
    /// Allowed: above 0. Example: `1.2`.
    pub within: f64,
    /// Where it was published.
    ///
    /// Example: `"Nøkland 2016, table 2"`.
    pub source: String,
}

/// Tables and a report over trials.
#[derive(Clone, Debug)]
pub struct Summarize {
    /// Of the stage.
    pub name: String,
    /// Where the trials come from.
    pub of: Vec<Train>,
    /// What is reported; smaller is better.
    pub metric: Metric,
    /// Which epoch of a trial counts.
    pub epoch: EpochRule,
    /// What ranks, where that is another metric.
    pub rank_by: Option<Metric>,
    /// Winners are named for each combination of values on these axes.
    pub best_per: Vec<Axis>,
    /// The rule whose best configuration the others are compared with.
    pub baseline: Option<Algorithm>,
    /// Published values.
    pub expect: Vec<Expectation>,
}

impl Summarize {
    /// The metric that ranks.
    #[must_use]
    pub fn ranking_metric(&self) -> &Metric {
        self.rank_by.as_ref().unwrap_or(&self.metric)
    }
}

impl<'a> Written<'a> {
    pub(super) fn check(self, part: &'a str, name: String, scope: &mut Scope<'a>) -> Option<Summarize> {
        let before = scope.problems.len();
        let of = self.stages(part, scope);
        let metric_part = written_text(self.metric);
        let metric = self::metric(metric_part, &of, scope);
        let rank_by = self.rank_by.map(|written| self::metric(written_text(written), &of, scope));
        let best_per = self.best_per.map_or(Some(vec![Axis::Algorithm]), |written| {
            let part = written_text(written);
            let axes: Vec<Axis> = scope.parse(part)?;
            let is_repeated = |(index, axis): (usize, &Axis)| axes[..index].contains(axis);
            if axes.iter().enumerate().any(is_repeated) {
                scope.problem(part, "an axis is named twice", Some("name each axis once".into()));
            }
            Some(axes)
        });
        let baseline = self.baseline(&of, scope);
        let expect = self.expectations(&of, scope);
        let (metric, best_per) = (metric?, best_per?);
        // Named, but no metric.
        let rank_by = if let Some(None) = rank_by { return None } else { rank_by.flatten() };
        let summarize =
            Summarize { name, metric, epoch: self.epoch, rank_by, best_per, baseline, expect, of };
        let at = scope.document.field(part, "epoch");
        check_epoch(&summarize, at, metric_part, scope);
        let complete = summarize.of.len() == self.of.len() && scope.problems.len() == before;
        complete.then_some(summarize)
    }

    fn stages(&self, part: &'a str, scope: &mut Scope<'a>) -> Vec<Train> {
        if self.of.is_empty() {
            let at = scope.document.field(part, "of");
            scope.problem(at, "`of` names no stage", Some("name the Train stages to summarize".into()));
        }
        let mut of: Vec<Train> = Vec::new();
        for (index, name) in self.of.iter().enumerate() {
            if self.of[..index].iter().any(|earlier| written_text(earlier) == written_text(name)) {
                let hint = "a trial counts once: remove the repetition";
                scope.problem(
                    written_text(name),
                    format!("{} is named twice", written_text(name)),
                    Some(hint.into()),
                );
            }
            of.extend(scope.stage_above(written_text(name), "Train", |stage| match stage {
                Stage::Train(train) => Some(train),
                _ => None,
            }));
        }
        of
    }

    fn baseline(&self, of: &[Train], scope: &mut Scope<'a>) -> Option<Algorithm> {
        let part = written_text(self.baseline?);
        if part == "None" {
            return None;
        }
        let baseline: Algorithm = scope.parse(part)?;
        let candidates = of.iter().flat_map(|train| train.points.candidates());
        let mut names: Vec<&str> = candidates.map(|configuration| configuration.algorithm.name()).collect();
        names.dedup();
        if !of.is_empty() && !names.contains(&baseline.name()) {
            let message = format!("no trial is taught by the baseline, {}", baseline.name());
            scope.problem(part, message, Some(format!("the trials have: {}", names.join(", "))));
        }
        Some(baseline)
    }

    fn expectations(&self, of: &[Train], scope: &mut Scope<'a>) -> Vec<Expectation> {
        let mut expectations = Vec::new();
        for part in self.expect.iter().map(|written| written_text(written)) {
            let Some(expectation) = scope.parse::<Expectation>(part) else { continue };
            if !(expectation.within > 0.0 && expectation.within.is_finite() && expectation.value.is_finite())
            {
                let at = scope.document.field(part, "within");
                let message = format!("`within`: got {}, allowed: above 0", expectation.within);
                scope.problem(at, message, Some("say how far ours may be from the published value".into()));
            }
            let mut candidates = of.iter().flat_map(|train| train.points.candidates());
            if !of.is_empty() && !candidates.any(|candidate| expectation.chosen.contains(candidate)) {
                scope.warnings.push(format!(
                    "no configuration of the trials is {}, whose value is expected: write its values as in the grid",
                    expectation.chosen
                ));
            }
            expectations.push(expectation);
        }
        expectations
    }
}

/// The metric that `part` names, if all trials measure it.
fn metric<'a>(part: &'a str, of: &[Train], scope: &mut Scope<'a>) -> Option<Metric> {
    let text: String = scope.parse(part)?;
    let metric: Metric = match text.parse() {
        Ok(metric) => metric,
        Err(_) => {
            let known = Metric::KNOWN.map(|metric| metric.to_string());
            let hint = crate::file::did_you_mean(&text, &known);
            scope.problem(part, format!("unknown metric `{text}`"), Some(hint));
            return None;
        }
    };
    for train in of {
        check_metric(&metric, train, part, scope);
    }
    Some(metric)
}

/// Nothing is chosen on test data that is reported on test data, and an epoch exists.
fn check_epoch(summarize: &Summarize, at: &str, metric_part: &str, scope: &mut Scope<'_>) {
    let by = match &summarize.epoch {
        EpochRule::Best => Some(summarize.ranking_metric()),
        EpochRule::BestBy(metric) => Some(metric),
        EpochRule::Final | EpochRule::At { .. } => None,
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
    if let (EpochRule::At { epoch }, Some(shortest)) = (&summarize.epoch, shortest)
        && !(1..=shortest).contains(epoch)
    {
        scope.problem(
            at,
            format!("`At(epoch: {epoch})`: allowed: 1 to {shortest}, the epochs that are trained"),
            None,
        );
    }
}
