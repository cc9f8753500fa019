//! Runs the missing work of a pipeline, stage by stage.

use std::{
    collections::{HashMap, HashSet},
    mem,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use data::{DatasetSettings, DecodingProgress, Loading};
use results::{
    board,
    dataset_artifact::{self, Stated},
    known_images::ImageFacts,
    mean,
    run_tree::RunTree,
    summary,
    trial::{DATASET, EVENT_FILES, PlannedTrial, TRIAL, dataset_key_text},
};
use settings::{Configuration, Device, Trial};
use spec::{Dataset, Pipeline, Points, Stage, Summarize, Train};
use store::{Artifact, Key, KeyText, StoreError, Work};
use tuner::Outcome;

use crate::{
    context::Context,
    error::Error,
    images::{check_classes, check_metrics, check_trials, load_images},
    plan::{Settled, Waiting, plan_trials, settle},
    progress::{Progress, TrialEnd},
    shared_work,
    stage_run::{Role, RunningStage, provenance},
};

pub use crate::stage_run::{Grace, RunSettings};

/// The outcome of a run. Reasons are messages for the user.
#[derive(Clone, Debug, Default)]
pub struct RunReport {
    /// The number of trials that the pipeline requests.
    pub trials: usize,
    /// The number of trials that were finished before.
    pub skipped: usize,
    /// The number of trials that this run trained.
    pub trained: usize,
    /// The number of trials whose results are those of finished trials that measured more or ended early.
    pub adopted: usize,
    /// The trials that gave no result, with the reason.
    pub failed: Vec<(Trial, String)>,
    /// The trials that diverged in a stage that does not expect it, with the reason; includes those of earlier runs.
    pub diverged: Vec<(Trial, String)>,
    /// Whether the run was interrupted before its end.
    pub interrupted: bool,
    /// The number of interrupted trials with a checkpoint, from which a rerun resumes.
    pub saved: usize,
    /// The number of trials that were interrupted in their first epoch.
    pub dropped: usize,
    /// The number of trials that other processes trained during this run.
    pub elsewhere: usize,
    /// The number of trials that did not begin because others had failed.
    pub not_begun: usize,
    /// The number of trials that a worker left to the processes that train them.
    pub left_to_others: usize,
    /// The stages that did not begin because their configurations are not chosen, with the reason.
    pub waiting: Vec<(String, String)>,
    /// The published values that were not reproduced.
    pub missed: Vec<String>,
}

struct Run<'a> {
    context: &'a Context<'a>,
    pipeline: &'a Pipeline,
    settings: RunSettings<'a>,
    tree: &'a RunTree<'a>,
    role: Role<'a>,
    /// The datasets that were loaded so far.
    loaded: Vec<(DatasetSettings, KeyText, Arc<data::Dataset>)>,
    /// The trials of each train stage so far by its name; none if its configurations are not chosen.
    trials: HashMap<String, Option<Vec<PlannedTrial>>>,
    /// The names of the train stages of which trials were missing when this run came to them.
    were_open: HashSet<String>,
    report: RunReport,
}

/// Runs the missing work of `pipeline`.
///
/// # Errors
/// If the device, the images or the store cannot be used. A failed trial is not an error: the report contains it, and the other
/// trials continue.
pub fn run(
    context: &Context<'_>,
    pipeline: &Pipeline,
    settings: RunSettings<'_>,
) -> Result<RunReport, Error> {
    start(context, pipeline, settings, Role::Whole)
}

/// Trains missing trials of `pipeline` next to other workers, and returns when these have claimed all that is left. Makes no means,
/// tables and reports. `grace` may change until the work is interrupted.
///
/// # Errors
/// As [`run`].
pub fn work(
    context: &Context<'_>,
    pipeline: &Pipeline,
    settings: RunSettings<'_>,
    grace: &Grace,
) -> Result<RunReport, Error> {
    start(context, pipeline, settings, Role::Worker(grace))
}

/// Reads the images of every stage with missing trials and checks the stages against them, so that workers find all that they need.
///
/// # Errors
/// As [`run`], except that the device is not used.
pub fn prepare(
    context: &Context<'_>,
    pipeline: &Pipeline,
    settings: RunSettings<'_>,
) -> Result<RunReport, Error> {
    start(context, pipeline, settings, Role::Preparer)
}

/// Makes the means, tables and reports of `pipeline` from the finished trials, and shows all its results in the run tree.
///
/// # Errors
/// If the store cannot be used.
pub fn finish(
    context: &Context<'_>,
    pipeline: &Pipeline,
    settings: RunSettings<'_>,
) -> Result<RunReport, Error> {
    start(context, pipeline, settings, Role::Finisher)
}

/// Makes the tables and reports of `pipeline` from the finished trials, without training.
///
/// # Errors
/// If the store cannot be used, or a result is damaged.
pub fn report(
    context: &Context<'_>,
    pipeline: &Pipeline,
    settings: RunSettings<'_>,
) -> Result<RunReport, Error> {
    start(context, pipeline, settings, Role::Reporter)
}

fn start(
    context: &Context<'_>,
    pipeline: &Pipeline,
    settings: RunSettings<'_>,
    role: Role<'_>,
) -> Result<RunReport, Error> {
    if matches!(role, Role::Whole | Role::Worker(_)) {
        engine::check(context.device)?;
    }
    let _in_use = context.store.use_it()?;
    let warn = |text: &str| settings.reporter.report(&Progress::Warning(text));
    let tree = RunTree::new(context.store.root(), &pipeline.name, &warn);
    if matches!(role, Role::Whole | Role::Preparer | Role::Finisher) {
        show_stages(context, pipeline, settings, &tree)?;
    }
    let mut trained = 0;
    loop {
        let mut run = Run::new(context, pipeline, settings, &tree, role);
        match run.stages() {
            // Some damage is found only when a result is read. Then the run starts again without that result.
            Err(Error::Results(results::Error::Store(damage @ StoreError::Damaged { .. })))
                if !matches!(role, Role::Reporter) && context.store.move_damaged_aside(&damage)? =>
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

/// Shows the stages of `pipeline` in the run tree, and no others.
fn show_stages(
    context: &Context<'_>,
    pipeline: &Pipeline,
    settings: RunSettings<'_>,
    tree: &RunTree<'_>,
) -> Result<(), Error> {
    let made = provenance(settings.build, context.device, Duration::ZERO);
    let board = board::show(&context.store, pipeline, tree, made)?;
    let mut names: Vec<&str> = pipeline.stages.iter().map(Stage::name).collect();
    names.push(&board);
    tree.keep_stages(&names);
    Ok(())
}

impl<'a> Run<'a> {
    fn new(
        context: &'a Context<'a>,
        pipeline: &'a Pipeline,
        settings: RunSettings<'a>,
        tree: &'a RunTree<'a>,
        role: Role<'a>,
    ) -> Self {
        let report = RunReport::default();
        let (loaded, trials, were_open) = (Vec::new(), HashMap::new(), HashSet::new());
        Self { context, pipeline, settings, tree, role, loaded, trials, were_open, report }
    }

    /// Runs all stages, or those before an interruption.
    fn stages(&mut self) -> Result<(), Error> {
        let pipeline = self.pipeline;
        for stage in &pipeline.stages {
            let done = match (stage, self.role) {
                // A dataset is loaded when the first trial needs it. A grid has nothing to run.
                (Stage::Dataset(_) | Stage::Grid(_), _) => Ok(()),
                (Stage::Train(train), Role::Preparer) => self.prepare(train),
                (Stage::Train(train), Role::Reporter) => self.plan(train),
                (Stage::Train(train), _) => self.train(train),
                (Stage::Summarize(_), Role::Preparer | Role::Worker(_)) => Ok(()),
                (Stage::Summarize(summarize), _) => self.summarize(summarize),
            };
            match done {
                Err(Error::Interrupted) => self.report.interrupted = true,
                done => done?,
            }
            // A table of a stage that was abandoned would mislead.
            if self.report.interrupted || self.report.not_begun > 0 {
                break;
            }
        }
        Ok(())
    }

    /// Looks up the trials of `train` without training any.
    fn plan(&mut self, train: &Train) -> Result<(), Error> {
        let configurations = self.configurations(train)?;
        let trials = configurations.map(|configurations| plan_trials(self.context, train, &configurations));
        self.trials.insert(train.name.clone(), trials.transpose()?);
        Ok(())
    }

    /// Reads the images of `train` and checks the stage against them, if trials are missing or not chosen yet.
    fn prepare(&mut self, train: &Train) -> Result<(), Error> {
        let configurations = self.configurations(train)?;
        let trials = configurations.map(|configurations| plan_trials(self.context, train, &configurations));
        let trials = trials.transpose()?;
        let missing: Vec<&PlannedTrial> =
            trials.iter().flatten().filter(|planned| planned.artifact.is_none()).collect();
        let text = dataset_key_text(&self.context.store, &train.dataset, self.context.data)?;
        // Workers compare their images with the published facts.
        let is_published = self.context.store.look_up(DATASET, &Key::of(&text))?.0.is_some();
        if trials.is_none() || !missing.is_empty() || !is_published {
            let dataset = self.dataset(train, &text)?;
            self.check(train, &missing, &dataset)?;
        }
        self.trials.insert(train.name.clone(), trials);
        Ok(())
    }

    fn check(&self, train: &Train, missing: &[&PlannedTrial], dataset: &data::Dataset) -> Result<(), Error> {
        check_classes(train, dataset)?;
        check_metrics(self.pipeline, train, dataset)?;
        check_trials(train, missing.iter().map(|planned| &planned.trial), dataset)
    }

    fn train(&mut self, train: &Train) -> Result<(), Error> {
        let Some(configurations) = self.configurations(train)? else {
            self.trials.insert(train.name.clone(), None);
            return Ok(());
        };
        let mut planned = plan_trials(self.context, train, &configurations)?;
        self.show_trials(train, &planned);
        let missing: Vec<&PlannedTrial> =
            planned.iter().filter(|planned| planned.artifact.is_none()).collect();
        let done = planned.len() - missing.len();
        let leaves_trials = self.leaves_trials(train, missing.len());
        if !missing.is_empty() {
            self.were_open.insert(train.name.clone());
        }
        self.report.trials += planned.len();
        self.report.skipped += done;
        self.settings.reporter.report(&Progress::TrainStarted {
            name: &train.name,
            trials: planned.len(),
            done,
            begun: missing.iter().filter(|planned| planned.beginning.is_some()).count(),
            epochs: train.training.epochs,
        });
        if leaves_trials {
            self.report.left_to_others += missing.len();
        } else if !missing.is_empty() {
            // A mean from an earlier run may include trials that are trained again now.
            self.show_means(train, &planned)?;
            let dataset = self.dataset(train, &missing[0].dataset_text)?;
            self.check(train, &missing, &dataset)?;
            let Run { context, settings, role, .. } = *self;
            let tree = self.tree.stage(&train.name);
            let stage = RunningStage { train, context, settings, role, tree, dataset };
            self.train_missing(&stage, &missing, done > 0);
        }
        self.settings.reporter.report(&Progress::TrainEnded);
        for planned in planned.iter_mut().filter(|planned| planned.artifact.is_none()) {
            // A result is still damaged if the run was interrupted before it was made again.
            (planned.artifact, _) = self.context.store.look_up(TRIAL, &planned.key)?;
            if let Some(artifact) = &planned.artifact {
                // Another process may have made it.
                self.tree.stage(&train.name).show(&planned.trial, artifact.path());
            }
        }
        if !train.may_diverge {
            self.add_diverged(&planned)?;
        }
        self.show_means(train, &planned)?;
        self.trials.insert(train.name.clone(), Some(planned));
        Ok(())
    }

    /// Shows the finished trials of a stage in the run tree, and no others, and reports damaged ones.
    fn show_trials(&self, train: &Train, planned: &[PlannedTrial]) {
        let tree = self.tree.stage(&train.name);
        tree.keep(&planned.iter().map(|planned| &planned.trial).collect::<Vec<_>>(), train.mean_over_seeds);
        for planned in planned {
            if let Some(artifact) = &planned.artifact {
                tree.show(&planned.trial, artifact.path());
            }
            if let Some(damage) = &planned.damage {
                let what = format!("{} seed {}", planned.trial.configuration, planned.trial.seed);
                self.settings.reporter.report(&Progress::Damaged { what: &what, damage });
            }
        }
    }

    /// Whether the `missing` trials of a stage are left to others. A worker leaves a stage to the next round if its configurations were
    /// chosen while this worker trained, when others had found nothing more to do, and if it cannot train all trials at once.
    fn leaves_trials(&self, train: &Train, missing: usize) -> bool {
        match (self.role, &train.grid.points) {
            (Role::Finisher, _) => true,
            (Role::Worker(_), Points::BestOf { summarize, .. }) => {
                let is_chosen_now = summarize.trains().any(|train| self.were_open.contains(&train.name));
                is_chosen_now && missing > self.settings.jobs
            }
            _ => false,
        }
    }

    /// Returns the configurations of `train`. If they are not chosen, the reason is added to the report.
    fn configurations(&mut self, train: &Train) -> Result<Option<Vec<Configuration>>, Error> {
        let reason = match settle(train, |above| self.trials[&above.name].as_deref())? {
            Settled::Known { configurations, without_winner } => {
                for group in without_winner {
                    let text =
                        format!("{}: no configuration of {group} is ranked, so it has no winner", train.name);
                    self.settings.reporter.report(&Progress::Warning(&text));
                }
                if !configurations.is_empty() {
                    return Ok(Some(configurations));
                }
                "no configuration finished with all its seeds, so there is no winner".to_owned()
            }
            Settled::Waiting(Waiting { summary, trials: Some(count) }) => {
                format!("`{summary}` chooses its configurations, and {count} of its trials are not finished")
            }
            Settled::Waiting(Waiting { summary, trials: None }) => format!(
                "`{summary}` chooses its configurations, and the configurations of `{summary}` are not chosen yet"
            ),
        };
        self.report.waiting.push((train.name.clone(), reason));
        Ok(None)
    }

    fn train_missing(&mut self, stage: &RunningStage<'_>, missing: &[&PlannedTrial], has_finished: bool) {
        let trained = shared_work::train(stage, missing, has_finished);
        self.report.interrupted |= stage.is_interrupted();
        for (planned, end) in missing.iter().zip(trained.ends) {
            match end {
                Some(TrialEnd::Stored(_)) => self.report.trained += 1,
                Some(TrialEnd::Adopted(_)) => self.report.adopted += 1,
                Some(TrialEnd::MadeElsewhere) => self.report.elsewhere += 1,
                Some(TrialEnd::Interrupted(Some(_))) => self.report.saved += 1,
                Some(TrialEnd::Interrupted(None)) => self.report.dropped += 1,
                Some(end) => {
                    let reason = end.failure().unwrap_or("the reason is unknown").to_owned();
                    self.report.failed.push((planned.trial.clone(), reason));
                }
                None if stage.is_interrupted() => {}
                None if trained.left_to_others => self.report.left_to_others += 1,
                None => self.report.not_begun += 1,
            }
        }
    }

    /// Makes and links the mean over the seeds of every configuration that has one, if the stage wants them.
    fn show_means(&self, train: &Train, planned: &[PlannedTrial]) -> Result<(), Error> {
        if !train.mean_over_seeds || matches!(self.role, Role::Worker(_)) {
            return Ok(());
        }
        let tree = self.tree.stage(&train.name);
        for seeds in planned.chunk_by(|one, other| one.trial.configuration == other.trial.configuration) {
            let trial = &seeds[0].trial;
            let started = Instant::now();
            let Some(mean) = mean::over(seeds)? else {
                tree.hide_mean(trial);
                continue;
            };
            let what = format!("mean of {}", trial.configuration);
            let artifact =
                self.find_or_make(&mean.key_text, &what, started, &[EVENT_FILES], |work| mean.write(work))?;
            tree.show_mean(trial, artifact.path());
        }
        Ok(())
    }

    /// Returns the images of `train`, which are loaded once. Their key text is `planned`, unless the files changed since the trials
    /// were planned.
    fn dataset(&mut self, train: &Train, planned: &KeyText) -> Result<Arc<data::Dataset>, Error> {
        let settings = &train.dataset.settings;
        let loaded = self.loaded.iter().find(|(known, key_text, _)| known == settings && key_text == planned);
        let dataset = match loaded {
            Some((.., dataset)) => Arc::clone(dataset),
            None => {
                let name = &train.dataset.name;
                self.settings.reporter.report(&Progress::LoadingDataset { name });
                let started = Instant::now();
                let states = || settings.source.file_states(self.context.data);
                let before = states();
                let dataset = self.load(&train.dataset)?;
                let key_text = dataset_key_text(&self.context.store, &train.dataset, self.context.data)?;
                // The images are read twice, for their content and for their hash. Files that changed in between can have
                // their former hash again.
                if key_text != *planned || states() != before {
                    return Err(Error::ImagesChanged { stage: train.dataset.name.clone() });
                }
                self.publish_dataset(train, &dataset, &key_text, started)?;
                let dataset = Arc::new(dataset);
                self.loaded.push((settings.clone(), key_text, Arc::clone(&dataset)));
                dataset
            }
        };
        Ok(dataset)
    }

    fn load(&self, dataset: &Dataset) -> Result<data::Dataset, Error> {
        let RunSettings { interrupt, reporter, memory, .. } = self.settings;
        let name = &dataset.name;
        let loading = Loading::from(self.context.data);
        let loading = Loading {
            memory: memory.filter(|_| self.context.device == Device::Cpu).unwrap_or(loading.memory),
            is_interrupted: &|| interrupt.load(Ordering::Relaxed),
            progress: &|DecodingProgress { done, total }| {
                reporter.report(&Progress::Decoding { name, done, total });
            },
            ..loading
        };
        load_images(self.context, dataset, loading).map_err(|error| match error {
            results::Error::Data { source, .. } if matches!(*source, data::Error::Interrupted) => {
                Error::Interrupted
            }
            error => error.into(),
        })
    }

    fn publish_dataset(
        &self,
        train: &Train,
        dataset: &data::Dataset,
        key_text: &KeyText,
        started: Instant,
    ) -> Result<(), Error> {
        let name = &train.dataset.name;
        ImageFacts::of(dataset).remember(&self.context.store, &Key::of(key_text));
        let artifact = self.find_or_make(key_text, name, started, &[], |work| {
            for (name, text) in dataset_artifact::files(dataset) {
                work.write(name, text.as_bytes())?;
            }
            Ok(())
        })?;
        self.tree.stage(name).show_stage(artifact.path());
        let stated = Stated::of_loaded(&artifact, dataset).map_err(results::Error::from)?;
        self.settings.reporter.report(&Progress::LoadedDataset { name, stated: &stated });
        Ok(())
    }

    fn summarize(&mut self, summarize: &Summarize) -> Result<(), Error> {
        let trials_of = |train: &Train| self.trials[&train.name].as_deref();
        // The report already names the stage that did not begin.
        let Some(trials) = summary::Trials::of(summarize, trials_of) else { return Ok(()) };
        let started = Instant::now();
        let asked = self.pipeline.asked();
        let store = &self.context.store;
        let key_text = summary::key_text(summarize, &trials, asked, store);
        let name = &summarize.name;
        let artifact = self.find_or_make(&key_text, name, started, summary::VOLATILE, |work| {
            summary::write(summarize, &trials, asked, store, work)
        })?;
        let tree = self.tree.stage(name);
        tree.show_stage(artifact.path());
        let table = artifact.read(summary::TABLE)?;
        let table = String::from_utf8_lossy(&table);
        let report = tree.folder().join(summary::REPORT);
        self.settings.reporter.report(&Progress::Summary { name, table: &table, report: &report });
        let missed = summary::missed_by(&artifact)?;
        self.report.missed.extend(missed.into_iter().map(|line| format!("{name}: {line}")));
        Ok(())
    }

    /// Returns the artifact of `key_text`, which messages call `what`, or makes it with `write`. A damaged artifact is moved away
    /// and reported.
    fn find_or_make(
        &self,
        key_text: &KeyText,
        what: &str,
        started: Instant,
        volatile: &[&str],
        write: impl Fn(&Work) -> Result<(), results::Error>,
    ) -> Result<Artifact, Error> {
        let RunSettings { build, reporter, interrupt, .. } = self.settings;
        let mut has_waited = false;
        let (artifact, damage) = self.context.store.find_or_make(
            key_text,
            volatile,
            || provenance(build, self.context.device, started.elapsed()),
            |work| Ok::<_, Error>(write(work)?),
            |owner| {
                if !mem::replace(&mut has_waited, true) {
                    let owner = owner.map_or("another process".to_owned(), |owner| {
                        format!("process {} on {}", owner.pid, owner.host)
                    });
                    reporter.report(&Progress::Warning(&format!("waiting for {owner}, which makes {what}")));
                }
                if interrupt.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
            },
        )?;
        if let Some(damage) = damage {
            self.settings.reporter.report(&Progress::Damaged { what, damage: &damage.to_string() });
        }
        Ok(artifact)
    }

    fn add_diverged(&mut self, trials: &[PlannedTrial]) -> Result<(), Error> {
        for planned in trials {
            if let Some(Outcome::Diverged { reason, .. }) = planned.result()?.map(|result| &result.outcome) {
                self.report.diverged.push((planned.trial.clone(), reason.clone()));
            }
        }
        Ok(())
    }
}
