//! What of a pipeline is done, and what would run?

use std::{collections::HashSet, sync::OnceLock, thread};

use settings::{Configuration, Device, Trial};
use tuner::ranking;

use crate::{Context, Error};
use results::{
    summary::{self, Winner},
    trial::{DATASET, PlannedTrial, TRIAL, dataset_key_text, trial_key_text},
};
use spec::{Pipeline, Points, Stage, Train};
use store::{FieldDifference, Key, Name, StoreError};

/// The state of one stage.
#[derive(Clone, Debug)]
pub enum StagePlan {
    /// Prepared images.
    Dataset {
        /// Of the stage.
        name: String,
        /// Was it ever loaded with these settings from these files?
        done: bool,
    },
    /// Configurations; there is nothing to do for them.
    Grid {
        /// Of the stage.
        name: String,
        /// How many, or how many may be chosen.
        configurations: usize,
        /// Name of the summary whose winners they are.
        chosen_by: Option<String>,
    },
    /// Trials.
    Train {
        /// Of the stage.
        name: String,
        /// Every trial of the stage; none while its configurations are not chosen.
        trials: Vec<PlannedTrial>,
        /// What its configurations wait for.
        waiting: Option<Waiting>,
    },
    /// A table.
    Summarize {
        /// Of the stage.
        name: String,
        /// Is the table of these trials there?
        done: bool,
        /// How many of its trials are not finished; none where that is not known, because a grid is not chosen.
        waiting_for: Option<usize>,
    },
}

/// Trials that a grid's configurations are chosen by are not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Name of the summary that chooses.
    pub summary: String,
    /// How many of its trials are not finished; none where they are not chosen themselves.
    pub trials: Option<usize>,
}

/// The configurations of a train stage, as far as they are known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Settled {
    /// All of them.
    Known {
        configurations: Vec<Configuration>,
        /// What has no winner, because no configuration of it finished with all seeds.
        without_winner: Vec<String>,
    },
    Waiting(Waiting),
}

/// What a pipeline reaches.
#[derive(Clone, Debug, Default)]
pub struct Reached {
    /// The names of its datasets and trials.
    pub names: HashSet<Name>,
    /// Is that all? A grid that is not chosen yet reaches more.
    pub is_complete: bool,
}

/// The configurations of `train`, where `trials_of` knows the trials of the stages above it; none of those that are not chosen.
///
/// # Errors
/// If a trial's files cannot be read.
pub(crate) fn settle<'a>(
    train: &Train,
    trials_of: impl Fn(&Train) -> Option<&'a [PlannedTrial]>,
) -> Result<Settled, Error> {
    let summarize = match &train.points {
        Points::Given(configurations) => {
            return Ok(Settled::Known { configurations: configurations.clone(), without_winner: Vec::new() });
        }
        Points::BestOf(summarize) => summarize,
    };
    let waiting = |trials| Ok(Settled::Waiting(Waiting { summary: summarize.name.clone(), trials }));
    let Some(trials) = summarize.of.iter().map(trials_of).collect::<Option<Vec<&[PlannedTrial]>>>() else {
        return waiting(None);
    };
    match trials.iter().copied().flatten().filter(|trial| trial.artifact.is_none()).count() {
        0 => {}
        missing => return waiting(Some(missing)),
    }
    let winners = summary::winners(summarize, &trials)?;
    let groups = trials.iter().copied().flatten();
    let mut without_winner: Vec<String> =
        groups.map(|planned| ranking::group(&planned.trial.configuration, &summarize.best_per)).collect();
    without_winner.sort_unstable();
    without_winner.dedup();
    without_winner.retain(|group| winners.iter().all(|winner| winner.best_of != *group));
    let mut configurations: Vec<Configuration> = Vec::new();
    for Winner { configuration, .. } in winners {
        // Two stages of one summary may have the same winner.
        if !configurations.contains(&configuration) {
            configurations.push(configuration);
        }
    }
    Ok(Settled::Known { configurations, without_winner })
}

/// What `work` makes of each item, in their order, or the first error in that order; on all cores where there are many.
fn in_parallel<T: Send, R: Send, E: Send>(
    items: Vec<T>,
    work: impl Fn(T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    /// Fewer are not worth a thread.
    const WORTH_A_THREAD: usize = 500;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let length = items.len().div_ceil(cores).max(WORTH_A_THREAD);
    let mut parts: Vec<Vec<T>> = Vec::new();
    let mut items = items.into_iter();
    loop {
        let part: Vec<T> = items.by_ref().take(length).collect();
        if part.is_empty() {
            break;
        }
        parts.push(part);
    }
    let of_part = |part: Vec<T>| part.into_iter().map(&work).collect::<Result<Vec<R>, E>>();
    let done: Vec<Result<Vec<R>, E>> = if parts.len() <= 1 {
        parts.into_iter().map(of_part).collect()
    } else {
        thread::scope(|scope| {
            let of_part = &of_part;
            let threads: Vec<_> = parts.into_iter().map(|part| scope.spawn(move || of_part(part))).collect();
            threads.into_iter().map(|thread| thread.join().expect("nobody panics here")).collect()
        })
    };
    let mut all = Vec::new();
    for part in done {
        all.extend(part?);
    }
    Ok(all)
}

/// The state of every stage of `pipeline`.
///
/// # Errors
/// If source files are missing, or the store is damaged or cannot be read.
pub fn plan(context: &Context<'_>, pipeline: &Pipeline) -> Result<Vec<StagePlan>, Error> {
    let mut plans: Vec<StagePlan> = Vec::new();
    for stage in &pipeline.stages {
        plans.push(plan_stage(context, pipeline, stage, &plans)?);
    }
    Ok(plans)
}

fn plan_stage(
    context: &Context<'_>,
    pipeline: &Pipeline,
    stage: &Stage,
    above: &[StagePlan],
) -> Result<StagePlan, Error> {
    let trials_of = |wanted: &Train| {
        let found = above.iter().find_map(|plan| match plan {
            StagePlan::Train { name, trials, waiting } if *name == wanted.name => {
                Some(waiting.is_none().then_some(trials.as_slice()))
            }
            _ => None,
        });
        found.expect("a summary's stages stand above it, checked with the file")
    };
    Ok(match stage {
        Stage::Dataset(dataset) => {
            let key = Key::of(&dataset_key_text(dataset, context.data)?);
            let done = is_whole(context, DATASET, &key)?;
            StagePlan::Dataset { name: dataset.name.clone(), done }
        }
        Stage::Grid(grid) => {
            let chosen_by = grid.points.chosen_by().map(|summarize| summarize.name.clone());
            let configurations = grid.points.candidates().len();
            StagePlan::Grid { name: grid.name.clone(), configurations, chosen_by }
        }
        Stage::Train(train) => {
            let name = train.name.clone();
            match settle(train, trials_of)? {
                Settled::Known { configurations, .. } => {
                    let trials = plan_trials(context, train, &configurations)?;
                    StagePlan::Train { name, trials, waiting: None }
                }
                Settled::Waiting(waiting) => {
                    StagePlan::Train { name, trials: Vec::new(), waiting: Some(waiting) }
                }
            }
        }
        Stage::Summarize(summarize) => {
            let name = summarize.name.clone();
            let trials: Option<Vec<&[PlannedTrial]>> = summarize.of.iter().map(trials_of).collect();
            let Some(trials) = trials else {
                return Ok(StagePlan::Summarize { name, done: false, waiting_for: None });
            };
            let missing = trials.iter().copied().flatten().filter(|trial| trial.artifact.is_none()).count();
            let key = Key::of(&summary::key_text(summarize, &trials, pipeline.asked(), &context.store)?);
            let done = missing == 0 && is_whole(context, summary::SUMMARY, &key)?;
            StagePlan::Summarize { name, done, waiting_for: Some(missing) }
        }
    })
}

/// Every trial of `train` with these configurations, each with its result if it is finished.
///
/// # Errors
/// If source files are missing, or the store is damaged or cannot be read.
pub fn plan_trials(
    context: &Context<'_>,
    train: &Train,
    configurations: &[Configuration],
) -> Result<Vec<PlannedTrial>, Error> {
    if context.device == Device::Cpu {
        // A plan for a GPU can be made where there is none.
        engine::check_precision(context.device, train.training.precision)?;
    }
    let dataset = train.dataset();
    let dataset_key = Key::of(&dataset_key_text(&dataset, context.data)?);
    let plan = |trial: Trial| {
        let key_text = trial_key_text(train, &trial, &dataset_key, context.device, context.same_build)?;
        let key = Key::of(&key_text);
        let (artifact, damage) = match context.store.find(TRIAL, &key) {
            // One damaged result is no reason not to plan the others.
            Err(damage @ StoreError::Damaged { .. }) => (None, Some(damage.to_string())),
            found => (found?, None),
        };
        Ok(PlannedTrial { trial, key_text, key, artifact, damage, known: OnceLock::new() })
    };
    in_parallel(train.trials(configurations), plan)
}

fn is_whole(context: &Context<'_>, kind: &str, key: &Key) -> Result<bool, Error> {
    match context.store.find(kind, key) {
        Err(StoreError::Damaged { .. }) => Ok(false),
        found => Ok(found?.is_some()),
    }
}

/// Every artifact that `pipeline` reaches, finished or not: what a run of it would not make again.
///
/// # Errors
/// If source files are missing, or the store is damaged or cannot be read.
pub fn reached(context: &Context<'_>, pipeline: &Pipeline) -> Result<Reached, Error> {
    let (mut reached, mut is_complete) = (HashSet::new(), true);
    for (stage, plan) in pipeline.stages.iter().zip(plan(context, pipeline)?) {
        if let Stage::Dataset(dataset) = stage {
            let key = Key::of(&dataset_key_text(dataset, context.data)?);
            reached.insert(Name { kind: DATASET.to_owned(), key });
        }
        if let StagePlan::Train { waiting: Some(_), .. } = &plan {
            is_complete = false;
        }
        if let StagePlan::Train { trials, .. } = plan {
            reached.extend(trials.into_iter().map(|trial| Name { kind: TRIAL.to_owned(), key: trial.key }));
        }
    }
    Ok(Reached { names: reached, is_complete })
}

/// Why a trial that is not finished would run: what differs from the finished one that is nearest to it.
///
/// # Errors
/// If the store cannot be read.
pub fn why(
    context: &Context<'_>,
    trial: &PlannedTrial,
) -> Result<Option<(Key, Vec<FieldDifference>)>, Error> {
    Ok(context.store.nearest(&trial.key_text)?)
}
