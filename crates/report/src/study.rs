//! What a report is told.

use statistics::{Comparison, Description};

/// Everything that the files of one summary are made from. Values are final: nothing is chosen or tested here.
#[derive(Clone, Debug, PartialEq)]
pub struct Study {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Name of the summary's stage.
    pub stage: String,
    /// What was done, item by item, in words: dataset, splits, task, epochs, batch size, seeds, early stopping.
    pub settings: Vec<Setting>,
    /// What the rows are ranked by, where that is not what is reported.
    pub ranked_by: Option<Criterion>,
    /// What is reported.
    pub reported: Criterion,
    /// The quantity on the test split that stands beside the reported one, where there is one: `error_rate/test`.
    pub test_metric: Option<String>,
    /// What a reader has to know, for example that the table selects on the split that it reports on.
    pub notes: Vec<String>,
    /// The configurations, best first; those without a rank come last.
    pub rows: Vec<Row>,
    /// Published values, beside ours.
    pub expectations: Vec<Expectation>,
    /// Originals and reconstructions, or whatever was shown while training.
    pub pictures: Vec<Picture>,
    /// How to do it again.
    pub provenance: Provenance,
}

/// A line of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// For example `dataset`.
    pub name: String,
    /// For example `Fashion-MNIST, 60,000 training and 10,000 validation images, 28x28, 10 classes`.
    pub value: String,
}

/// A metric at an epoch of each trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Criterion {
    /// The metric's tag: `error_rate/validation`. Smaller is better.
    pub metric: String,
    /// Which epoch, in words: `last epoch`, `best epoch by loss/validation`, `epoch 50`.
    pub epoch: String,
}

impl Criterion {
    /// ` %` for error rates, which are percentages, and nothing for other metrics.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        if self.metric.starts_with("error_rate/") { " %" } else { "" }
    }

    /// Digits after the point that are worth printing.
    #[must_use]
    pub fn decimals(&self) -> usize {
        if self.metric.starts_with("error_rate/") { 2 } else { 4 }
    }
}

/// A configuration with what its seeds amount to.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Name of the train stage.
    pub stage: String,
    /// What was trained.
    pub configuration: Configuration,
    /// From 1; absent unless every seed gave a value: a mean over survivors is no rival.
    pub rank: Option<u32>,
    /// How many seeds were asked for.
    pub seeds: usize,
    /// Those that diverged.
    pub diverged: usize,
    /// Those that failed.
    pub failed: usize,
    /// Those that were not trained yet.
    pub missing: usize,
    /// The reported quantity over the seeds that have it.
    pub value: Option<Description>,
    /// What it is ranked by, where that is another quantity.
    pub ranked_by: Option<Description>,
    /// The test quantity, where there is one.
    pub test: Option<Description>,
    /// Against the baseline; absent for the baseline itself, and where none was asked for.
    pub versus: Option<Versus>,
    /// Is it what the others are compared with?
    pub is_baseline: bool,
    /// What it is the best of: `dfa`, or `dfa, batch norm` where winners were asked for by several axes.
    pub best_of: Option<String>,
    /// The number of mini-batches of an epoch; absent where it is not known.
    pub steps_per_epoch: Option<u64>,
    /// Its trials, by seed.
    pub trials: Vec<Trial>,
}

/// Against the baseline, over common seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Versus {
    /// The paired comparison.
    pub comparison: Comparison,
    /// The t test's p after Holm's correction over the table.
    pub corrected: Option<f64>,
}

/// A point of a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// For folders: `dfa-2x500-tanh-lr0.001`.
    pub slug: String,
    /// For people: `dfa 2x500 tanh lr0.001`.
    pub label: String,
    /// The learning rule: `dfa`.
    pub algorithm: String,
    /// The value on every axis by its name, the algorithm included, in one order for all rows; absent where it does not apply.
    pub axes: Vec<(&'static str, Option<AxisValue>)>,
}

/// A value on an axis.
#[derive(Clone, Debug, PartialEq)]
pub enum AxisValue {
    /// A learning rate, a share.
    Number(f64),
    /// A rule, an activation, the units of the hidden layers.
    Text(String),
}

/// A configuration with one seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The seed.
    pub seed: u64,
    /// How it ended.
    pub end: End,
    /// Epochs it trained.
    pub epochs: u32,
    /// The epoch that counts.
    pub epoch: Option<u32>,
    /// The reported quantity at that epoch.
    pub value: Option<f64>,
    /// What it is ranked by, where that is another quantity.
    pub ranked_by: Option<f64>,
    /// The test quantity at that epoch.
    pub test: Option<f64>,
    /// How long it trained, in seconds, on the machine that trained it.
    pub seconds: Option<f64>,
    /// The key of its artifact.
    pub key: String,
    /// What was measured, epoch by epoch, a series for each metric.
    pub series: Vec<Series>,
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It was not trained yet.
    Missing,
    /// It gave no result, with the reason.
    Failed(String),
    /// It trained all epochs.
    Finished,
    /// It stopped improving.
    Stopped,
    /// Its numbers left all bounds, with the reason.
    Diverged(String),
}

/// A metric over the epochs of a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its tag: `loss/train`, `layer_2/bp_cosine`, `network/activation_bytes`, `machine/seconds`.
    pub metric: String,
    /// Epoch, from 1, and value, in the order of epochs; epochs may be left out.
    pub points: Vec<(u32, f64)>,
}

/// A published value and ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Which configurations, in words.
    pub of: String,
    /// The published value.
    pub published: f64,
    /// How far ours may be from it.
    pub tolerance: f64,
    /// Where it was published.
    pub source: String,
    /// Ours: the mean over seeds.
    pub ours: Option<f64>,
    /// Is ours near enough?
    pub verdict: Verdict,
}

/// What comes of an expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Within the tolerance.
    Pass,
    /// Outside of it.
    Fail,
    /// Trials are missing.
    NotRun,
}

/// A picture that a trial wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// What it shows, for example `originals above, reconstructions below`.
    pub caption: String,
    /// The learning rule that wrote it.
    pub algorithm: String,
    /// The bytes of a PNG.
    pub png: Vec<u8>,
}

/// How the study was made and can be made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The command.
    pub command: String,
    /// The pipeline file as it was read.
    pub text: String,
    /// Version and commit of the program: of all that took part.
    pub builds: Vec<String>,
    /// Machines, devices and processors that took part: `node-1: cpu, AMD EPYC 7B13, Linux 6.1`.
    pub machines: Vec<String>,
    /// Seeds.
    pub seeds: Vec<u64>,
}
