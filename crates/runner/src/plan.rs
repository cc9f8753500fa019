//! The state of every stage of a pipeline: which results exist, and which would run.

use std::{
    collections::HashSet,
    sync::{Arc, OnceLock},
    thread,
};

use results::{
    dataset_artifact::Stated,
    summary::{self, Winner},
    trial::{DATASET, PlannedTrial, TRIAL, dataset_key_text, find_beginnings, trial_key_text},
};
use settings::{Configuration, Device, Trial};
use spec::{Pipeline, Points, Stage, Train};
use store::{Key, KeyText, Name};
use tuner::ranking;

use crate::{context::Context, error::Error};

/// The state of a stage. A `name` is that of the stage.
#[derive(Clone, Debug)]
pub enum StagePlan {
    Dataset {
        name: String,
        /// The description from an earlier run with these settings and these files.
        stated: Option<Stated>,
    },
    Grid {
        name: String,
        /// The number of configurations, or of candidates if winners are chosen.
        configurations: usize,
        /// The name of the summary that chooses the configurations.
        chosen_by: Option<String>,
        /// How the configurations are drawn or chosen, in words; absent for all combinations of axes and for one winner of each group.
        origin: Option<String>,
    },
    Train {
        name: String,
        /// Every trial of the stage; empty while its configurations are not chosen.
        trials: Vec<PlannedTrial>,
        /// The largest number of trials.
        at_most: usize,
        waiting: Option<Waiting>,
    },
    Summarize {
        name: String,
        /// Whether the table of these trials exists.
        done: bool,
        /// The number of its trials that are not finished; absent if a grid is not chosen.
        waiting_for: Option<usize>,
    },
}

/// The summary that chooses a grid's configurations but has trials that are not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The name of the summary.
    pub summary: String,
    /// The number of its trials that are not finished; absent if their own configurations are not chosen.
    pub trials: Option<usize>,
}

/// The configurations of a train stage, as far as they are known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Settled {
    Known {
        configurations: Vec<Configuration>,
        /// The groups without a winner, because none of their configurations finished with all seeds.
        without_winner: Vec<String>,
    },
    Waiting(Waiting),
}

/// The artifacts that a pipeline uses.
#[derive(Clone, Debug, Default)]
pub struct Reached {
    /// The names of its datasets and trials.
    pub names: HashSet<Name>,
    /// Whether `names` is complete. A grid that is not chosen yet will use more.
    pub is_complete: bool,
}

/// Returns the configurations of `train`. `trials_of` returns the trials of an earlier stage, or none if its configurations are not
/// chosen.
pub(crate) fn settle<'a>(
    train: &Train,
    trials_of: impl Fn(&Train) -> Option<&'a [PlannedTrial]>,
) -> Result<Settled, Error> {
    let (summarize, best) = match &train.grid.points {
        Points::Given(configurations) | Points::Drawn { configurations, .. } => {
            return Ok(Settled::Known { configurations: configurations.clone(), without_winner: Vec::new() });
        }
        Points::BestOf { summarize, best } => (summarize, *best),
    };
    let summary = summarize.name.clone();
    let Some(trials) = summarize.trains().map(trials_of).collect::<Option<Vec<&[PlannedTrial]>>>() else {
        return Ok(Settled::Waiting(Waiting { summary, trials: None }));
    };
    let missing = missing(&trials);
    if missing > 0 {
        return Ok(Settled::Waiting(Waiting { summary, trials: Some(missing) }));
    }
    // The winners on the dataset of this stage, if the summary is over several.
    let has_own = summarize.datasets().contains(&train.dataset.name.as_str());
    let is_meant = |dataset: &str| !has_own || dataset == train.dataset.name;
    let winners = summary::winners(summarize, &trials, best)?.into_iter().map(|(winner, _)| winner);
    let winners: Vec<Winner> = winners.filter(|winner| is_meant(&winner.dataset)).collect();
    let mut without_winner: Vec<String> = Vec::new();
    for (train, planned) in summarize.trains().zip(&trials).filter(|(train, _)| is_meant(&train.dataset.name))
    {
        let completed = planned.iter().map(|planned| train.training.completed(&planned.trial.configuration));
        without_winner
            .extend(completed.map(|configuration| ranking::group(&configuration, &summarize.best_per)));
    }
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

/// Returns the number of trials that are not finished.
fn missing(trials: &[&[PlannedTrial]]) -> usize {
    trials.iter().copied().flatten().filter(|trial| trial.artifact.is_none()).count()
}

/// Returns the state of every stage of `pipeline`.
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
    Ok(match stage {
        Stage::Dataset(dataset) => {
            let key = Key::of(&dataset_key_text(&context.store, dataset, context.data)?);
            let artifact = context.store.look_up(DATASET, &key)?.0;
            let stated = artifact.map(|artifact| Stated::read(&artifact)).transpose();
            let stated = stated.map_err(results::Error::from)?.flatten();
            StagePlan::Dataset { name: dataset.name.clone(), stated }
        }
        Stage::Grid(grid) => {
            let chosen_by = grid.points.chosen_by().map(|summarize| summarize.name.clone());
            let configurations = grid.points.candidates().len();
            StagePlan::Grid {
                name: grid.name.clone(),
                configurations,
                chosen_by,
                origin: grid.points.origin(),
            }
        }
        Stage::Train(train) => {
            let name = train.name.clone();
            match settle(train, |train| planned_trials(above, train))? {
                Settled::Known { configurations, .. } => {
                    let trials = plan_trials(context, train, &configurations)?;
                    StagePlan::Train { name, at_most: trials.len(), trials, waiting: None }
                }
                Settled::Waiting(waiting) => {
                    let at_most = train.most_trials();
                    StagePlan::Train { name, trials: Vec::new(), at_most, waiting: Some(waiting) }
                }
            }
        }
        Stage::Summarize(summarize) => {
            let name = summarize.name.clone();
            let Some(trials) = summary::Trials::of(summarize, |train| planned_trials(above, train)) else {
                return Ok(StagePlan::Summarize { name, done: false, waiting_for: None });
            };
            let missing = missing(&trials.stages);
            let key = Key::of(&summary::key_text(summarize, &trials, pipeline.asked(), &context.store));
            let done = missing == 0 && context.store.look_up(summary::SUMMARY, &key)?.0.is_some();
            StagePlan::Summarize { name, done, waiting_for: Some(missing) }
        }
    })
}

/// Returns the trials of the earlier stage `train`, or none if its configurations are not chosen.
fn planned_trials<'a>(above: &'a [StagePlan], train: &Train) -> Option<&'a [PlannedTrial]> {
    let trials = above.iter().find_map(|plan| match plan {
        StagePlan::Train { name, trials, waiting, .. } if *name == train.name => {
            Some(waiting.is_none().then_some(trials.as_slice()))
        }
        _ => None,
    });
    trials.expect("a summary's stages are above it, checked with the file")
}

/// Returns every trial of `train` with these configurations, each with its result if it is finished.
pub fn plan_trials(
    context: &Context<'_>,
    train: &Train,
    configurations: &[Configuration],
) -> Result<Vec<PlannedTrial>, Error> {
    if context.device == Device::Cpu {
        // A plan for a GPU can be made on a machine without one.
        engine::check_precision(context.device, train.training.precision)?;
    }
    let dataset_text = Arc::new(dataset_key_text(&context.store, &train.dataset, context.data)?);
    /// The number of trials that are worth a thread.
    const WORTH_A_THREAD: usize = 500;
    let trials = train.trials(configurations);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = trials.len().div_ceil(WORTH_A_THREAD).min(cores);
    let mut planned = threads::try_map(threads, trials.into_iter(), |trial| {
        plan_trial(context, train, trial, &dataset_text)
    })?;
    find_beginnings(&context.store, &mut planned)?;
    Ok(planned)
}

fn plan_trial(
    context: &Context<'_>,
    train: &Train,
    trial: Trial,
    dataset_text: &Arc<KeyText>,
) -> Result<PlannedTrial, Error> {
    let dataset = Key::of(dataset_text);
    let key_text = trial_key_text(train, &trial, &dataset, context.device, context.same_build);
    let key = Key::of(&key_text);
    // A damaged result must not prevent the plan of the others.
    let (artifact, damage) = context.store.look_up(TRIAL, &key)?;
    let damage = damage.map(|damage| damage.to_string());
    let dataset_text = Arc::clone(dataset_text);
    let (beginning, known) = (None, OnceLock::new());
    Ok(PlannedTrial { trial, key_text, key, dataset, dataset_text, artifact, beginning, damage, known })
}

/// Returns every dataset and trial that `pipeline` uses, finished or not.
pub fn reached(context: &Context<'_>, pipeline: &Pipeline) -> Result<Reached, Error> {
    let mut reached = Reached { names: HashSet::new(), is_complete: true };
    for (stage, plan) in pipeline.stages.iter().zip(plan(context, pipeline)?) {
        if let Stage::Dataset(dataset) = stage {
            let key = Key::of(&dataset_key_text(&context.store, dataset, context.data)?);
            reached.names.insert(Name { kind: DATASET.to_owned(), key });
        }
        if let StagePlan::Train { trials, waiting, .. } = plan {
            reached.is_complete &= waiting.is_none();
            let keys = trials.into_iter().map(|trial| trial.key);
            reached.names.extend(keys.map(|key| Name { kind: TRIAL.to_owned(), key }));
        }
    }
    Ok(reached)
}
