//! Checked stages: plain values that are all allowed.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    num::NonZeroU32,
    sync::Arc,
};

use data::DatasetSettings;
use serde::{Deserialize, Serialize};
use settings::{Algorithm, Axis, Configuration, Metric, Selection, Split, Task, TrainingSettings, Trial};
use tuner::{
    EarlyStopping,
    ranking::{self, Best},
};

use crate::checkpoint_rule::CheckpointRule;

/// A checked stage of a pipeline. Stages share the stages above that they refer to.
#[derive(Clone, Debug)]
pub enum Stage {
    Dataset(Arc<Dataset>),
    Grid(Arc<Grid>),
    Train(Arc<Train>),
    Summarize(Arc<Summarize>),
}

impl Stage {
    pub fn name(&self) -> &str {
        match self {
            Self::Dataset(stage) => &stage.name,
            Self::Grid(stage) => &stage.name,
            Self::Train(stage) => &stage.name,
            Self::Summarize(stage) => &stage.name,
        }
    }

    /// Returns the kind as a pipeline file spells it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dataset(_) => "Dataset",
            Self::Grid(_) => "Grid",
            Self::Train(_) => "Train",
            Self::Summarize(_) => "Summarize",
        }
    }
}

/// Images to train on.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    pub name: String,
    pub settings: DatasetSettings,
}

#[derive(Clone, Debug)]
pub struct Grid {
    pub name: String,
    pub points: Points,
}

/// The configurations of a grid.
#[derive(Clone, Debug)]
pub enum Points {
    /// Every combination of the grid's axes once, in their order.
    Given(Vec<Configuration>),
    /// Points that are drawn from the grid's axes, each once, one rule after the other.
    Drawn { search: Search, configurations: Vec<Configuration> },
    /// The best configurations of each group of a summary, known when the trials of the summary are finished.
    BestOf { summarize: Arc<Summarize>, best: Best },
}

/// A search that draws points from axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    pub method: SearchMethod,
    /// The number of points of each rule, with those that are equal.
    pub count: NonZeroU32,
    pub seed: u64,
}

/// The kind of a search's points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchMethod {
    /// Points that are drawn independently of each other.
    Random,
    /// Points of a scrambled Halton sequence, which leave smaller gaps.
    Quasi,
}

/// Writes `60 random points per rule, seed 0`.
impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, count, seed } = self;
        let kind = match method {
            SearchMethod::Random => "random",
            SearchMethod::Quasi => "quasi-random",
        };
        let points = if count.get() == 1 { "point" } else { "points" };
        write!(f, "{count} {kind} {points} per rule, seed {seed}")
    }
}

impl Points {
    /// Returns every configuration that may be among the points, each once.
    pub fn candidates(&self) -> Vec<&Configuration> {
        match self {
            Self::Given(configurations) | Self::Drawn { configurations, .. } => {
                configurations.iter().collect()
            }
            Self::BestOf { summarize, .. } => {
                let mut seen = HashSet::new();
                let of_stages = summarize.of.iter().flat_map(|train| train.grid.points.candidates());
                of_stages.filter(|configuration| seen.insert(configuration.to_string())).collect()
            }
        }
    }

    /// Returns the summary whose winners the points are.
    pub fn chosen_by(&self) -> Option<&Summarize> {
        match self {
            Self::Given(_) | Self::Drawn { .. } => None,
            Self::BestOf { summarize, .. } => Some(summarize),
        }
    }

    /// Returns the largest number of points.
    pub fn at_most(&self) -> usize {
        match self {
            Self::BestOf { summarize, .. } => self.at_most_per(&summarize.best_per).values().sum(),
            points => points.candidates().len(),
        }
    }

    /// Returns the largest number of points of each combination of values on the axes `per`.
    pub fn at_most_per(&self, per: &[Axis]) -> BTreeMap<String, usize> {
        let (summarize, best) = match self {
            Self::BestOf { summarize, best } if summarize.best_per == per => (summarize, best),
            points => return ranking::group_sizes(points.candidates().into_iter(), per),
        };
        let mut sizes = BTreeMap::new();
        for train in &summarize.of {
            for (group, size) in train.grid.points.at_most_per(per) {
                *sizes.entry(group).or_default() += size;
            }
        }
        sizes.values_mut().for_each(|size| *size = best.of(*size));
        sizes
    }

    /// Returns in words how the points were drawn and chosen, such as `60 random points per rule, seed 0`; nothing for all combinations of
    /// axes and for their winners, one for each group.
    pub fn origin(&self) -> Option<String> {
        let (summarize, best) = match self {
            Self::Given(_) => return None,
            Self::Drawn { search, .. } => return Some(search.to_string()),
            Self::BestOf { summarize, best } => (summarize, best),
        };
        let mut origins: Vec<String> = Vec::new();
        for origin in summarize.of.iter().filter_map(|train| train.whole().grid.points.origin()) {
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        let is_one = *best == Best::ONE;
        let best = format!("{best} of each group of stage {}", summarize.name);
        match origins.as_slice() {
            [] => (!is_one).then_some(best),
            origins => Some(format!("{best}, from {}", origins.join(" and "))),
        }
    }
}

/// Trials to train: configurations, seeds and settings.
#[derive(Clone, Debug)]
pub struct Train {
    pub name: String,
    pub dataset: Arc<Dataset>,
    /// The configurations that are compared.
    pub grid: Arc<Grid>,
    /// The settings that all trials share.
    pub training: TrainingSettings,
    /// The seeds; every configuration has one trial for each.
    pub seeds: Vec<u64>,
    pub early_stopping: Option<EarlyStopping>,
    pub keep_weights: KeptWeights,
    /// Whether the state after the last epoch is stored, from which a trial of more epochs begins.
    pub keep_state: bool,
    /// A training loss above this multiple of the first epoch's loss is divergence.
    pub divergence_factor: f64,
    /// Whether a diverged trial is a finding and not a failure of the run.
    pub may_diverge: bool,
    /// The rungs before, if this is the last one of successive halving: the same stage with fewer epochs and more configurations.
    pub rungs: Vec<Arc<Train>>,
    /// Whether TensorBoard shows the mean over the seeds of each configuration.
    pub mean_over_seeds: bool,
    pub checkpoint: CheckpointRule,
    /// How often a trial is tried again after an error that may pass.
    pub retries: u32,
}

impl Train {
    /// Returns the number of trials; the largest possible number if the configurations are chosen later.
    pub fn most_trials(&self) -> usize {
        self.grid.points.at_most() * self.seeds.len()
    }

    /// Returns the stages whose trials choose the configurations of this one: those on its dataset, or all if the summary between has none
    /// on it.
    pub fn chosen_from(&self) -> impl Iterator<Item = &Train> {
        let chooser = self.grid.points.chosen_by();
        let has_own = chooser.is_some_and(|chooser| chooser.datasets().contains(&self.dataset.name.as_str()));
        let trains = chooser.into_iter().flat_map(|chooser| chooser.of.iter().map(Arc::as_ref));
        trains.filter(move |train| !has_own || train.dataset.name == self.dataset.name)
    }

    /// Returns the stage that trains all configurations of this one: the first rung, or itself without halving.
    pub fn whole(&self) -> &Self {
        self.rungs.first().map_or(self, Arc::as_ref)
    }

    /// Returns the rung before this one, from whose trials its own go on.
    pub fn rung_before(&self) -> Option<&Self> {
        let before = self.grid.points.chosen_by()?.of.first()?;
        self.goes_on_from(before).is_some().then_some(before)
    }

    /// Returns how this stage chooses from `rung`, if that is the rung before it.
    pub fn goes_on_from(&self, rung: &Self) -> Option<(&Summarize, Best)> {
        match &self.grid.points {
            Points::BestOf { summarize, best: best @ Best::OneOf(_) } => {
                let is_before = summarize.of.iter().any(|train| train.name == rung.name);
                is_before.then_some((summarize, *best))
            }
            _ => None,
        }
    }

    /// Returns each of `configurations` with every seed.
    pub fn trials(&self, configurations: &[Configuration]) -> Vec<Trial> {
        let mut trials = Vec::new();
        for configuration in configurations {
            trials
                .extend(self.seeds.iter().map(|&seed| Trial { configuration: configuration.clone(), seed }));
        }
        trials
    }

    /// Returns the metrics that the trials measure, or may measure if only the files decide whether there is a test split.
    pub fn metrics(&self) -> Vec<Metric> {
        let mut splits = vec![Split::Train, Split::Validation];
        if self.dataset.settings.may_have_test_split() {
            splits.push(Split::Test);
        }
        let mut metrics: Vec<Metric> = splits.iter().map(|split| Metric::Loss(*split)).collect();
        if self.training.task == Task::Classification {
            metrics.extend(splits.iter().map(|split| Metric::ErrorRate(*split)));
        }
        metrics
    }
}

/// Tables and a report over trials.
#[derive(Clone, Debug)]
pub struct Summarize {
    pub name: String,
    pub of: Vec<Arc<Train>>,
    /// The metric that is reported; smaller is better.
    pub metric: Metric,
    pub epoch: EpochRule,
    /// The metric that ranks, if it is not the reported one.
    pub rank_by: Option<Metric>,
    /// The axes with one winner for each combination of their values.
    pub best_per: Vec<Axis>,
    /// The number of configurations of each rule on each dataset that count, if not all do.
    pub budget: Option<NonZeroU32>,
    /// The rule whose best configuration the others are compared with.
    pub baseline: Option<Algorithm>,
    /// The axes on which a configuration and the one that it is compared with have the same values.
    pub compare_within: Vec<Axis>,
    /// The axis whose values are the columns of an additional table.
    pub pivot: Option<Axis>,
    pub expect: Vec<Expectation>,
    /// The published tables that expected values are from.
    pub publications: Vec<Publication>,
}

impl Summarize {
    /// Returns the stages that train the trials, each after its rungs.
    pub fn trains(&self) -> impl Iterator<Item = &Train> {
        self.stages().map(|(_, train)| train)
    }

    /// Returns each stage of the summary with its rungs, one after the other, and itself.
    pub fn stages(&self) -> impl Iterator<Item = (&Train, &Train)> {
        self.of.iter().flat_map(|whole| {
            let trains = whole.rungs.iter().chain([whole]);
            trains.map(move |train| (whole.as_ref(), train.as_ref()))
        })
    }

    /// Returns the names of the datasets of the trials, each once.
    pub fn datasets(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for train in self.trains() {
            if !names.contains(&train.dataset.name.as_str()) {
                names.push(&train.dataset.name);
            }
        }
        names
    }

    /// Returns the metric that ranks.
    pub fn ranking_metric(&self) -> &Metric {
        self.rank_by.as_ref().unwrap_or(&self.metric)
    }
}

/// The epoch whose weights a trial keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum KeptWeights {
    /// The weights after the last epoch.
    #[default]
    Last,
    /// The weights after the epoch with the smallest value of this metric, the earliest of equal ones; after the last epoch if no value is
    /// a number.
    Best(Metric),
}

/// The epoch of a trial that counts, or the epochs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum EpochRule {
    /// The last epoch of the trial.
    #[default]
    Final,
    /// The epoch with the smallest value of the ranking metric: `metric`, or `rank_by`.
    Best,
    /// The epoch with the smallest value of this metric.
    BestBy(Metric),
    /// This epoch; a trial that ended before it has no value.
    At {
        /// The number of the epoch, from 1.
        ///
        /// Example: `5`.
        epoch: u32,
    },
    /// The mean over this many last epochs, or over all epochs of a trial that ended before. A trial has no value if one of
    /// these epochs has no finite value. No epoch is chosen by its value, so test metrics are allowed.
    ///
    /// Allowed: at least 1, at most the epochs that are trained. Example: `10`.
    MeanOfLast(u32),
}

/// Published values that are compared with ours.
#[expect(clippy::large_enum_variant, reason = "one at a time is read, and none is kept")]
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Expected {
    /// One value. `(of: ...)` means `Value(of: ...)`.
    Value(Expectation),
    /// All values of a published table.
    Table(ExpectedTable),
}

/// A published value that is compared with ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The configurations with these values; the best of them is compared.
    ///
    /// Example: `(algorithm: Dfa)`.
    #[serde(rename = "of")]
    pub chosen: Selection,
    /// The dataset of these configurations, where the trials have several.
    ///
    /// Type: name of a `Dataset` stage. Default: `None`. Example: `"images"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// The published value of the metric.
    ///
    /// Example: `13.5`.
    pub value: f64,
    /// The allowed distance of our mean over seeds from the published value.
    ///
    /// Allowed: above 0. Example: `1.2`.
    pub within: f64,
    /// The publication.
    ///
    /// Example: `"Nøkland 2016, table 2"`.
    pub source: String,
    /// The published standard deviation over trials.
    ///
    /// Default: `None`. Example: `0.3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sd: Option<f64>,
    /// The number of trials behind the published value.
    ///
    /// Default: `None`. Example: `10`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
}

/// A published table that is compared with ours.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedTable {
    /// The table, as `PAPER/TABLE`: of the papers that this program knows, or of `published/PAPER.ron` next to the pipeline file or next to
    /// a folder above it.
    ///
    /// Example: `"drtp-2021/mnist"`.
    pub name: String,
    /// The dataset of the table, where the trials have several.
    ///
    /// Type: name of a `Dataset` stage. Default: `None`. Example: `"images"`.
    #[serde(default)]
    pub dataset: Option<String>,
    /// The allowed distance of our means over seeds from the published values. A larger difference between two published trials takes its
    /// place.
    ///
    /// Allowed: above 0. Example: `0.25`.
    pub within: f64,
    /// The allowed distance in published standard deviations, where that is more than `within`.
    ///
    /// Allowed: at least 0. Example: `2.5`.
    #[serde(default)]
    pub deviations: f64,
}

/// The provenance of the values of a published table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Publication {
    /// The name in a pipeline file: `drtp-2021/mnist`.
    pub name: String,
    /// The authors, the year, and where to find the paper.
    pub paper: String,
    /// The short form of the paper: `Frenkel et al. 2021`.
    pub cite: String,
    /// The table of the paper.
    pub table: String,
    /// The place where the numbers were read.
    pub read_from: String,
    pub settings: String,
    /// The number of trials behind each mean.
    pub trials: u32,
}
