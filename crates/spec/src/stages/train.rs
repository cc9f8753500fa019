//! `Train`: every configuration of a grid with every seed, on a dataset.

use data::{DatasetSettings, Scaling};
use ron::value::RawValue;
use serde::Deserialize;
use settings::{Configuration, Metric, Precision, Split, Task, Tracker, TrainingSettings, Trial};
use tuner::EarlyStopping;

use super::{Dataset, Grid, Points, Stage};
use crate::{
    CheckpointRule,
    file::{Scope, written_text},
};

/// As written.
#[derive(Deserialize)]
#[serde(rename = "Train", deny_unknown_fields)]
pub(super) struct Written<'a> {
    /// How other stages and the folder of its trials are called.
    ///
    /// Type: text that can name a folder. Example: `"trials"`.
    #[serde(borrow)]
    pub name: &'a RawValue,
    /// What is trained on.
    ///
    /// Type: name of a `Dataset` above. Example: `"images"`.
    #[serde(borrow)]
    dataset: &'a RawValue,
    /// What is compared.
    ///
    /// Type: name of a `Grid` above. Example: `"rules"`.
    #[serde(borrow)]
    grid: &'a RawValue,
    /// How often a trial sees every training example, unless it ends early.
    ///
    /// Allowed: at least 1. Example: `10`.
    epochs: u32,
    /// Examples that a step learns from; the last batch of an epoch is dropped if it is short.
    ///
    /// Allowed: at least 1. Example: `64`.
    batch_size: u32,
    /// One trial of every configuration for each: of weights, feedback, order, dropout and augmentation.
    ///
    /// Type: list of whole numbers, or how many, counted from 0: `3` is `[0, 1, 2]`. Example: `[0, 1, 2]`.
    #[serde(borrow)]
    seeds: &'a RawValue,
    /// What a network is asked to do.
    #[serde(default)]
    task: Task,
    /// In which arithmetic products with the weights run. `Tf32` is for GPUs: faster, with other roundings.
    #[serde(default)]
    precision: Precision,
    /// Ends trials that stopped improving.
    ///
    /// Type: [`EarlyStopping`].
    #[serde(borrow, default)]
    early_stopping: Option<&'a RawValue>,
    /// A training loss above so many times the first epoch's, or chance level where that is smaller, ends the trial.
    ///
    /// Allowed: above 1. Default: `100.0`.
    #[serde(default)]
    divergence_factor: Option<f64>,
    /// Is a diverged trial a finding, and no failure of the run?
    #[serde(default)]
    may_diverge: bool,
    /// What is measured beside losses and error rates.
    ///
    /// Type: list of [`Tracker`], by their bare names where all settings are at their defaults. Example: `[BpCosine, Memory(every: 1)]`.
    #[serde(borrow, default)]
    trackers: Vec<&'a RawValue>,
    /// Does each configuration get a run with the mean of its seeds in TensorBoard?
    #[serde(default = "yes")]
    mean_over_seeds: bool,
    /// When a trial's state is written, beside when it is interrupted.
    ///
    /// Type: [`CheckpointRule`]. Default: `Every(minutes: 5.0)`.
    #[serde(borrow, default)]
    checkpoint: Option<&'a RawValue>,
    /// How often a trial whose files could not be written is tried again.
    #[serde(default)]
    retries: u32,
}

fn yes() -> bool {
    true
}

/// A trial whose loss grows beyond so many times that of its first epoch counts as diverged, by default.
pub const DIVERGENCE_FACTOR: f64 = 100.0;
/// More trials than anyone can mean.
const MOST_TRIALS: usize = 1_000_000;

/// Trials to train.
#[derive(Clone, Debug)]
pub struct Train {
    /// Of the stage.
    pub name: String,
    /// Name of the dataset's stage.
    pub dataset_name: String,
    /// What is trained on.
    pub dataset: DatasetSettings,
    /// What is compared.
    pub points: Points,
    /// What all trials have in common.
    pub training: TrainingSettings,
    /// One trial of every configuration for each.
    pub seeds: Vec<u64>,
    /// Ends trials that stopped improving.
    pub early_stopping: Option<EarlyStopping>,
    /// A training loss above so many times the first epoch's is divergence.
    pub divergence_factor: f64,
    /// Is a diverged trial a finding, and no failure of the run?
    pub may_diverge: bool,
    /// Does each configuration get a run with the mean of its seeds in TensorBoard?
    pub mean_over_seeds: bool,
    /// When a trial's state is written.
    pub checkpoint: CheckpointRule,
    /// How often a trial whose failure may pass is tried again.
    pub retries: u32,
}

impl Train {
    /// Returns the dataset's stage.
    #[must_use]
    pub fn dataset(&self) -> Dataset {
        Dataset { name: self.dataset_name.clone(), settings: self.dataset.clone() }
    }

    /// How many trials there are; at most, where configurations are chosen later.
    #[must_use]
    pub fn most_trials(&self) -> usize {
        self.points.candidates().len() * self.seeds.len()
    }

    /// Each of `configurations` with every seed, each once.
    #[must_use]
    pub fn trials(&self, configurations: &[Configuration]) -> Vec<Trial> {
        let of = |configuration: &Configuration| {
            let configuration = configuration.clone();
            self.seeds.iter().map(move |&seed| Trial { configuration: configuration.clone(), seed })
        };
        configurations.iter().flat_map(of).collect()
    }

    /// The metrics that its trials measure.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        let splits = [Split::Train, Split::Validation, Split::Test];
        let has = |split: &&Split| **split != Split::Test || self.dataset.holdout > 0.0;
        let mut metrics: Vec<Metric> = splits.iter().filter(has).map(|split| Metric::Loss(*split)).collect();
        if self.training.task == Task::Classification {
            metrics.extend(splits.iter().filter(has).map(|split| Metric::ErrorRate(*split)));
        }
        metrics
    }
}

impl<'a> Written<'a> {
    pub(super) fn check(self, part: &'a str, name: String, scope: &mut Scope<'a>) -> Option<Train> {
        let dataset: Option<Dataset> =
            scope.stage_above(written_text(self.dataset), "Dataset", |stage| match stage {
                Stage::Dataset(dataset) => Some(dataset),
                _ => None,
            });
        let grid: Option<Grid> = scope.stage_above(written_text(self.grid), "Grid", |stage| match stage {
            Stage::Grid(grid) => Some(grid),
            _ => None,
        });
        let before = scope.problems.len();
        for (field, value) in [("epochs", self.epochs), ("batch_size", self.batch_size)] {
            if value == 0 {
                let at = scope.document.field(part, field);
                scope.problem(at, format!("`{field}`: got 0, allowed: at least 1"), None);
            }
        }
        let divergence_factor = self.divergence_factor.unwrap_or(DIVERGENCE_FACTOR);
        if divergence_factor.is_nan() || divergence_factor <= 1.0 {
            let at = scope.document.field(part, "divergence_factor");
            let message = format!("`divergence_factor`: got {divergence_factor:?}, allowed: above 1");
            scope.problem(at, message, None);
        }
        let seeds = seeds(written_text(self.seeds), scope);
        if let Some(grid) = &grid {
            refuse_impossible(&grid.points.candidates(), self.task, written_text(self.grid), scope);
        }
        let trackers = trackers(&self.trackers, scope);
        let checkpoint = match self.checkpoint.map(written_text) {
            None => CheckpointRule::default(),
            Some(part) => {
                let rule = scope.parse::<CheckpointRule>(part)?;
                if let Some(problem) = rule.problem() {
                    let hint = "for example `checkpoint: Every(epochs: 5)`";
                    scope.problem(part, problem, Some(hint.into()));
                }
                rule
            }
        };
        let early_stopping = match self.early_stopping {
            Some(written) => Some(scope.parse::<EarlyStopping>(written_text(written))?),
            None => None,
        };
        let (dataset, grid, seeds) = (dataset?, grid?, seeds?);
        let is_unbounded = matches!(dataset.settings.scaling, Scaling::Identity | Scaling::PerChannel(_));
        if self.task == Task::Reconstruction && is_unbounded {
            let at = scope.document.field(part, "task");
            let hint = "give the dataset `scaling: Standard` or `scaling: ZeroOne`";
            scope.problem(
                at,
                "unscaled pixels cannot be reconstructed by a bounded output",
                Some(hint.into()),
            );
        }
        if self.batch_size == 1
            && grid.points.candidates().iter().any(|configuration| configuration.batch_norm)
        {
            let at = scope.document.field(part, "batch_size");
            scope.problem(
                at,
                "batch norm over a single example leaves nothing",
                Some("take a larger batch".into()),
            );
        }
        let trials = grid.points.candidates().len().saturating_mul(seeds.len());
        if trials > MOST_TRIALS {
            let at = scope.document.field(part, "seeds");
            let message = format!("the stage has {trials} trials, at most {MOST_TRIALS} are allowed");
            scope.problem(at, message, Some("take fewer seeds or configurations".into()));
        }
        let train = Train {
            name,
            dataset_name: dataset.name,
            dataset: dataset.settings,
            points: grid.points,
            training: TrainingSettings {
                task: self.task,
                epochs: self.epochs,
                batch_size: self.batch_size,
                precision: self.precision,
                trackers,
            },
            seeds,
            early_stopping,
            divergence_factor,
            may_diverge: self.may_diverge,
            mean_over_seeds: self.mean_over_seeds,
            checkpoint,
            retries: self.retries,
        };
        if let (Some(rule), Some(written)) = (&train.early_stopping, self.early_stopping) {
            check_metric(&rule.metric, &train, scope.document.field(written_text(written), "metric"), scope);
            if rule.metric.split() == Some(Split::Test) {
                let at = scope.document.field(written_text(written), "metric");
                let hint = "stop on a train or validation metric, and keep the test split for the report";
                scope.problem(at, "early stopping on test data would select on it", Some(hint.into()));
            }
            if !(rule.min_delta >= 0.0 && rule.min_delta.is_finite()) {
                let at = scope.document.field(written_text(written), "min_delta");
                scope.problem(
                    at,
                    format!("`min_delta`: got {:?}, allowed: at least 0", rule.min_delta),
                    None,
                );
            }
        }
        (scope.problems.len() == before).then_some(train)
    }
}

/// Adds a problem unless the trials of `train` measure `metric`.
pub(super) fn check_metric(metric: &Metric, train: &Train, at: &str, scope: &mut Scope<'_>) {
    let metrics = train.metrics();
    if metrics.contains(metric) {
        return;
    }
    let hint = if metric.split() == Some(Split::Test) {
        "without a `holdout` in the dataset, the test split is the validation split".into()
    } else {
        let names: Vec<String> = metrics.iter().map(ToString::to_string).collect();
        crate::file::did_you_mean(&metric.to_string(), &names)
    };
    scope.problem(at, format!("the trials of `{}` do not measure `{metric}`", train.name), Some(hint));
}

/// Each tracker once, in the order of their list.
fn trackers<'a>(parts: &[&'a RawValue], scope: &mut Scope<'a>) -> Vec<Tracker> {
    let mut trackers: Vec<Tracker> = Vec::new();
    for part in parts.iter().map(|part| written_text(part)) {
        match scope.document.parse_variant::<Tracker>(part) {
            Ok(tracker) if trackers.iter().any(|known| known.name() == tracker.name()) => {
                let message = format!("`{}` is listed twice", tracker.name());
                scope.problem(part, message, Some("a tracker measures once: remove one".into()));
            }
            Ok(tracker) => trackers.push(tracker),
            Err(problem) => scope.problems.push(problem),
        }
    }
    trackers.sort_unstable();
    trackers
}

/// `3` for the seeds 0, 1 and 2, or a list of seeds.
fn seeds<'a>(part: &'a str, scope: &mut Scope<'a>) -> Option<Vec<u64>> {
    let seeds: Vec<u64> = if part.starts_with('[') {
        scope.parse(part)?
    } else {
        // One more than allowed is enough to be refused.
        (0..u64::from(scope.parse::<u32>(part)?).min(MOST_TRIALS as u64 + 1)).collect()
    };
    let mut distinct = seeds.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if seeds.is_empty() {
        scope.problem(
            part,
            "`seeds`: got none, allowed: at least one",
            Some("for example `seeds: 3`".into()),
        );
        return None;
    }
    if distinct.len() < seeds.len() {
        scope.problem(
            part,
            "`seeds`: a seed is given twice",
            Some("a seed is trained once: remove it".into()),
        );
        return None;
    }
    Some(seeds)
}

/// Adds a problem for each reason that makes configurations impossible, and a warning for each doubt.
fn refuse_impossible(configurations: &[&Configuration], task: Task, at: &str, scope: &mut Scope<'_>) {
    let mut reasons: Vec<(String, usize)> = Vec::new();
    for configuration in configurations {
        if let Some(reason) = configuration.impossible(task) {
            match reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, count)) => *count += 1,
                None => reasons.push((reason, 1)),
            }
        }
        if let Some(warning) = configuration.warning()
            && !scope.warnings.contains(&warning)
        {
            scope.warnings.push(warning);
        }
    }
    for (reason, count) in reasons {
        let of = format!("{count} of the grid's {} configurations", configurations.len());
        let hint =
            format!("{of} cannot be trained: take the value out of the axis, or use a grid of its own");
        scope.problem(at, reason, Some(hint));
    }
}
