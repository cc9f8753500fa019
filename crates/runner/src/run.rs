//! From a pipeline to its results: does what is missing, stage by stage.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use data::{DatasetSettings, DecodingProgress};
use settings::{Configuration, Trial};
use tuner::Outcome;

use crate::{
    Context, Error,
    images::load_images,
    plan::{Settled, Waiting, plan_trials, settle},
    progress::{Progress, TrialEnd},
    shared_work,
    stage_run::{RunningStage, provenance},
};
use results::{
    board::{self, EVENT_FILES},
    dataset_artifact, mean,
    run_tree::{self, RunTree},
    summary,
    trial::{PlannedTrial, TRIAL, dataset_key_text},
};
use spec::{Pipeline, Stage, Summarize, Train};
use store::{Artifact, Key, KeyText, StoreError};

pub use crate::stage_run::RunSettings;

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct RunReport {
    /// Trials that were asked for.
    pub trials: usize,
    /// Those of them that were finished before.
    pub skipped: usize,
    /// Those that were trained now.
    pub trained: usize,
    /// Those that gave no result, with the reason.
    pub failed: Vec<(Trial, String)>,
    /// Those that diverged though their stage does not expect it, with the reason; earlier runs' included.
    pub diverged: Vec<(Trial, String)>,
    /// Was the run interrupted before it was through?
    pub interrupted: bool,
    /// Trials in progress whose state was written: a rerun goes on with them.
    pub saved: usize,
    /// Trials in progress that the interruption ended in their first epoch.
    pub dropped: usize,
    /// Those that other processes trained meanwhile.
    pub elsewhere: usize,
    /// Those that were not begun, because others had failed.
    pub not_begun: usize,
    /// Stages that were not begun, because what chooses their configurations is not finished; with the reason.
    pub waiting: Vec<(String, String)>,
    /// Published values that were missed.
    pub missed: Vec<String>,
}

/// A run in progress.
struct Run<'a> {
    context: &'a Context<'a>,
    pipeline: &'a Pipeline,
    settings: RunSettings<'a>,
    /// Datasets that were needed so far.
    loaded: Vec<(DatasetSettings, Arc<data::Dataset>)>,
    /// The trials of each train stage so far, by its name, with the results that are there now; of one whose configurations are
    /// not chosen, none.
    trials: HashMap<String, Option<Vec<PlannedTrial>>>,
    report: RunReport,
}

/// Does what `pipeline` asks for and is not there.
///
/// # Errors
/// If the device, the images or the store cannot be used. A trial that fails is no error of the run: it is in the
/// report, and the others go on.
pub fn run(
    context: &Context<'_>,
    pipeline: &Pipeline,
    settings: RunSettings<'_>,
) -> Result<RunReport, Error> {
    engine::check(context.device)?;
    let _in_use = context.store.use_it()?;
    let board =
        board::show(&context.store, pipeline, provenance(settings.build, context.device, Duration::ZERO))?;
    let mut names: Vec<&str> = pipeline.stages.iter().map(Stage::name).collect();
    names.push(&board);
    run_tree::keep_stages(context.store.root(), &pipeline.name, &names)?;
    let mut trained = 0;
    loop {
        let mut run = Run::new(context, pipeline, settings);
        match run.stages() {
            // Some damage shows only when a result is read. Then everything is asked for once more.
            Err(Error::Results(results::Error::Store(damage @ StoreError::Damaged { .. })))
                if context.store.move_damaged_aside(&damage)? =>
            {
                let damage = damage.to_string();
                settings.reporter.report(&Progress::Damaged { what: "a result", damage: &damage });
                trained += run.report.trained;
            }
            done => {
                done?;
                run.report.trained += trained;
                run.report.skipped = run.report.skipped.saturating_sub(trained);
                return Ok(run.report);
            }
        }
    }
}

/// Makes the tables and reports of `pipeline` from the trials that are finished, and trains nothing.
///
/// # Errors
/// If source files are missing, or the store cannot be used.
pub fn report(
    context: &Context<'_>,
    pipeline: &Pipeline,
    settings: RunSettings<'_>,
) -> Result<RunReport, Error> {
    let _in_use = context.store.use_it()?;
    let mut run = Run::new(context, pipeline, settings);
    for stage in &pipeline.stages {
        match stage {
            Stage::Dataset(_) | Stage::Grid(_) => {}
            Stage::Train(train) => {
                let configurations = run.configurations(train)?;
                let trials =
                    configurations.map(|configurations| plan_trials(context, train, &configurations));
                run.trials.insert(train.name.clone(), trials.transpose()?);
            }
            Stage::Summarize(summarize) => run.summarize(summarize)?,
        }
    }
    Ok(run.report)
}

impl<'a> Run<'a> {
    /// Before the first stage.
    fn new(context: &'a Context<'a>, pipeline: &'a Pipeline, settings: RunSettings<'a>) -> Self {
        let report = RunReport::default();
        Self { context, pipeline, settings, loaded: Vec::new(), trials: HashMap::new(), report }
    }

    /// Does all stages, or those before an interruption.
    fn stages(&mut self) -> Result<(), Error> {
        let pipeline = self.pipeline;
        for stage in &pipeline.stages {
            match stage {
                // A dataset is loaded when the first trial needs it, a grid has nothing to run.
                Stage::Dataset(_) | Stage::Grid(_) => {}
                Stage::Train(train) => self.train(train)?,
                Stage::Summarize(summarize) => self.summarize(summarize)?,
            }
            // A table of trials that were given up would say nothing.
            if self.report.interrupted || self.report.not_begun > 0 {
                break;
            }
        }
        Ok(())
    }

    fn train(&mut self, train: &Train) -> Result<(), Error> {
        let Some(configurations) = self.configurations(train)? else {
            self.trials.insert(train.name.clone(), None);
            return Ok(());
        };
        let mut planned = plan_trials(self.context, train, &configurations)?;
        let tree = self.tree(&train.name);
        tree.keep(&planned.iter().map(|planned| &planned.trial).collect::<Vec<_>>(), train.mean_over_seeds)?;
        for planned in &planned {
            if let Some(artifact) = &planned.artifact {
                tree.show(&planned.trial, artifact.path())?;
            }
            if let Some(damage) = &planned.damage {
                let what = format!("{} seed {}", planned.trial.configuration, planned.trial.seed);
                self.settings.reporter.report(&Progress::Damaged { what: &what, damage });
            }
        }
        let missing: Vec<&PlannedTrial> =
            planned.iter().filter(|planned| planned.artifact.is_none()).collect();
        let done = planned.len() - missing.len();
        self.report.trials += planned.len();
        self.report.skipped += done;
        self.settings.reporter.report(&Progress::TrainStarted {
            name: &train.name,
            trials: planned.len(),
            done,
            epochs: train.training.epochs,
        });
        if train.mean_over_seeds && !missing.is_empty() {
            // Of the trials that are there now; a mean of others would stand beside the new ones while they train.
            self.show_means(train, &planned)?;
        }
        if !missing.is_empty() {
            let dataset = self.dataset(train)?;
            let stage = RunningStage { train, context: self.context, settings: self.settings, tree, dataset };
            self.train_missing(&stage, &missing, done > 0);
        }
        self.settings.reporter.report(&Progress::TrainEnded);
        for planned in planned.iter_mut().filter(|planned| planned.artifact.is_none()) {
            planned.artifact = match self.context.store.find(TRIAL, &planned.key) {
                // Nobody came to make it anew before the run was interrupted.
                Err(StoreError::Damaged { .. }) => None,
                found => found?,
            };
            if let Some(artifact) = &planned.artifact {
                // Also of those that other processes made.
                self.tree(&train.name).show(&planned.trial, artifact.path())?;
            }
        }
        self.note_divergence(train, &planned)?;
        if train.mean_over_seeds {
            self.show_means(train, &planned)?;
        }
        self.trials.insert(train.name.clone(), Some(planned));
        Ok(())
    }

    /// The configurations of `train`; none where trials that they are chosen by are not finished, which is told.
    fn configurations(&mut self, train: &Train) -> Result<Option<Vec<Configuration>>, Error> {
        match settle(train, |above| self.trials[&above.name].as_deref())? {
            Settled::Known { configurations, without_winner } => {
                for group in without_winner {
                    let text = format!(
                        "{}: no configuration of {group} finished with all its seeds, so it has no winner",
                        train.name
                    );
                    self.settings.reporter.report(&Progress::Warning(&text));
                }
                if configurations.is_empty() {
                    let reason =
                        "no configuration finished with all its seeds, so there is no winner".to_owned();
                    self.report.waiting.push((train.name.clone(), reason));
                    return Ok(None);
                }
                Ok(Some(configurations))
            }
            Settled::Waiting(Waiting { summary, trials }) => {
                let reason = match trials {
                    Some(count) => format!(
                        "`{summary}` chooses its configurations, and {count} of its trials are not finished"
                    ),
                    None => format!("`{summary}` chooses its configurations, and its own are not chosen"),
                };
                self.report.waiting.push((train.name.clone(), reason));
                Ok(None)
            }
        }
    }

    fn train_missing(&mut self, stage: &RunningStage<'_>, missing: &[&PlannedTrial], hopeful: bool) {
        let ends = shared_work::train(stage, missing, hopeful);
        self.report.interrupted |= stage.is_interrupted();
        for (planned, end) in missing.iter().zip(ends) {
            match end {
                Some(TrialEnd::Stored(_)) => self.report.trained += 1,
                Some(TrialEnd::MadeElsewhere) => self.report.elsewhere += 1,
                Some(TrialEnd::Interrupted(Some(_))) => self.report.saved += 1,
                Some(TrialEnd::Interrupted(None)) => self.report.dropped += 1,
                Some(end) => {
                    let reason = end.failure().unwrap_or("without a reason").to_owned();
                    self.report.failed.push((planned.trial.clone(), reason));
                }
                None if stage.is_interrupted() => {}
                None => self.report.not_begun += 1,
            }
        }
    }

    /// Shows the mean over the seeds of every configuration that has one.
    fn show_means(&self, train: &Train, planned: &[PlannedTrial]) -> Result<(), Error> {
        let (store, tree) = (&self.context.store, self.tree(&train.name));
        for seeds in planned.chunk_by(|one, other| one.trial.configuration == other.trial.configuration) {
            let started = Instant::now();
            let Some(mean) = mean::over(seeds)? else {
                tree.hide_mean(&seeds[0].trial)?;
                continue;
            };
            let artifact =
                match self.find(&mean.key_text, &format!("mean of {}", seeds[0].trial.configuration))? {
                    Some(artifact) => artifact,
                    None => {
                        let work = store.begin(&mean.key_text)?;
                        mean.write(&work)?;
                        let made = provenance(self.settings.build, self.context.device, started.elapsed());
                        work.publish(made, &[EVENT_FILES])?.into_artifact()
                    }
                };
            tree.show_mean(&seeds[0].trial, artifact.path())?;
        }
        Ok(())
    }

    /// The images of `train`, loaded at most once.
    fn dataset(&mut self, train: &Train) -> Result<Arc<data::Dataset>, Error> {
        let settings = &train.dataset;
        let dataset = match self.loaded.iter().find(|(known, _)| known == settings) {
            Some((_, dataset)) => Arc::clone(dataset),
            None => {
                self.settings.reporter.report(&Progress::LoadingDataset { name: &train.dataset_name });
                let started = Instant::now();
                let name = &train.dataset_name;
                let progress = |DecodingProgress { done, total }| {
                    self.settings.reporter.report(&Progress::Decoding { name, done, total });
                };
                let dataset = load_images(self.context, &train.dataset(), &progress)?;
                self.publish_dataset(train, &dataset, started)?;
                let dataset = Arc::new(dataset);
                self.loaded.push((settings.clone(), Arc::clone(&dataset)));
                dataset
            }
        };
        let examples = dataset.train().len();
        if examples < train.training.batch_size as usize {
            let batch_size = train.training.batch_size;
            return Err(Error::BatchTooLarge { stage: train.name.clone(), batch_size, examples });
        }
        Ok(dataset)
    }

    fn publish_dataset(&self, train: &Train, dataset: &data::Dataset, started: Instant) -> Result<(), Error> {
        let key_text = dataset_key_text(&train.dataset(), self.context.data)?;
        let store = &self.context.store;
        let artifact = match self.find(&key_text, &train.dataset_name)? {
            Some(artifact) => artifact,
            None => {
                let work = store.begin(&key_text)?;
                for (name, text) in dataset_artifact::files(&train.dataset.source, dataset) {
                    work.write(name, text.as_bytes())?;
                }
                let made = provenance(self.settings.build, self.context.device, started.elapsed());
                work.publish(made, &[])?.into_artifact()
            }
        };
        Ok(self.tree(&train.dataset_name).show_stage(artifact.path())?)
    }

    fn summarize(&mut self, summarize: &Summarize) -> Result<(), Error> {
        let trials: Option<Vec<&[PlannedTrial]>> =
            summarize.of.iter().map(|train| self.trials[&train.name].as_deref()).collect();
        // A stage that was not begun says so itself.
        let Some(trials) = trials else { return Ok(()) };
        let started = Instant::now();
        let asked = self.pipeline.asked();
        let key_text = summary::key_text(summarize, &trials, asked, &self.context.store)?;
        let store = &self.context.store;
        let artifact = match self.find(&key_text, &summarize.name)? {
            Some(artifact) => artifact,
            None => {
                let work = store.begin(&key_text)?;
                summary::write(summarize, &trials, asked, store, &work)?;
                work.publish(
                    provenance(self.settings.build, self.context.device, started.elapsed()),
                    summary::VOLATILE,
                )?
                .into_artifact()
            }
        };
        self.tree(&summarize.name).show_stage(artifact.path())?;
        let table = artifact.read(summary::TABLE)?;
        let table = String::from_utf8_lossy(&table);
        let tree = self.tree(&summarize.name);
        let report = tree.folder().join(summary::REPORT);
        let name = &summarize.name;
        self.settings.reporter.report(&Progress::Summary { name, table: &table, report: &report });
        let missed = summary::missed_by(&artifact)?;
        self.report.missed.extend(missed.into_iter().map(|line| format!("{name}: {line}")));
        Ok(())
    }

    /// The artifact of `key_text`, which is `what` to a person; one that is damaged is moved aside and told.
    fn find(&self, key_text: &KeyText, what: &str) -> Result<Option<Artifact>, Error> {
        let (found, damage) = self.context.store.find_or_move_aside(key_text.kind(), &Key::of(key_text))?;
        if let Some(damage) = damage {
            self.settings.reporter.report(&Progress::Damaged { what, damage: &damage.to_string() });
        }
        Ok(found)
    }

    /// Adds diverged trials of a stage that does not expect any to the report.
    fn note_divergence(&mut self, train: &Train, trials: &[PlannedTrial]) -> Result<(), Error> {
        if train.may_diverge {
            return Ok(());
        }
        for planned in trials {
            if let Some(Outcome::Diverged { reason, .. }) = planned.result()?.map(|result| &result.outcome) {
                self.report.diverged.push((planned.trial.clone(), reason.clone()));
            }
        }
        Ok(())
    }

    fn tree(&self, stage: &str) -> RunTree {
        RunTree::new(self.context.store.root(), &self.pipeline.name, stage)
    }
}
