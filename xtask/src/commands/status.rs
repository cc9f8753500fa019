//! `status`: which trials are done, and which process trains the others, also from another terminal.

use std::process::ExitCode;

use ::cluster::{Folder, Job, Slurm};
use results::trial::{PlannedTrial, TRIAL};
use runner::plan::StagePlan;
use store::Store;

use super::{cluster::tell_other_versions, worker};
use crate::{
    PipelineArguments,
    asked::Asked,
    terminal::{counted, from_here, say, since},
};

/// The state of a trial that is not finished.
pub enum Unfinished {
    /// A process trains it: process id, host, and start in Unix seconds.
    Running(u32, String, u64),
    /// The last attempt failed for this reason.
    Failed(String),
    /// No process trains it; a run resumes it after this epoch.
    Saved(u32),
    /// A run takes the result of a finished trial that measured more or ended early.
    Known,
    ToDo,
}

pub fn unfinished(store: &Store, planned: &PlannedTrial) -> Unfinished {
    if let Some(holder) = store.holder(TRIAL, &planned.key) {
        return Unfinished::Running(holder.pid, holder.host, holder.since);
    }
    if let Some(reason) = store.failure(TRIAL, &planned.key) {
        return Unfinished::Failed(reason);
    }
    if planned.beginning.as_ref().is_some_and(|beginning| beginning.is_whole) {
        return Unfinished::Known;
    }
    match runner::saved_epochs(store, planned) {
        0 => Unfinished::ToDo,
        epochs => Unfinished::Saved(epochs),
    }
}

pub fn status(arguments: &PipelineArguments) -> anyhow::Result<ExitCode> {
    let asked = Asked::open(arguments)?;
    let (context, store) = (asked.context(), &asked.store);
    for plan in runner::plan::plan(&context, &asked.pipeline)? {
        let StagePlan::Train { name, trials, waiting, .. } = plan else { continue };
        if let Some(waiting) = waiting {
            say(&format!("{name}: waits for `{}` to choose its configurations", waiting.summary));
            continue;
        }
        let done = trials.iter().filter(|trial| trial.artifact.is_some()).count();
        let mut lines = Vec::new();
        let [mut running, mut failed, mut saved, mut to_do] = [0; 4];
        for planned in trials.iter().filter(|trial| trial.artifact.is_none()) {
            let trial = &planned.trial;
            if let Some(damage) = &planned.damage {
                lines.push(format!("  damaged  {trial}: {damage}; the next run computes it again"));
            }
            match unfinished(store, planned) {
                Unfinished::Running(pid, host, start) => {
                    running += 1;
                    let epochs = runner::saved_epochs(store, planned);
                    let reached =
                        if epochs > 0 { format!(", saved after epoch {epochs}") } else { String::new() };
                    lines.push(format!(
                        "  running  {trial}: process {pid} on {host}, for {}{reached}",
                        since(start)
                    ));
                }
                Unfinished::Failed(reason) => {
                    failed += 1;
                    let first_line = reason.lines().next().unwrap_or_default();
                    let reason = if arguments.verbose { &reason } else { first_line };
                    lines.push(format!("  failed   {trial}: {reason}"));
                }
                Unfinished::Saved(epochs) => {
                    saved += 1;
                    lines.push(format!("  saved    {trial}: the next run resumes after epoch {epochs}"));
                }
                Unfinished::Known | Unfinished::ToDo => to_do += 1,
            }
        }
        let total = trials.len();
        say(&format!(
            "{name}: {done} of {} done, {running} running, {saved} saved, {failed} failed, {to_do} to do",
            counted(total, "trial")
        ));
        lines.iter().for_each(|line| say(line));
    }
    let folder = worker::folder(&asked, arguments);
    if folder.exists() {
        say(&jobs_in_words(&folder));
    }
    tell_other_versions(&folder, Slurm::default());
    Ok(ExitCode::SUCCESS)
}

/// Describes the jobs of a study on a cluster.
fn jobs_in_words(folder: &Folder) -> String {
    let jobs = match Slurm::default().jobs(folder.study()) {
        Ok(jobs) => jobs,
        Err(error) => return format!("cluster: {error}"),
    };
    let (workers, last): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| job.element.is_some());
    let (running, waiting): (Vec<Job>, Vec<Job>) = workers.into_iter().partition(|job| job.is_running);
    let mut nodes: Vec<&str> = running.iter().map(|job| job.node.as_str()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let on = if nodes.is_empty() { String::new() } else { format!(" on {}", nodes.join(", ")) };
    let mut words = vec![format!("{} running{on}", counted(running.len(), "worker"))];
    if let Some(job) = waiting.first() {
        words.push(format!("{} waiting ({})", waiting.len(), job.reason));
    }
    words.extend(last.iter().map(|_| "a last job for the report".to_owned()));
    let stopped = folder.stopped().map_or(String::new(), |reason| format!("; stopped: {reason}"));
    format!("cluster: {}{stopped}; logs in {}", words.join(", "), from_here(&folder.logs()))
}
