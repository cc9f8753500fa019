//! The line that shows the queue and the progress of a study.

use std::{cell::RefCell, path::PathBuf};

use cluster::{Event, Folder, Progress};
use indicatif::{ProgressBar, ProgressStyle};

use crate::terminal::{counted, from_here, tell};

/// The line that shows the queue: a bar on a terminal, and elsewhere a line for each change.
pub struct Line {
    bar: ProgressBar,
    last: RefCell<String>,
}

impl Line {
    pub fn new() -> Self {
        let bar = ProgressBar::no_length();
        bar.set_style(
            ProgressStyle::with_template("{bar:24} {wide_msg}")
                .expect("the template is written in this line"),
        );
        Self { bar, last: RefCell::default() }
    }

    pub fn teller(self, folder: &Folder) -> impl Fn(Event<'_>) {
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
