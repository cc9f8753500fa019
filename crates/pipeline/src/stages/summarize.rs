//! `Summarize`: what the trials of some train stages amount to, over seeds.

use ron::value::RawValue;
use serde::{Deserialize, Serialize};
use tracker::{Metric, Split};

use super::{Stage, Train, train::check_metric};
use crate::file::{Scope, written_text};

/// As written.
#[derive(Deserialize)]
#[serde(rename = "Summarize", deny_unknown_fields)]
pub(super) struct Written<'a> {
    /// The folder of the table.
    ///
    /// Type: text that can name a folder. Example: `"report"`.
    #[serde(borrow)]
    pub name: &'a RawValue,
    /// Where the trials come from.
    ///
    /// Type: list of names of `Train` stages above. Example: `["trials"]`.
    #[serde(borrow)]
    of: Vec<&'a RawValue>,
    /// What the table ranks by; smaller is better.
    ///
    /// Type: [`Metric`], a loss or an error rate that the trials measure: of `test` only with a `holdout`.
    #[serde(borrow)]
    metric: &'a RawValue,
    /// Which epoch of a trial counts.
    #[serde(default)]
    epoch: EpochRule,
}

/// Which epoch of a trial counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EpochRule {
    /// Its last.
    #[default]
    Final,
    /// The one with the smallest value of the metric.
    Best,
}

/// A table of trials.
#[derive(Clone, Debug)]
pub struct Summarize {
    /// Of the stage.
    pub name: String,
    /// Where the trials come from.
    pub of: Vec<Train>,
    /// What is compared; smaller is better.
    pub metric: Metric,
    /// Which epoch of a trial counts.
    pub epoch: EpochRule,
}

impl<'a> Written<'a> {
    pub(super) fn check(self, part: &'a str, name: String, scope: &mut Scope<'a>) -> Option<Summarize> {
        let before = scope.problems.len();
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
        let metric_part = written_text(self.metric);
        let text: String = scope.parse(metric_part)?;
        let metric: Metric = match text.parse() {
            Ok(metric) => metric,
            Err(_) => {
                let known = Metric::KNOWN.map(|metric| metric.to_string());
                let hint = crate::file::did_you_mean(&text, &known);
                scope.problem(metric_part, format!("unknown metric `{text}`"), Some(hint));
                return None;
            }
        };
        for train in &of {
            check_metric(&metric, train, metric_part, scope);
        }
        if self.epoch == EpochRule::Best && metric.split() == Some(Split::Test) {
            let hint = "take `epoch: Final`, or choose the epoch by a validation metric";
            scope.problem(metric_part, "the best epoch on test data would select on it", Some(hint.into()));
        }
        let complete = of.len() == self.of.len() && scope.problems.len() == before;
        complete.then_some(Summarize { name, of, metric, epoch: self.epoch })
    }
}
