//! Runs a command of the scheduler, which may be missing, fail or hang.

use std::{
    io::{ErrorKind, Read},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::Error;

/// The time between two checks whether a command has ended.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);
/// The longest wait for the rest of the text of a command that has ended.
const LONGEST_READ: Duration = Duration::from_secs(5);

/// Parts of messages of a scheduler that cannot be reached. The command may have taken effect nevertheless.
const UNREACHABLE: [&str; 8] = [
    "unable to contact",
    "timed out",
    "timeout",
    "connection refused",
    "connect failure",
    "zero bytes",
    "communication",
    "try again",
];

/// The beginnings of variables that change what a command of Slurm lists, or describe the job that this process runs in.
const MISLEADING: [&str; 4] = ["SLURM_", "SQUEUE_", "SCANCEL_", "SACCT_"];
/// Variables that are needed to reach the scheduler.
const NEEDED: [&str; 2] = ["SLURM_CONF", "SLURM_JWT"];

/// Returns the standard output of `program`.
///
/// # Errors
/// [`Error::Missing`], [`Error::Refused`], or [`Error::NoAnswer`] after `limit` or if the scheduler cannot be reached.
pub(crate) fn output(program: &str, arguments: &[String], limit: Duration) -> Result<String, Error> {
    let no_answer = |reason: String| Error::NoAnswer { program: program.to_owned(), reason };
    let mut command = Command::new(program);
    // A process group of its own: Ctrl-C does not end it half-way, and if it hangs, it is ended with its children.
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_misleading = MISLEADING.iter().any(|beginning| text.starts_with(beginning));
        if is_misleading && !NEEDED.contains(&text.as_ref()) {
            command.env_remove(&name);
        }
    }
    let mut child = command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::Missing { program: program.to_owned() },
        _ => no_answer(format!("it cannot be started: {error}")),
    })?;
    let (printed, message) = (read(child.stdout.take()), read(child.stderr.take()));
    let started = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if started.elapsed() < limit => thread::sleep(CHECK_INTERVAL),
            Ok(None) => {
                end(&mut child);
                return Err(no_answer(format!("it did not end within {} s", limit.as_secs())));
            }
            Err(error) => return Err(no_answer(error.to_string())),
        }
    };
    if status.success() {
        return text(&printed).ok_or_else(|| no_answer("its output was not read to the end".into()));
    }
    let message = match text(&message).filter(|message| !message.trim().is_empty()) {
        Some(message) => in_a_line(&message),
        None => status.to_string(),
    };
    match UNREACHABLE.iter().any(|known| message.to_lowercase().contains(known)) {
        true => Err(no_answer(message)),
        false => Err(Error::Refused { program: program.to_owned(), message }),
    }
}

/// Reads a stream to its end, on a thread, so that a command that writes much does not wait.
fn read<R: Read + Send + 'static>(stream: Option<R>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(mut stream) = stream {
        // Without a thread, nothing is sent, which is no answer.
        let _ = thread::Builder::new().spawn(move || {
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes);
            let _ = sender.send(bytes);
        });
    }
    receiver
}

/// Returns the text of a stream whose command has ended; none if its children hold the stream open.
fn text(reading: &Receiver<Vec<u8>>) -> Option<String> {
    let bytes = reading.recv_timeout(LONGEST_READ).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

/// Returns a message of several lines as one, without the name of the program.
fn in_a_line(message: &str) -> String {
    let lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let plain = lines.map(|line| line.split_once("error: ").map_or(line, |(_, rest)| rest));
    plain.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<String, String> {
        output("bash", &["-c".into(), script.into()], Duration::from_millis(500))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_command_answers_refuses_hangs_or_is_missing() {
        assert_eq!(shell("echo 12").as_deref(), Ok("12\n"));
        let limit =
            "echo 'sbatch: error: QOSMaxSubmitJobPerUserLimit' >&2; echo 'sbatch: error: failed' >&2; exit 1";
        assert_eq!(shell(limit).unwrap_err(), "`bash` refused: QOSMaxSubmitJobPerUserLimit; failed");
        assert_eq!(shell("exit 3").unwrap_err(), "`bash` refused: exit status: 3");
        let down =
            "echo 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)' >&2; exit 1";
        assert_eq!(
            shell(down).unwrap_err(),
            "`bash` gave no answer: Unable to contact slurm controller (connect failure)"
        );
        let started = Instant::now();
        assert_eq!(
            shell("sleep 60; echo late").unwrap_err(),
            "`bash` gave no answer: it did not end within 0 s"
        );
        assert!(started.elapsed() < Duration::from_secs(30), "its children are ended, too");
        let missing = output("no-such-program", &[], Duration::from_secs(1)).unwrap_err();
        assert_eq!(missing.to_string(), "`no-such-program` is not on this machine");
        // More than the buffer of a pipe.
        assert_eq!(shell("head -c 300000 /dev/zero | tr '\\0' x").expect("it ends").len(), 300_000);
    }
}
