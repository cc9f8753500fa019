//! The commands of Slurm, and their answers.

use std::{collections::BTreeMap, fmt, path::Path, time::Duration};

use crate::{command::output, error::Error, settings::Settings};

/// The longest wait for an answer, where no cluster file says another one.
const PATIENCE: Duration = Duration::from_secs(60);

/// The number of a job, or of the array that it is an element of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId(pub u64);

impl fmt::Display for JobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A job in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    /// Its place in its array; absent for the last job of a round.
    pub element: Option<u32>,
    pub is_running: bool,
    /// The node on which it runs.
    pub node: String,
    /// The reason why it waits, in Slurm's words.
    pub reason: String,
}

/// Slurm as this user sees it, through the commands on the PATH.
#[derive(Clone, Copy, Debug)]
pub struct Slurm {
    patience: Duration,
}

impl Default for Slurm {
    fn default() -> Self {
        Self { patience: PATIENCE }
    }
}

impl Slurm {
    /// Returns Slurm with the longest wait for an answer that the cluster file says.
    pub fn of(settings: &Settings) -> Self {
        Self { patience: Duration::from_secs(settings.answer_seconds.get().into()) }
    }

    /// Checks that the commands exist.
    pub fn check(&self) -> Result<(), Error> {
        for program in ["sbatch", "squeue", "scancel"] {
            // A command that fails now may answer later.
            if let Err(error @ Error::Missing { .. }) = output(program, &["--version".into()], self.patience)
            {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Returns this user's jobs of the name `study` that wait or run. A job that is ending is no longer among them.
    pub fn jobs(&self, study: &str) -> Result<Vec<Job>, Error> {
        let answer = self.ask(
            "squeue",
            [
                "--noheader".to_owned(),
                "--array".into(),
                format!("--name={study}"),
                format!("--user={}", user()),
                "--format=%F|%K|%T|%N|%r".into(),
            ],
        )?;
        answer
            .lines()
            .filter(|line| !line.trim().is_empty())
            .filter_map(|line| job(line).transpose())
            .collect()
    }

    /// Returns how many jobs of the array `id` were cancelled, for example by `scancel`. Slurm forgets jobs after some minutes.
    pub fn cancelled(&self, study: &str, id: JobId) -> Result<usize, Error> {
        let answer = self.ask(
            "squeue",
            [
                "--noheader".to_owned(),
                "--array".into(),
                "--states=CANCELLED".into(),
                format!("--name={study}"),
                format!("--user={}", user()),
                "--format=%F|%K".into(),
            ],
        )?;
        let beginning = format!("{id}|");
        Ok(answer.lines().filter(|line| line.starts_with(&beginning) && !line.ends_with("N/A")).count())
    }

    /// Submits `script` with `options`; returns the number of the job.
    pub fn submit(&self, options: &[String], script: &Path) -> Result<JobId, Error> {
        let arguments = options.iter().cloned().chain(["--parsable".into(), script.display().to_string()]);
        let answer = self.ask("sbatch", arguments)?;
        // With several clusters, the name of the cluster follows.
        let number = answer.trim().split(';').next().and_then(|number| number.parse().ok());
        number.map(JobId).ok_or_else(|| nonsense("sbatch", answer.trim()))
    }

    /// Ends all jobs of the name `study`.
    pub fn cancel(&self, study: &str) -> Result<(), Error> {
        self.ask("scancel", [format!("--name={study}"), format!("--user={}", user())]).map(drop)
    }

    /// Ends the jobs of the name `study` that have not begun.
    pub fn cancel_waiting(&self, study: &str) -> Result<(), Error> {
        let options = [format!("--name={study}"), format!("--user={}", user()), "--state=PENDING".into()];
        self.ask("scancel", options).map(drop)
    }

    /// Puts the job of this process back into the queue, which ends the process.
    pub fn requeue(&self, job: &str) -> Result<(), Error> {
        self.ask("scontrol", ["requeue".to_owned(), job.to_owned()]).map(drop)
    }

    /// Returns the largest number of elements of an array, if Slurm tells.
    pub fn largest_array(&self) -> Option<u32> {
        let answer = self.ask("scontrol", ["show".to_owned(), "config".into()]).ok()?;
        let value = |line: &str| {
            line.trim().strip_prefix("MaxArraySize")?.trim_start().strip_prefix('=')?.trim().parse().ok()
        };
        answer.lines().find_map(value)
    }

    /// Says how the jobs of `id` ended, if the accounting tells: `3 TIMEOUT, 1 OUT_OF_MEMORY`. Empty if all completed.
    pub fn ends(&self, id: JobId) -> Option<String> {
        let options = [
            "--noheader".to_owned(),
            "--allocations".into(),
            "--parsable2".into(),
            format!("--jobs={id}"),
            "--format=State".into(),
        ];
        let answer = self.ask("sacct", options).ok()?;
        let mut counts = BTreeMap::new();
        for state in answer.lines().filter_map(|line| line.split_whitespace().next()) {
            // Another text is no state of Slurm.
            if state != "COMPLETED"
                && state.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_')
            {
                *counts.entry(state).or_insert(0) += 1;
            }
        }
        let words: Vec<String> =
            counts.into_iter().map(|(state, count)| format!("{count} {state}")).collect();
        Some(words.join(", "))
    }

    fn ask(&self, program: &str, arguments: impl IntoIterator<Item = String>) -> Result<String, Error> {
        output(program, &arguments.into_iter().collect::<Vec<_>>(), self.patience)
    }
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn nonsense(program: &str, answer: &str) -> Error {
    let start: String = answer.chars().take(200).collect();
    Error::NoAnswer { program: program.into(), reason: format!("`{start}` is not understood") }
}

/// Reads a line of `squeue`; none if the job has ended or is ending.
fn job(line: &str) -> Result<Option<Job>, Error> {
    let fields: Vec<&str> = line.trim().splitn(5, '|').collect();
    let &[id, element, state, node, reason] = &fields[..] else { return Err(nonsense("squeue", line)) };
    let id = id.parse().map(JobId).map_err(|_| nonsense("squeue", line))?;
    let element = match element {
        "N/A" => None,
        number => Some(number.parse().map_err(|_| nonsense("squeue", line))?),
    };
    let is_running = match state {
        "COMPLETING" | "COMPLETED" | "CANCELLED" | "FAILED" | "TIMEOUT" | "NODE_FAIL" | "PREEMPTED"
        | "BOOT_FAIL" | "DEADLINE" | "OUT_OF_MEMORY" | "REVOKED" => return Ok(None),
        // Slurm holds a job whose start failed until an administrator releases it. That is not waited for.
        "SPECIAL_EXIT" | "REQUEUE_HOLD" => return Ok(None),
        "PENDING" if reason.to_lowercase().starts_with("launch failed") => return Ok(None),
        "PENDING" | "REQUEUED" | "REQUEUE_FED" | "RESV_DEL_HOLD" => false,
        // A state that is not known is not over.
        _ => true,
    };
    Ok(Some(Job { id, element, is_running, node: node.to_owned(), reason: reason.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_queue_are_read_and_nonsense_is_no_answer() {
        let read = |line: &str| job(line).map_err(|error| error.to_string());
        let waiting = read("17|3|PENDING||Resources").expect("right").expect("it waits");
        assert_eq!((waiting.id, waiting.element, waiting.is_running), (JobId(17), Some(3), false));
        let last = read("18|N/A|RUNNING|n2|None").expect("right").expect("it runs");
        assert_eq!((last.element, last.is_running, last.node.as_str()), (None, true, "n2"));
        for over in ["17|3|COMPLETING|n1|None", "17|3|PENDING||launch failed requeued held"] {
            assert_eq!(read(over), Ok(None));
        }
        assert!(
            read("17|3|NEW_STATE|n1|None").expect("right").expect("it is not known to be over").is_running
        );
        for line in ["hello", "17|x|PENDING||", "x|3|PENDING||", "17|3|PENDING"] {
            assert_eq!(
                read(line).unwrap_err(),
                format!("`squeue` gave no answer: `{line}` is not understood")
            );
        }
    }
}
