//! `run --cluster`: submits workers, waits for them, and ends with the report.

use std::{
    cell::RefCell,
    env,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use cluster::{Driver, End, Event, Folder, JobId, Progress, Settings, Slurm, Study, Worker};
use indicatif::{ProgressBar, ProgressStyle};
use results::trial::{PlannedTrial, TRIAL};
use runner::plan::StagePlan;
use settings::Device;
use spec::Stage;

use super::{download, run, worker};
use crate::{
    ArtifactsFolder, DataFolder, PipelineArguments, Places, RunArguments,
    asked::{self, Asked},
    namesake,
    signals::{self, Signal},
    terminal::{Bars, counted, from_here, tell},
    warnings,
};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// How often the user pressed Ctrl-C.
static INTERRUPTIONS: AtomicUsize = AtomicUsize::new(0);

/// The time for a second Ctrl-C, which ends the jobs.
const TIME_TO_CANCEL: Duration = Duration::from_secs(5);
/// The number of unfinished trials and of logs that are shown after the last round.
const SHOWN: usize = 3;
/// The number of lines of each log.
const LOG_LINES: usize = 5;

/// States in which Slurm ends jobs, and what to do.
const REMEDIES: [(&str, &str); 2] = [
    (
        "TIMEOUT",
        "an epoch takes longer than a job may: raise `time` or `warning_seconds` in the cluster file",
    ),
    ("OUT_OF_MEMORY", "raise `memory` in the cluster file"),
];

pub fn run(mut arguments: RunArguments) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let settings = Settings::read(arguments.cluster.as_deref().context("no cluster file is given")?)?;
    if settings.has_gpus() {
        arguments.asked.device = Device::Cuda;
    }
    let (arguments, settings) = (&arguments, &settings);
    let about = &arguments.asked;
    let asked = Asked::of(asked::read(about)?, about)?;
    let last_job = worker::study(arguments, &asked)?.and_then(|_| this_job());
    warnings::tell_all(&asked.pipeline, about.device);
    namesake::warn(&asked, about);
    if !cfg!(feature = "cuda") {
        // Login nodes have no GPU, but a program that cannot use one is of no use on any node.
        engine::check(about.device)?;
    }
    download::fetch_missing(&asked.pipeline, &about.places.images.data, &arguments.network)?;
    signals::listen(|signal| {
        INTERRUPTIONS.fetch_add(usize::from(signal == Signal::Interrupt), Ordering::Relaxed);
        INTERRUPTED.store(true, Ordering::Relaxed);
    })?;

    let bars = Bars::new(about.verbose);
    let study = OnCluster { arguments, settings, asked: &asked, bars: &bars, known: RefCell::default() };
    let at_start = study.progress()?;
    let folder = worker::folder(&asked, about);
    let end = match at_start.finished == at_start.total {
        // Nothing is asked of the scheduler.
        true => End::Complete,
        false => {
            let slurm = Slurm::of(settings);
            slurm.check()?;
            tell_other_versions(&folder, slurm);
            folder.create()?;
            let driver = Driver {
                slurm,
                settings,
                store: &asked.store,
                folder: &folder,
                worker: &worker(arguments, &folder)?,
                detach: arguments.detach,
                last_job,
                interrupt: &INTERRUPTED,
                report: &Line::new().teller(&folder),
            };
            driver.drive(&study)?
        }
    };
    match end {
        End::Complete | End::GaveUp { .. } => {}
        End::Detached => {
            tell(&format!("the jobs go on: {}", ways_back(about)));
            return Ok(ExitCode::SUCCESS);
        }
        End::Interrupted => return leave(about, &folder),
    }
    let settings = run::settings(arguments, &bars, &INTERRUPTED);
    let mut report = runner::run::finish(&asked.context(), &asked.pipeline, settings)?;
    bars.clear();
    report.elsewhere = report.skipped.saturating_sub(at_start.finished);
    report.skipped -= report.elsewhere;
    let code = run::conclude(&asked, &report, started);
    match end {
        End::GaveUp { ends } => Ok(study.explain(&folder, ends)),
        _ if report.left_to_others > 0 => {
            tell(&format!(
                "error: damage was found in {}: the same command trains it again",
                counted(report.left_to_others, "result")
            ));
            Ok(ExitCode::FAILURE)
        }
        _ => Ok(code),
    }
}

/// Returns the number of the job that this process is.
fn this_job() -> Option<JobId> {
    env::var("SLURM_JOB_ID").ok()?.parse().ok().map(JobId)
}

/// Returns the command of a worker, with absolute paths.
fn worker(arguments: &RunArguments, folder: &Folder) -> anyhow::Result<Worker> {
    let about = &arguments.asked;
    let absolute = |path: &Path| -> anyhow::Result<String> {
        Ok(std::path::absolute(path)
            .with_context(|| format!("cannot find {}", path.display()))?
            .display()
            .to_string())
    };
    let mut words = vec![absolute(&about.file)?];
    for given in &about.set {
        words.extend(["--set".to_owned(), given.to_string()]);
    }
    words.extend(["--device".to_owned(), about.device.to_string()]);
    words.extend(["--data".to_owned(), absolute(&about.places.images.data)?]);
    words.extend(["--artifacts".to_owned(), absolute(&about.places.results.artifacts)?]);
    words
        .extend(arguments.population.iter().flat_map(|count| ["--population".to_owned(), count.to_string()]));
    let flags = [
        (about.same_build, "--same-build"),
        (about.verbose, "--verbose"),
        (arguments.fail_fast, "--fail-fast"),
    ];
    words.extend(flags.into_iter().filter(|(is_given, _)| *is_given).map(|(_, flag)| flag.to_owned()));
    // Nodes have no network.
    words.push("--offline".to_owned());
    Ok(Worker {
        program: folder.keep_program()?,
        arguments: words,
        folder: env::current_dir().context("the working directory is gone")?,
        has_gpu: about.device == Device::Cuda,
        has_population: arguments.population.is_some(),
    })
}

/// Says that the jobs go on. If the user pressed Ctrl-C, a second time ends the jobs.
fn leave(about: &PipelineArguments, folder: &Folder) -> anyhow::Result<ExitCode> {
    tell(&format!("interrupted; the jobs go on: {}", ways_back(about)));
    let is_asked = INTERRUPTIONS.load(Ordering::Relaxed) > 0;
    if is_asked {
        tell(&format!("press Ctrl-C again within {} s to end the jobs", TIME_TO_CANCEL.as_secs()));
    }
    let started = Instant::now();
    while is_asked && started.elapsed() < TIME_TO_CANCEL {
        if INTERRUPTIONS.load(Ordering::Relaxed) > 1 {
            folder.stop("cancelled by Ctrl-C")?;
            match Slurm::default().cancel(folder.study()) {
                Ok(()) => tell("the jobs are cancelled; finished trials and checkpoints are kept"),
                Err(error) => tell(&format!(
                    "error: the jobs may go on: {error}\nhint: `cargo xtask cancel {}` when Slurm answers again",
                    study_in_words(about)
                )),
            }
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(ExitCode::from(run::INTERRUPTED_CODE))
}

/// Names the commands that find the jobs again.
fn ways_back(about: &PipelineArguments) -> String {
    let study = study_in_words(about);
    let again = run::command_line().replace(" --detach", "");
    format!(
        "`{again}` waits for them, `cargo xtask status {study}` shows them, `cargo xtask cancel {study}` ends them"
    )
}

/// Says which jobs of other versions of this pipeline are in the queue.
pub fn tell_other_versions(folder: &Folder, slurm: Slurm) {
    for study in folder.other_versions() {
        // Without an answer for one, there is none for the others.
        let Ok(jobs) = slurm.jobs(&study) else { return };
        if !jobs.is_empty() {
            tell(&format!(
                "note: {} of another version of this pipeline in the queue: `scancel --name={study}` ends them",
                counted(jobs.len(), "job")
            ));
        }
    }
}

/// Returns the pipeline file with the options that name the study.
fn study_in_words(about: &PipelineArguments) -> String {
    let mut words = vec![about.file.display().to_string()];
    for given in &about.set {
        words.extend(["--set".to_owned(), given.to_string()]);
    }
    if about.device != Device::Cpu {
        words.extend(["--device".to_owned(), about.device.to_string()]);
    }
    words.extend(about.same_build.then(|| "--same-build".to_owned()));
    let Places { images: DataFolder { data }, results: ArtifactsFolder { artifacts } } = &about.places;
    for (flag, path, usual) in [("--data", data, "data"), ("--artifacts", artifacts, "artifacts")] {
        if path != Path::new(usual) {
            words.extend([flag.to_owned(), path.display().to_string()]);
        }
    }
    run::quoted(words.iter().map(String::as_str))
}

/// The study of a pipeline, as its store shows it.
struct OnCluster<'a> {
    arguments: &'a RunArguments,
    settings: &'a Settings,
    asked: &'a Asked<'a>,
    bars: &'a Bars,
    /// The stages when they were planned last. A plan reads all images, so the missing trials alone are looked up again.
    known: RefCell<Option<Vec<StagePlan>>>,
}

impl OnCluster<'_> {
    /// Looks up the missing trials, and plans again when winners can be chosen.
    fn look(&self) -> anyhow::Result<()> {
        let mut known = self.known.borrow_mut();
        let is_chosen = match known.as_mut() {
            None => false,
            Some(plans) => {
                for planned in trials_of(plans).filter(|planned| planned.artifact.is_none()) {
                    planned.artifact = self.asked.store.look_up(TRIAL, &planned.key)?.0;
                }
                let is_waiting = |plan: &StagePlan| matches!(plan, StagePlan::Train { waiting: Some(_), .. });
                !plans.iter().any(is_waiting) || trials_of(plans).any(|planned| planned.artifact.is_none())
            }
        };
        if !is_chosen {
            *known = Some(runner::plan::plan(&self.asked.context(), &self.asked.pipeline)?);
        }
        Ok(())
    }

    /// Calls `read` with the trials of each stage that are not finished.
    fn missing<T>(
        &self,
        mut read: impl FnMut(&str, Vec<&PlannedTrial>) -> anyhow::Result<T>,
    ) -> anyhow::Result<Vec<T>> {
        let known = self.known.borrow();
        let stages = known.iter().flatten().filter_map(|plan| match plan {
            StagePlan::Train { name, trials, .. } => {
                let missing: Vec<_> = trials.iter().filter(|planned| planned.artifact.is_none()).collect();
                (!missing.is_empty()).then_some((name, missing))
            }
            _ => None,
        });
        stages.map(|(name, missing)| read(name, missing)).collect()
    }

    /// Says which trials are missing after the last round, and what is known about the reason.
    fn explain(&self, folder: &Folder, ends: Option<String>) -> ExitCode {
        let store = &self.asked.store;
        let reasons = self.missing(|_, missing| {
            let reason = |planned: &PlannedTrial| store.failure(TRIAL, &planned.key);
            Ok(missing.iter().map(|planned| (planned.trial.to_string(), reason(planned))).collect::<Vec<_>>())
        });
        let reasons: Vec<_> = reasons.into_iter().flatten().flatten().collect();
        tell(&format!(
            "error: {} not finished, and the last rounds finished none",
            match reasons.len() {
                1 => "1 trial is".to_owned(),
                count => format!("{count} trials are"),
            }
        ));
        for (trial, reason) in reasons.iter().take(SHOWN) {
            let reason =
                reason.as_deref().and_then(|reason| reason.lines().next()).unwrap_or("no reason is noted");
            tell(&format!("  {trial}: {reason}"));
        }
        if reasons.len() > SHOWN {
            tell(&format!(
                "  and {} more: `cargo xtask status {}`",
                reasons.len() - SHOWN,
                study_in_words(&self.arguments.asked)
            ));
        }
        if let Some(ends) = ends {
            tell(&format!("jobs of the last round ended as: {ends}"));
            for (state, remedy) in REMEDIES {
                if ends.contains(state) {
                    tell(&format!("hint: {remedy}"));
                }
            }
        }
        for (path, end) in folder.last_logs(SHOWN, LOG_LINES) {
            let end = match end.is_empty() {
                true => "(empty: perhaps a line of `before` ends the script)".to_owned(),
                false => end.replace('\n', "\n  "),
            };
            tell(&format!("the end of {}:\n  {end}", from_here(&path)));
        }
        ExitCode::FAILURE
    }
}

/// Returns all trials that are known.
fn trials_of(plans: &mut [StagePlan]) -> impl Iterator<Item = &mut PlannedTrial> {
    plans.iter_mut().flat_map(|plan| match plan {
        StagePlan::Train { trials, .. } => trials.as_mut_slice(),
        _ => &mut [],
    })
}

impl Study for OnCluster<'_> {
    type Error = anyhow::Error;

    fn progress(&self) -> anyhow::Result<Progress> {
        self.look()?;
        let mut known = self.known.borrow_mut();
        let (mut finished, mut total) = (0, 0);
        for planned in trials_of(known.as_deref_mut().unwrap_or_default()) {
            total += 1;
            finished += usize::from(planned.artifact.is_some());
        }
        Ok(Progress { finished, total })
    }

    fn saved_epochs(&self) -> anyhow::Result<u64> {
        let store = &self.asked.store;
        let saved = |planned: &&PlannedTrial| u64::from(runner::saved_epochs(store, planned));
        Ok(self.missing(|_, missing| Ok(missing.iter().map(saved).sum::<u64>()))?.into_iter().sum())
    }

    fn is_trained_elsewhere(&self) -> anyhow::Result<bool> {
        let store = &self.asked.store;
        let is_held = |planned: &&PlannedTrial| store.holder(TRIAL, &planned.key).is_some();
        Ok(self.missing(|_, missing| Ok(missing.iter().all(is_held)))?.into_iter().all(|all| all))
    }

    fn prepare(&self) -> anyhow::Result<u32> {
        let (context, pipeline) = (self.asked.context(), &self.asked.pipeline);
        let settings = run::settings(self.arguments, self.bars, &INTERRUPTED);
        if runner::run::prepare(&context, pipeline, settings)?.interrupted {
            return Ok(1);
        }
        let cores = self.settings.cpus.get() as usize;
        let mut busy = 0;
        let mut minutes = 0.0;
        self.missing(|name, missing| {
            busy += missing.len().div_ceil(cores);
            let train = pipeline.stages.iter().find_map(|stage| match stage {
                Stage::Train(train) if train.name == name => Some(train),
                _ => None,
            });
            // A login node has no GPU, on which steps could be timed.
            if let (Some(train), Device::Cpu) = (train, context.device) {
                minutes += runner::estimate(&context, train, &missing, cores)?.at_most.as_secs_f64() / 60.0;
            }
            Ok(())
        })?;
        let worth = match context.device {
            Device::Cpu if self.settings.least_minutes > 0.0 => {
                (minutes / self.settings.least_minutes) as usize
            }
            _ => usize::MAX,
        };
        Ok(u32::try_from(worth.min(busy).max(1)).unwrap_or(u32::MAX))
    }
}

/// The line that shows the queue: a bar on a terminal, and elsewhere a line for each change.
struct Line {
    bar: ProgressBar,
    last: RefCell<String>,
}

impl Line {
    fn new() -> Self {
        let bar = ProgressBar::no_length();
        bar.set_style(
            ProgressStyle::with_template("{bar:24} {wide_msg}")
                .expect("the template is written in this line"),
        );
        Self { bar, last: RefCell::default() }
    }

    fn teller(self, folder: &Folder) -> impl Fn(Event<'_>) {
        let logs: PathBuf = folder.logs();
        move |event| match event {
            Event::Submitted { round, workers, array } => {
                let array = array.map_or("Slurm did not answer".to_owned(), |array| format!("array {array}"));
                self.say(&format!(
                    "round {round}: {} submitted ({array}), logs in {}",
                    counted(workers as usize, "worker"),
                    from_here(&logs)
                ));
            }
            Event::Adopted { jobs, has_other_settings } => {
                self.say(&format!("{} of this study in the queue: waiting for them", counted(jobs, "job")));
                if has_other_settings {
                    self.say(
                        "warning: they were submitted with another cluster file: `cancel` them first to use this one",
                    );
                }
            }
            Event::WentOn { round } => {
                self.say(&format!("round {round}: submitted by the last job of the round before"));
            }
            Event::Waiting { progress, running, waiting, reason } => {
                self.show(progress, running, waiting, reason)
            }
            Event::Elsewhere { progress: Progress { finished, total } } => self.change(&format!(
                "{finished}/{total} trials, the others are being trained by other processes: waiting for them"
            )),
            Event::NoAnswer(error) => {
                self.say(&format!("warning: {error}; asked again, jobs go on meanwhile"))
            }
            Event::NoLastJob(error) => self.say(&format!(
                "warning: the last job, which would go on if this command is ended, is not submitted: {error}"
            )),
        }
    }

    fn show(&self, Progress { finished, total }: Progress, running: usize, waiting: usize, reason: &str) {
        let queue = match waiting {
            0 => format!("{} running", counted(running, "worker")),
            _ if reason.is_empty() || reason == "None" => {
                format!("{} running, {waiting} waiting", counted(running, "worker"))
            }
            _ => format!("{} running, {waiting} waiting ({reason})", counted(running, "worker")),
        };
        self.bar.set_length(total as u64);
        self.bar.set_position(finished as u64);
        self.change(&format!("{finished}/{total} trials, {queue}"));
    }

    /// Shows `line` in place of the last one.
    fn change(&self, line: &str) {
        if self.bar.is_hidden() && self.last.replace(line.to_owned()) != line {
            tell(line);
        }
        self.bar.set_message(line.to_owned());
    }

    fn say(&self, text: &str) {
        self.bar.suspend(|| tell(text));
    }
}
