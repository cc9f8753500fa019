//! What of a pipeline is done, and what would run?

use std::{collections::HashSet, path::Path, sync::OnceLock, thread};

use engine::Device;
use tuner::Trial;

use crate::{
    Error,
    file::Pipeline,
    stages::{Dataset, Stage, Train},
    store::{FieldDifference, Key, KeyText, Name, Store, StoreError},
    summary,
    trial::{DATASET, PlannedTrial, TRIAL, dataset_key_text, trial_key_text},
};

/// Where results come from and go to.
#[derive(Clone, Debug)]
pub struct Laboratory<'a> {
    /// Finished results.
    pub store: Store,
    /// Where image files lie.
    pub data: &'a Path,
    /// Where tensors live.
    pub device: Device,
    /// Uses only trials of this build; those of any build without it.
    pub same_build: Option<&'a str>,
}

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
        /// How many.
        configurations: usize,
    },
    /// Trials.
    Train {
        /// Of the stage.
        name: String,
        /// Every trial of the stage.
        trials: Vec<PlannedTrial>,
    },
    /// A table.
    Summarize {
        /// Of the stage.
        name: String,
        /// Is the table of these trials there?
        done: bool,
        /// How many of its trials are not finished.
        waiting_for: usize,
    },
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

impl Laboratory<'_> {
    /// The state of every stage of `pipeline`.
    ///
    /// # Errors
    /// If source files are missing, or the store is damaged or cannot be read.
    pub fn plan(&self, pipeline: &Pipeline) -> Result<Vec<StagePlan>, Error> {
        let mut plans: Vec<StagePlan> = Vec::new();
        for stage in &pipeline.stages {
            plans.push(self.plan_stage(stage, &plans)?);
        }
        Ok(plans)
    }

    fn plan_stage(&self, stage: &Stage, above: &[StagePlan]) -> Result<StagePlan, Error> {
        let trials_of = |wanted: &Train| {
            let found = above.iter().find_map(|plan| match plan {
                StagePlan::Train { name, trials } if *name == wanted.name => Some(trials.as_slice()),
                _ => None,
            });
            found.expect("a summary's stages stand above it, checked with the file")
        };
        Ok(match stage {
            Stage::Dataset(dataset) => {
                let key = Key::of(&self.dataset_key_text(&dataset.name, dataset)?);
                let done = self.is_whole(DATASET, &key)?;
                StagePlan::Dataset { name: dataset.name.clone(), done }
            }
            Stage::Grid(grid) => {
                StagePlan::Grid { name: grid.name.clone(), configurations: grid.configurations.len() }
            }
            Stage::Train(train) => {
                StagePlan::Train { name: train.name.clone(), trials: self.plan_trials(train)? }
            }
            Stage::Summarize(summarize) => {
                let trials: Vec<&[PlannedTrial]> = summarize.of.iter().map(trials_of).collect();
                let missing =
                    trials.iter().copied().flatten().filter(|trial| trial.artifact.is_none()).count();
                let key = Key::of(&summary::key_text(summarize, &trials)?);
                let done = missing == 0 && self.is_whole(summary::SUMMARY, &key)?;
                StagePlan::Summarize { name: summarize.name.clone(), done, waiting_for: missing }
            }
        })
    }

    /// Every trial of `train`, each with its result if it is finished.
    ///
    /// # Errors
    /// If source files are missing, or the store is damaged or cannot be read.
    pub fn plan_trials(&self, train: &Train) -> Result<Vec<PlannedTrial>, Error> {
        let dataset = Dataset { name: train.dataset_name.clone(), settings: train.dataset.clone() };
        let dataset_key = Key::of(&self.dataset_key_text(&dataset.name, &dataset)?);
        let plan = |trial: Trial| {
            let key_text = trial_key_text(train, &trial, &dataset_key, self.device, self.same_build)?;
            let key = Key::of(&key_text);
            let (artifact, damage) = match self.store.find(TRIAL, &key) {
                // One damaged result is no reason not to plan the others.
                Err(damage @ StoreError::Damaged { .. }) => (None, Some(damage.to_string())),
                found => (found?, None),
            };
            Ok(PlannedTrial { trial, key_text, key, artifact, damage, known: OnceLock::new() })
        };
        in_parallel(train.trials(), plan)
    }

    fn is_whole(&self, kind: &str, key: &Key) -> Result<bool, Error> {
        match self.store.find(kind, key) {
            Err(StoreError::Damaged { .. }) => Ok(false),
            found => Ok(found?.is_some()),
        }
    }

    pub(crate) fn dataset_key_text(&self, stage: &str, dataset: &Dataset) -> Result<KeyText, Error> {
        let settings = &dataset.settings;
        let fingerprint = settings
            .source
            .fingerprint(self.data)
            .map_err(|source| Error::Data { stage: stage.into(), source: Box::new(source) })?;
        Ok(dataset_key_text(settings, &fingerprint)?)
    }

    /// Every artifact that `pipeline` reaches, finished or not: what a run of it would not make again.
    ///
    /// # Errors
    /// If source files are missing, or the store is damaged or cannot be read.
    pub fn reached(&self, pipeline: &Pipeline) -> Result<HashSet<Name>, Error> {
        let mut reached = HashSet::new();
        for (stage, plan) in pipeline.stages.iter().zip(self.plan(pipeline)?) {
            if let Stage::Dataset(dataset) = stage {
                let key = Key::of(&self.dataset_key_text(&dataset.name, dataset)?);
                reached.insert(Name { kind: DATASET.to_owned(), key });
            }
            if let StagePlan::Train { trials, .. } = plan {
                reached
                    .extend(trials.into_iter().map(|trial| Name { kind: TRIAL.to_owned(), key: trial.key }));
            }
        }
        Ok(reached)
    }

    /// Why a trial that is not finished would run: what differs from the finished one that is nearest to it.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn why(&self, trial: &PlannedTrial) -> Result<Option<(Key, Vec<FieldDifference>)>, Error> {
        Ok(self.store.nearest(&trial.key_text)?)
    }
}
