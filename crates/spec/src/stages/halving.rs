//! Successive halving: a train stage whose configurations are dropped step by step.

use std::{num::NonZeroU32, sync::Arc};

use ron::value::RawValue;
use serde::Deserialize;
use settings::{Axis, Metric, Split};
use tuner::ranking::Best;

use super::train::check_metric;
use crate::{
    scope::{Scope, written_text},
    stage::{EpochRule, Grid, Points, Summarize, Train},
};

/// Successive halving (Jamieson & Talwalkar 2016, arXiv:1502.07943). All configurations train for a few epochs, a rung; then the best ones of
/// each group go on to the next rung, which has more epochs, from where they are. Configurations are ranked by the mean over all seeds of
/// the metric at the last epoch of a rung; the first of equal ones in the grid ranks first, and one with a diverged seed never goes on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Halving<'a> {
    /// The number of epochs of the first rung. Each next rung has `eta` times as many, and the last one all `epochs` of the stage.
    ///
    /// Allowed: below `epochs`. Example: `3`.
    first: NonZeroU32,
    /// The number of configurations of which one goes on, rounded down but at least one of each group.
    ///
    /// Allowed: at least 2. Default: `3`.
    #[serde(default = "three")]
    eta: u32,
    /// The metric that ranks; smaller is better. It is none of `test`.
    ///
    /// Type: [`Metric`]. Example: `"error_rate/validation"`.
    #[serde(borrow)]
    metric: &'a RawValue,
    /// The axes with a group for each combination of their values.
    ///
    /// Default: `[Algorithm]`.
    #[serde(default = "per_rule")]
    per: Vec<Axis>,
}

fn three() -> u32 {
    3
}

fn per_rule() -> Vec<Axis> {
    vec![Axis::Algorithm]
}

/// Makes `train` the last rung of the halving that is written as `part`. The rungs before are its `rungs`.
pub(super) fn apply<'a>(part: &'a str, train: Train, scope: &mut Scope<'a>) -> Option<Train> {
    scope.parse::<Halving>(part)?.apply(part, train, scope)
}

impl<'a> Halving<'a> {
    fn apply(self, part: &'a str, mut train: Train, scope: &mut Scope<'a>) -> Option<Train> {
        let before = scope.problems.len();
        let epochs = train.training.epochs;
        let at = |field| scope.document.field(part, field);
        let (at_first, at_eta) = (at("first"), at("eta"));
        if self.first.get() >= epochs {
            let message =
                format!("`first`: got {}, allowed: fewer than `epochs`, which are {epochs}", self.first);
            let hint = format!("to try fewer epochs without halving: `--set {}.halving=None`", train.name);
            scope.problem(at_first, message, Some(hint));
        }
        let eta = NonZeroU32::new(self.eta).filter(|eta| eta.get() > 1);
        if eta.is_none() {
            let message = format!("`eta`: got {}, allowed: at least 2", self.eta);
            let hint = "with 2, half of the configurations go on; with 3, a third";
            scope.problem(at_eta, message, Some(hint.into()));
        }
        if train.seeds.len() == 1 {
            let hint = "give the stage at least two `seeds`, or take a grid without `halving`";
            scope.problem(
                part,
                "`halving` with one seed would drop configurations by chance",
                Some(hint.into()),
            );
        }
        let metric = self.metric(&train, scope)?;
        for configuration in train.grid.points.candidates() {
            if configuration.depends_on_length() {
                let what = if configuration.schedule.depends_on_length() {
                    format!("the schedule {}", configuration.schedule.name())
                } else {
                    "the order of layers `OneAfterAnother`".into()
                };
                let warning = format!(
                    "{what} depends on the number of epochs: each rung of `{}` begins again with it",
                    train.name
                );
                if !scope.warnings.contains(&warning) {
                    scope.warnings.push(warning);
                }
            }
        }
        let best = Best::OneOf(eta.filter(|_| scope.problems.len() == before)?);
        let lengths = lengths(self.first.get(), self.eta, epochs);
        let mut rungs: Vec<Arc<Train>> = Vec::new();
        for (number, &epochs) in (1..).zip(&lengths) {
            let mut rung = Train {
                name: format!("{}-rung-{number}", train.name),
                mean_over_seeds: false,
                ..train.clone()
            };
            rung.training.epochs = epochs;
            // The next rung goes on from it.
            rung.keep_state = true;
            rung.grid = self.grid(&rungs, &metric, best, &train.grid);
            rungs.push(Arc::new(rung));
        }
        train.grid = self.grid(&rungs, &metric, best, &train.grid);
        train.rungs = rungs;
        Some(train)
    }

    fn metric(&self, train: &Train, scope: &mut Scope<'a>) -> Option<Metric> {
        let part = written_text(self.metric);
        let metric: Metric = scope.parse(part)?;
        check_metric(&metric, train, part, scope);
        if metric.split() == Some(Split::Test) {
            let hint = "rank by a train or validation metric, and keep the test split for the report";
            scope.problem(part, "halving by test data would select on it", Some(hint.into()));
        }
        Some(metric)
    }

    /// Returns the grid of the rung after `rungs`: the best configurations of the last of them, or all those of `whole`.
    fn grid(&self, rungs: &[Arc<Train>], metric: &Metric, best: Best, whole: &Arc<Grid>) -> Arc<Grid> {
        let Some(last) = rungs.last() else { return Arc::clone(whole) };
        let summarize = Summarize {
            name: last.name.clone(),
            of: vec![Arc::clone(last)],
            metric: metric.clone(),
            epoch: EpochRule::Final,
            rank_by: None,
            best_per: self.per.clone(),
            budget: None,
            baseline: None,
            compare_within: Vec::new(),
            pivot: None,
            expect: Vec::new(),
            publications: Vec::new(),
        };
        let points = Points::BestOf { summarize: Arc::new(summarize), best };
        Arc::new(Grid { name: whole.name.clone(), points })
    }
}

/// Returns the number of epochs of each rung but the last.
fn lengths(first: u32, eta: u32, epochs: u32) -> Vec<u32> {
    let next = |length: &u32| length.checked_mul(eta);
    std::iter::successors(Some(first), next).take_while(|length| *length < epochs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rung_has_eta_times_the_epochs_of_the_one_before() {
        assert_eq!(lengths(1, 3, 27), [1, 3, 9]);
        assert_eq!(lengths(1, 3, 28), [1, 3, 9, 27]);
        assert_eq!(lengths(4, 2, 100), [4, 8, 16, 32, 64]);
        assert_eq!(lengths(1, u32::MAX, u32::MAX), [1]);
    }
}
