//! The input of a report: final values, in which nothing is left to choose or to test.

use statistics::{Comparison, Description};

/// Everything that the files of one summary are made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Study {
    pub pipeline: String,
    /// The name of the summary's stage.
    pub stage: String,
    pub settings: Vec<Setting>,
    /// The images of the trials, one entry for each dataset.
    pub images: Vec<Images>,
    /// The metric that ranks the rows, if it is not the reported one.
    pub ranked_by: Option<Criterion>,
    pub reported: Criterion,
    /// The reported quantity on the test split, if tables show it next to the reported one: `error_rate/test`.
    pub test_metric: Option<String>,
    /// The metric by which successive halving dropped configurations, if it did.
    pub halved_by: Option<String>,
    /// The axes on which each configuration and its baseline have the same values.
    pub compared_within: Vec<&'static str>,
    /// The axis whose values are the columns of an additional table with a row for each rule.
    pub pivot: Option<&'static str>,
    /// Warnings to the reader, for example that the table selects on the split that it reports on.
    pub notes: Vec<String>,
    /// The configurations of one dataset after the other, best first; configurations without a rank come last. Ranks and comparisons are
    /// those within a dataset.
    pub rows: Vec<Row>,
    /// The configurations that were tried before those of the rows were chosen, with their trials but without values; `dataset` is that of
    /// the rows. Empty if no search chose them.
    pub search: Vec<Row>,
    pub expectations: Vec<Expectation>,
    /// The provenance of each published table, by the table's name.
    pub publications: Vec<Setting>,
    pub pictures: Vec<Picture>,
    pub provenance: Provenance,
}

/// A dataset in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// The source, the number of images, the classes, and the origin of each split.
    pub account: String,
    /// The facts that change how results must be read, without a full stop.
    pub warnings: Vec<String>,
}

/// A name and a value in words: `dataset` and `Fashion-MNIST, 60,000 training and 10,000 validation images`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub name: String,
    pub value: String,
}

/// A metric at an epoch, or over several epochs, of each trial. Smaller is better.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Criterion {
    /// The metric's tag: `error_rate/validation`.
    pub metric: String,
    /// The epoch in words: `last epoch`, `best epoch by loss/validation`, `epoch 50`, `mean of the last 10 epochs`.
    pub epoch: String,
}

impl Criterion {
    /// Returns ` %` for error rates, which are percentages, and nothing for other metrics.
    pub fn unit(&self) -> &'static str {
        if self.metric.starts_with("error_rate/") { " %" } else { "" }
    }

    /// Returns the number of digits after the point that are worth printing.
    pub fn decimals(&self) -> usize {
        if self.metric.starts_with("error_rate/") { 2 } else { 4 }
    }
}

/// A configuration with its trials.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// The name of the train stage.
    pub stage: String,
    /// The name of the dataset's stage.
    pub dataset: String,
    pub configuration: Configuration,
    /// The rank, from 1. A configuration is ranked if every seed gave a value: a mean over the seeds that survived would favor it.
    pub rank: Option<u32>,
    /// The number of trials that were asked for.
    pub seeds: usize,
    pub diverged: usize,
    pub failed: usize,
    /// The number of trials that were not trained yet.
    pub missing: usize,
    /// The reported quantity over the seeds that have it.
    pub value: Option<Description>,
    /// The quantity that ranks, if it is another one.
    pub ranked_by: Option<Description>,
    pub test: Option<Description>,
    /// The difference to the baseline; absent for the baseline itself, and where no baseline was asked for.
    pub versus: Option<Versus>,
    pub is_baseline: bool,
    /// The group of configurations of which the best one is shown in charts: `dfa`, or `dfa, batch norm` if groups are formed by several
    /// axes.
    pub group: String,
    /// The group in which it is the best configuration.
    pub best_of: Option<String>,
    /// The rung at which successive halving dropped it. It has no value then.
    pub dropped: Option<Dropped>,
    /// The number of mini-batches of an epoch; absent where it is not known.
    pub steps_per_epoch: Option<u64>,
    /// The trials, by seed.
    pub trials: Vec<Trial>,
}

/// The rung at which successive halving dropped a configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropped {
    /// The number of epochs that it was trained.
    pub epochs: u32,
    /// Its place in its group, from 1, and the mean that it was ranked by; absent if not all its seeds have a value.
    pub place: Option<(usize, f64)>,
    /// The number of configurations of its group.
    pub of: usize,
    /// The number of them that could go on.
    pub go_on: usize,
}

/// A difference to the baseline, over common seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Versus {
    pub comparison: Comparison,
    /// The p value of the t test after Holm's correction over the table.
    pub corrected: Option<f64>,
}

/// A point of a grid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    /// The name of its folders: `dfa-2x500-tanh-lr0.001`.
    pub slug: String,
    /// The name in texts: `dfa 2x500 tanh lr0.001`.
    pub label: String,
    /// The name of the learning rule: `dfa`.
    pub algorithm: String,
    /// The name of the learning rule in papers: `DFA`.
    pub rule: String,
    /// The name of every axis, the algorithm included, and the value on it; in one order for all rows. A value is absent where the axis
    /// does not apply.
    pub axes: Vec<(&'static str, Option<AxisValue>)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum AxisValue {
    Number(f64),
    Text(String),
}

/// A configuration with one seed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trial {
    pub seed: u64,
    pub end: End,
    /// The number of epochs that it trained.
    pub epochs: u32,
    /// The epoch that is reported; absent for a mean over several epochs.
    pub epoch: Option<u32>,
    /// The reported quantity, at that epoch or as a mean over several.
    pub value: Option<f64>,
    /// The quantity that ranks, from the same epochs, if it is another one.
    pub ranked_by: Option<f64>,
    /// The quantity on the test split, from the same epochs.
    pub test: Option<f64>,
    /// The training time in seconds, on the machine that trained it.
    pub seconds: Option<f64>,
    /// The key of its result in the store.
    pub key: String,
    /// The name of its training: a trial that continues a shorter one has the same.
    pub training: String,
    /// Whether longer trials of its training have continued it, if there are some.
    pub is_continued: bool,
    /// The history of each metric.
    pub series: Vec<Series>,
}

/// The way in which a trial ended, with the reason where it gave no result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// It was not trained yet.
    #[default]
    Missing,
    Failed(String),
    Finished,
    /// Early stopping ended it.
    Stopped,
    Diverged(String),
}

/// A metric over the epochs of a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The metric's tag: `loss/train`, `layer_2/bp_cosine`, `network/activation_bytes`, `machine/seconds`.
    pub metric: String,
    /// Pairs of epoch, from 1, and value, by epoch; epochs may be left out.
    pub points: Vec<(u32, f64)>,
}

/// A published value and the one of this study.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The configurations that it is about, in words.
    pub of: String,
    pub published: Published,
    /// The largest allowed distance to the published value.
    pub tolerance: f64,
    pub source: String,
    /// The value over all seeds; absent where a seed has none.
    pub ours: Option<Description>,
    pub verdict: Verdict,
    /// The reason why it cannot be compared, if there is one other than missing trials.
    pub reason: Option<String>,
}

/// A published mean, with as much as is known of its trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    pub mean: f64,
    /// The sample standard deviation.
    pub deviation: Option<f64>,
    /// The number of trials.
    pub count: Option<u32>,
}

/// The outcome of an expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Fail,
    /// Some of its trials are missing, or they were trained on other images.
    NotRun,
}

impl Verdict {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::NotRun => "NOT RUN",
        }
    }
}

/// A picture that a trial wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// A description such as `originals above reconstructions`.
    pub caption: String,
    pub algorithm: String,
    /// The bytes of a PNG.
    pub png: Vec<u8>,
}

/// How the study was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    pub command: String,
    /// The text of the pipeline file.
    pub text: String,
    /// The version and the commit of each build of the program that took part.
    pub builds: Vec<String>,
    /// The hash of each dataset, by the name of its stage.
    pub datasets: Vec<Setting>,
    /// Each machine that took part: `node-1: cpu, AMD EPYC 7B13, Linux 6.1`.
    pub machines: Vec<String>,
    pub seeds: Vec<u64>,
}
