//! `run --worker`: trains what no other process trains, and leaves the rest to the others.

use std::{
    env,
    process::ExitCode,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use anyhow::{anyhow, bail};
use cluster::{Folder, Slurm};
use results::trial::{DATASET, dataset_key_text};
use runner::{
    progress::{Progress, Reporter, TrialEnd},
    run::{Grace, RunReport, RunSettings},
};
use spec::{Pipeline, Stage};
use store::{Key, Owner};

use super::{download, run};
use crate::{
    NetworkArguments, PipelineArguments, RunArguments,
    asked::{self, Asked},
    signals::{self, Signal},
    terminal::{Bars, counted, say, tell},
    warnings,
};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static IS_TIME_OVER: AtomicBool = AtomicBool::new(false);
static GRACE: Grace = Grace::usual();
static BARS: OnceLock<Bars> = OnceLock::new();

/// The part of the time before a limit that is left for writing checkpoints.
const RESERVE_SECONDS: u64 = 20;

pub fn work(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let about = &arguments.asked;
    let asked = Asked::of(asked::read(about)?, about)?;
    let folder = study(arguments, &asked)?;
    if let Some(reason) = folder.as_ref().and_then(Folder::stopped) {
        bail!("nothing is trained, the round was stopped: {reason}");
    }
    warnings::tell_all(&asked.pipeline, about.device);
    engine::check(about.device)?;
    if let Err(error) = find_images(arguments, &asked, folder.is_some()) {
        if let Some(folder) = folder {
            // The images are missing for the other workers, too, or should be.
            folder.stop(&format!("{error:#}, on {}", Owner::this_process().host))?;
        }
        return Err(error);
    }
    let bars = BARS.get_or_init(|| Bars::new(about.verbose));
    let left = arguments.warning_seconds.saturating_sub(RESERVE_SECONDS);
    signals::listen(move |signal| {
        if signal == Signal::TimeLimit {
            GRACE.set_seconds(left);
            IS_TIME_OVER.store(true, Ordering::Relaxed);
        }
        run::interrupt(&INTERRUPTED, signal, bars);
    })?;
    let log = Log { bars, is_verbose: about.verbose, has_progress: AtomicBool::new(false) };
    let settings = RunSettings { reporter: &log, ..run::settings(arguments, bars, &INTERRUPTED) };
    let report = runner::run::work(&asked.context(), &asked.pipeline, settings, &GRACE)?;
    Ok(conclude(&report, log.has_progress.into_inner(), started))
}

/// Prints what this worker does, and remembers whether it has got something done.
struct Log<'a> {
    bars: &'a Bars,
    is_verbose: bool,
    /// Whether a trial was stored, or an epoch saved.
    has_progress: AtomicBool,
}

impl Reporter for Log<'_> {
    fn report(&self, progress: &Progress<'_>) {
        match progress {
            Progress::Saved { .. }
            | Progress::TrialEnded { end: TrialEnd::Stored(_) | TrialEnd::Adopted(_), .. } => {
                self.has_progress.store(true, Ordering::Relaxed);
            }
            // Each of many workers would list the trials of all others.
            Progress::TrialEnded { end: TrialEnd::MadeElsewhere, .. } if !self.is_verbose => return,
            _ => {}
        }
        self.bars.report(progress);
    }
}

/// Returns the folder of the study for which this job was submitted; none if it was not submitted by `run --cluster`.
pub fn study(arguments: &RunArguments, asked: &Asked<'_>) -> anyhow::Result<Option<Folder>> {
    let Some(name) = &arguments.study else { return Ok(None) };
    let folder = folder(asked, &arguments.asked);
    if folder.study() == name {
        return Ok(Some(folder));
    }
    Err(anyhow!("{} has changed since this job was submitted: nothing is done", asked.file().display()))
}

/// Returns the folder of a study on a cluster.
pub fn folder(asked: &Asked<'_>, about: &PipelineArguments) -> Folder {
    let options = format!("{} {}", about.device, about.same_build);
    Folder::of(&asked.store, &asked.pipeline.name, asked.pipeline.asked().text, &options)
}

/// Checks that all images are here. If the round was prepared by another process, they must be those that it saw: with other
/// images, this worker would train other trials.
fn find_images(arguments: &RunArguments, asked: &Asked<'_>, is_prepared: bool) -> anyhow::Result<()> {
    let data = &arguments.asked.places.images.data;
    let network = NetworkArguments { mirror: None, offline: true };
    download::fetch_missing(&asked.pipeline, data, &network)?;
    for dataset in trained_on(&asked.pipeline) {
        let files = dataset.settings.source.presence(data).files.into_iter();
        let missing = files.filter(|(_, is_there)| !is_there).map(|(path, _)| path.display().to_string());
        let missing = missing.collect::<Vec<_>>().join(", ");
        if !missing.is_empty() {
            bail!("images of `{}` are missing: {missing}", dataset.name);
        }
        let key_text = dataset_key_text(&asked.store, dataset, data)?;
        if is_prepared && asked.store.look_up(DATASET, &Key::of(&key_text))?.0.is_none() {
            bail!(
                "the images of `{}` in {} differ from those of the submitting host",
                dataset.name,
                data.display()
            );
        }
    }
    Ok(())
}

/// Returns the datasets on which stages train, each once.
fn trained_on(pipeline: &Pipeline) -> Vec<&spec::Dataset> {
    let mut datasets: Vec<&spec::Dataset> = Vec::new();
    for stage in &pipeline.stages {
        if let Stage::Train(train) = stage
            && datasets.iter().all(|known| known.name != train.dataset.name)
        {
            datasets.push(&train.dataset);
        }
    }
    datasets
}

/// Prints what was done, and puts this job back into the queue if its time is over; returns the exit code.
fn conclude(report: &RunReport, has_progress: bool, started: Instant) -> ExitCode {
    let RunReport {
        trials,
        skipped,
        trained,
        adopted,
        elsewhere,
        failed,
        interrupted,
        saved,
        dropped,
        left_to_others,
        ..
    } = report;
    let is_unfinished = skipped + trained + adopted + elsewhere < *trials;
    let mut words = vec![format!("{} trained", counted(*trained, "trial"))];
    for (count, what) in [
        (*adopted, "taken from finished trials"),
        (failed.len(), "failed"),
        (*saved + *dropped, "interrupted"),
        (*left_to_others, "left to other processes"),
    ] {
        if count > 0 {
            words.push(format!("{count} {what}"));
        }
    }
    say(&format!("worker: {} ({:.1} s)", words.join(", "), started.elapsed().as_secs_f64()));
    run::list("failed", failed);
    match (*interrupted, failed.is_empty()) {
        (true, _) => {
            // The signal may come while the last trial ends.
            if IS_TIME_OVER.load(Ordering::Relaxed) && is_unfinished {
                come_back(has_progress);
            }
            ExitCode::from(run::INTERRUPTED_CODE)
        }
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::FAILURE,
    }
}

/// Puts this job back into the queue, if it has got something done in its time.
fn come_back(has_progress: bool) {
    let variable = |name: &str| env::var(name).ok();
    let job = match (variable("SLURM_ARRAY_JOB_ID"), variable("SLURM_ARRAY_TASK_ID")) {
        (Some(array), Some(element)) => format!("{array}_{element}"),
        _ => return,
    };
    if !has_progress {
        return tell("error: no epoch was finished in the time of this job: its time limit is too short");
    }
    match Slurm::default().requeue(&job) {
        Ok(()) => say("this job goes back into the queue"),
        Err(error) => tell(&format!(
            "warning: this job is not put back into the queue, the next round goes on: {error}"
        )),
    }
}
