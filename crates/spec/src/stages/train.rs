//! `Train`: every configuration of a grid with every seed, on a dataset.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use data::Scaling;
use ron::value::RawValue;
use serde::Deserialize;
use settings::{Configuration, Metric, Precision, Split, Task, Tracker, TrainingSettings};
use tuner::EarlyStopping;

use crate::{
    checkpoint_rule::CheckpointRule,
    problem::did_you_mean,
    scope::{Scope, written_text},
    stage::{Dataset, Grid, KeptWeights, Train},
};

/// A train stage as it is written.
#[derive(Deserialize)]
#[serde(rename = "Train", deny_unknown_fields)]
pub(super) struct Written<'a> {
    /// The name that other stages refer to, and the folder of the trials.
    ///
    /// Type: text that can name a folder. Example: `"trials"`.
    #[serde(borrow)]
    pub name: &'a RawValue,
    /// The images to train on.
    ///
    /// Type: name of a `Dataset` above. Example: `"images"`.
    #[serde(borrow)]
    pub dataset: &'a RawValue,
    /// The configurations to compare.
    ///
    /// Type: name of a `Grid` above. Example: `"rules"`.
    #[serde(borrow)]
    pub grid: &'a RawValue,
    /// The number of epochs of a trial, unless it ends early.
    ///
    /// Allowed: at least 1. Example: `10`.
    epochs: u32,
    /// The number of examples per training step; the last batch of an epoch is dropped if it is shorter. To compare batch sizes,
    /// give the grid an axis `batch_size` instead.
    ///
    /// Allowed: at least 1. Required: unless the grid has the axis. Example: `64`.
    #[serde(default)]
    batch_size: Option<u32>,
    /// The seeds of weights, feedback, order, dropout and augmentation; every configuration has one trial for each seed.
    ///
    /// Type: list of whole numbers, or how many, counted from 0: `3` is `[0, 1, 2]`. Example: `[0, 1, 2]`.
    #[serde(borrow)]
    seeds: &'a RawValue,
    /// The task of the network.
    #[serde(default)]
    task: Task,
    /// The arithmetic of products with the weights. `Tf32` is for GPUs: faster, with other rounding.
    #[serde(default)]
    precision: Precision,
    /// Ends trials that stopped improving.
    ///
    /// Type: [`EarlyStopping`].
    #[serde(borrow, default)]
    early_stopping: Option<&'a RawValue>,
    /// The epoch whose weights are stored and exported: the last one, or the best one by a metric, as Keras' `restore_best_weights`. Training
    /// goes on from the last.
    ///
    /// Default: `Last`.
    #[serde(default)]
    keep_weights: KeptWeights,
    /// Whether the optimizer's state after the last epoch is stored, from which a trial of more epochs continues instead of beginning
    /// again. With Adam, it has twice the size of the weights, and three times if `keep_weights` stores those of an earlier epoch.
    #[serde(default = "yes")]
    keep_state: bool,
    /// A trial ends as diverged when its training loss exceeds this multiple of the first epoch's loss, or of chance level if
    /// that is smaller.
    ///
    /// Allowed: above 1. Default: `100.0`.
    #[serde(default)]
    divergence_factor: Option<f64>,
    /// Whether a diverged trial is a finding and not a failure of the run.
    #[serde(default)]
    may_diverge: bool,
    /// Further measurements, in addition to losses and error rates.
    ///
    /// Type: list of [`Tracker`], by their bare names if all settings are at their defaults. Example: `[BpCosine, Memory(every: 1)]`.
    #[serde(borrow, default)]
    trackers: Vec<&'a RawValue>,
    /// Drops configurations step by step instead of training all of them to the end.
    ///
    /// Type: [`Halving`]. Default: `None`. Example: `(first: 3, metric: "error_rate/validation")`.
    #[serde(borrow, default)]
    pub halving: Option<&'a RawValue>,
    /// Whether TensorBoard shows the mean over the seeds of each configuration.
    #[serde(default = "yes")]
    mean_over_seeds: bool,
    /// When a trial's state is written, in addition to when the trial is interrupted.
    ///
    /// Type: [`CheckpointRule`]. Default: `Every(minutes: 5.0)`.
    #[serde(borrow, default)]
    checkpoint: Option<&'a RawValue>,
    /// How often a trial is tried again after its files could not be written.
    #[serde(default)]
    retries: u32,
}

fn yes() -> bool {
    true
}

/// The default of `divergence_factor`.
pub const DIVERGENCE_FACTOR: f64 = 100.0;
/// The largest number of trials of one stage.
const MOST_TRIALS: usize = 1_000_000;

impl<'a> Written<'a> {
    /// Checks the stage; `dataset` and `grid` are the stages that are named, if they could be found.
    pub(super) fn check(
        self,
        part: &'a str,
        name: String,
        dataset: Option<Arc<Dataset>>,
        grid: Option<Arc<Grid>>,
        scope: &mut Scope<'a>,
    ) -> Option<Train> {
        let before = scope.problems.len();
        for (field, value) in [("epochs", Some(self.epochs)), ("batch_size", self.batch_size)] {
            if value == Some(0) {
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
            let candidates = grid.points.candidates();
            refuse_impossible(&candidates, self.task, written_text(self.grid), scope);
            warn_of_schedules(&candidates, self.epochs, scope);
            self.check_batch_size(part, grid, &candidates, scope);
            self.check_batch_norm(part, &candidates, scope);
        }
        let trackers = trackers(&self.trackers, scope);
        if let Some(grid) = &grid {
            warn_of_trackers(&trackers, &grid.points.candidates(), scope);
        }
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
            let message = "unscaled pixels cannot be reconstructed by a bounded output";
            scope.problem(at, message, Some(hint.into()));
        }
        let trials = grid.points.candidates().len().saturating_mul(seeds.len());
        if trials > MOST_TRIALS {
            let at = scope.document.field(part, "seeds");
            let message = format!("the stage has {trials} trials, at most {MOST_TRIALS} are allowed");
            scope.problem(at, message, Some("take fewer seeds or configurations".into()));
        }
        let train = Train {
            name,
            dataset,
            grid,
            training: TrainingSettings {
                task: self.task,
                epochs: self.epochs,
                batch_size: self.batch_size,
                precision: self.precision,
                trackers,
            },
            seeds,
            early_stopping,
            keep_weights: self.keep_weights,
            keep_state: self.keep_state,
            divergence_factor,
            may_diverge: self.may_diverge,
            rungs: Vec::new(),
            mean_over_seeds: self.mean_over_seeds,
            checkpoint,
            retries: self.retries,
        };
        if let KeptWeights::Best(metric) = &train.keep_weights {
            let at = scope.document.field(part, "keep_weights");
            check_metric(metric, &train, at, scope);
            if metric.split() == Some(Split::Test) {
                let hint = "choose the epoch by a train or validation metric, and keep the test split for the report";
                scope.problem(at, "the best weights by test data would be selected on it", Some(hint.into()));
            }
        }
        if let (Some(rule), Some(written)) = (&train.early_stopping, self.early_stopping) {
            check_metric(&rule.metric, &train, scope.document.field(written_text(written), "metric"), scope);
            if rule.metric.split() == Some(Split::Test) {
                let at = scope.document.field(written_text(written), "metric");
                let hint = "stop on a train or validation metric, and keep the test split for the report";
                scope.problem(at, "early stopping on test data would select on it", Some(hint.into()));
            }
            if !(rule.min_delta >= 0.0 && rule.min_delta.is_finite()) {
                let at = scope.document.field(written_text(written), "min_delta");
                let message = format!("`min_delta`: got {:?}, allowed: at least 0", rule.min_delta);
                scope.problem(at, message, None);
            }
        }
        (scope.problems.len() == before).then_some(train)
    }

    /// Adds a problem unless each of the `candidates` of `grid` has one batch size: its own, or that of the stage.
    fn check_batch_size(
        &self,
        part: &'a str,
        grid: &Grid,
        candidates: &[&Configuration],
        scope: &mut Scope<'a>,
    ) {
        let name = &grid.name;
        let summary = grid.points.chosen_by().map(|summarize| &summarize.name);
        let with_own = candidates.iter().filter(|configuration| configuration.batch_size.is_some()).count();
        let is_own = with_own > 0;
        let (at, message, hint) = match (self.batch_size, summary) {
            (_, None) if is_own && with_own < candidates.len() => (
                written_text(self.grid),
                format!("some configurations of the grid `{name}` have a batch size, others have none"),
                "take `None` out of the axis `batch_size`".into(),
            ),
            (_, Some(summary)) if is_own && with_own < candidates.len() => (
                written_text(self.grid),
                format!("some winners of `{summary}` may have a batch size of their own, others none"),
                format!("give the axis `batch_size` to the grids of all stages in `{summary}`, or to none"),
            ),
            (Some(_), None) if is_own => (
                scope.document.field(part, "batch_size"),
                format!("`batch_size` is given here and as an axis of the grid `{name}`"),
                "leave the field out here, or the axis there".into(),
            ),
            (Some(_), Some(summary)) if is_own => (
                scope.document.field(part, "batch_size"),
                format!("`batch_size` is given here, but the winners of `{summary}` have batch sizes"),
                "leave the field out: each winner trains with its own batch size".into(),
            ),
            (None, None) if !is_own => (
                &part[part.len() - 1..],
                format!("the field `batch_size` of Train is missing, and the grid `{name}` has no such axis"),
                format!("add `batch_size: 64` here, or `batch_size: [32, 64]` to the axes of `{name}`"),
            ),
            (None, Some(summary)) if !is_own => (
                &part[part.len() - 1..],
                format!(
                    "the field `batch_size` of Train is missing, and the winners of `{summary}` have none"
                ),
                "add `batch_size: 64`".into(),
            ),
            _ => return,
        };
        scope.problem(at, message, Some(hint));
    }

    /// Adds a problem if one of the `candidates` has batch norm over one example.
    fn check_batch_norm(&self, part: &'a str, candidates: &[&Configuration], scope: &mut Scope<'a>) {
        let size = |configuration: &Configuration| configuration.batch_size.or(self.batch_size);
        if candidates.iter().any(|configuration| configuration.batch_norm && size(configuration) == Some(1)) {
            let of_stage = scope.document.field(part, "batch_size");
            let at = if self.batch_size.is_some() { of_stage } else { written_text(self.grid) };
            let message = "batch norm over a single example leaves nothing";
            scope.problem(at, message, Some("take a larger batch".into()));
        }
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
        did_you_mean(&metric.to_string(), &names)
    };
    scope.problem(at, format!("the trials of `{}` do not measure `{metric}`", train.name), Some(hint));
}

/// Reads the trackers, each once, and sorts them as the list of trackers does.
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

/// Adds a warning for each tracker that measures nothing of any configuration.
fn warn_of_trackers(trackers: &[Tracker], configurations: &[&Configuration], scope: &mut Scope<'_>) {
    for tracker in trackers {
        if !configurations.iter().any(|configuration| tracker.applies_to(configuration.algorithm)) {
            let name = tracker.name();
            let rules: BTreeSet<&str> =
                configurations.iter().map(|configuration| configuration.algorithm.name()).collect();
            let rules: Vec<&str> = rules.into_iter().collect();
            scope.warnings.push(format!("the tracker {name} measures nothing of {}", rules.join(", ")));
        }
    }
}

/// Reads a number, such as `3` for the seeds 0, 1 and 2, or a list of seeds.
fn seeds<'a>(part: &'a str, scope: &mut Scope<'a>) -> Option<Vec<u64>> {
    let seeds: Vec<u64> = if part.starts_with('[') {
        scope.parse(part)?
    } else {
        // More seeds than allowed are refused below; one more is enough for that.
        (0..u64::from(scope.parse::<u32>(part)?).min(MOST_TRIALS as u64 + 1)).collect()
    };
    let (message, hint) = if seeds.is_empty() {
        ("`seeds`: got none, allowed: at least one", "for example `seeds: 3`")
    } else if seeds.iter().collect::<HashSet<_>>().len() < seeds.len() {
        ("`seeds`: a seed is given twice", "a seed is trained once: remove it")
    } else {
        return Some(seeds);
    };
    scope.problem(part, message, Some(hint.into()));
    None
}

/// Adds a warning for each schedule that names an epoch which is not trained, and for layers without an epoch in which they learn.
fn warn_of_schedules(configurations: &[&Configuration], epochs: u32, scope: &mut Scope<'_>) {
    for configuration in configurations {
        let (schedule, layers) = (&configuration.schedule, configuration.hidden.len());
        if configuration.share(1, epochs).is_some() && (epochs as usize) < layers {
            let warning = format!(
                "layers learn one after another, so with fewer epochs ({epochs}) than hidden layers ({layers}) some never learn"
            );
            if !scope.warnings.contains(&warning) {
                scope.warnings.push(warning);
            }
        }
        if let Some(beyond) = schedule.beyond(epochs) {
            let warning = format!(
                "the schedule {} changes the rate after epoch {beyond}, but trials end after epoch {epochs}",
                schedule.name()
            );
            if !scope.warnings.contains(&warning) {
                scope.warnings.push(warning);
            }
        }
    }
}

/// Adds a problem for each reason why configurations are impossible, and the warnings about configurations.
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
