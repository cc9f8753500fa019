//! `run --cluster`: submits workers, waits for them, and ends with the report.

mod line;
mod study;

use std::{
    env,
    path::Path,
    process::ExitCode,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use cluster::{Driver, End, Folder, JobId, Settings, Slurm, Study, Worker};
use settings::Device;

use line::Line;
use study::OnCluster;

use super::{download, run, worker};
use crate::{
    PipelineArguments, RunArguments,
    asked::{self, Asked},
    namesake,
    program::{command_line, study_in_words},
    signals::{self, Signal},
    terminal::{Bars, counted, tell},
    warnings,
};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// How often the user pressed Ctrl-C.
static INTERRUPTIONS: AtomicUsize = AtomicUsize::new(0);

/// The time for a second Ctrl-C, which ends the jobs.
const TIME_TO_CANCEL: Duration = Duration::from_secs(5);
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
    let study = OnCluster::new(arguments, settings, &asked, &bars, &INTERRUPTED);
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
    report.elsewhere = study.progress()?.finished.saturating_sub(at_start.finished);
    report.skipped = report.skipped.saturating_sub(report.elsewhere);
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
    let again = command_line().replace(" --detach", "");
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
