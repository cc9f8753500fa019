//! `cancel`: ends the jobs of a study on a cluster.

use std::{
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use ::cluster::Slurm;
use anyhow::bail;
use store::Owner;

use super::{cluster::tell_other_versions, worker};
use crate::{PipelineArguments, asked::Asked, terminal::say};

/// The longest wait for the end of the jobs. They save their trials first.
const PATIENCE: Duration = Duration::from_secs(60);
/// The time between two questions to Slurm.
const POLL: Duration = Duration::from_secs(2);

pub fn cancel(arguments: &PipelineArguments) -> anyhow::Result<ExitCode> {
    let asked = Asked::open(arguments)?;
    let folder = worker::folder(&asked, arguments);
    tell_other_versions(&folder, Slurm::default());
    if !folder.exists() {
        bail!(
            "{} was not submitted to a cluster with these options\nhint: give `--set`, `--device` and `--artifacts` as for `run`",
            arguments.file.display()
        );
    }
    let (slurm, study) = (Slurm::default(), folder.study());
    // Also for a command that waits for the jobs, and would submit others.
    folder.stop(&format!("cancelled on {}", Owner::this_process().host))?;
    let jobs = slurm.jobs(study).map(|jobs| jobs.len());
    slurm.cancel(study)?;
    let started = Instant::now();
    // An error of the queue is no answer.
    while !slurm.jobs(study).is_ok_and(|jobs| jobs.is_empty()) {
        if started.elapsed() > PATIENCE {
            bail!("the jobs may still be in the queue: `squeue --name={study}` shows them");
        }
        thread::sleep(POLL);
    }
    let jobs = jobs.map_or("the jobs are".to_owned(), |jobs| match jobs {
        1 => "1 job is".to_owned(),
        jobs => format!("{jobs} jobs are"),
    });
    say(&format!("{jobs} cancelled; finished trials and checkpoints are kept"));
    Ok(ExitCode::SUCCESS)
}
