//! The events that a run reports.

use std::path::Path;

use history::Epoch;
use results::dataset_artifact::Stated;
use settings::Trial;
use store::{LastSeen, Owner};
use tuner::Outcome;

/// Receives the events of a run, from any of its worker threads.
pub trait Reporter: Sync {
    fn report(&self, progress: &Progress<'_>);
}

/// An event of a run. A `name` is that of a stage.
#[derive(Clone, Debug)]
pub enum Progress<'a> {
    /// Images are being read or generated.
    LoadingDataset {
        name: &'a str,
    },
    /// Another picture was decoded. Pictures that an earlier run decoded are not reported.
    Decoding {
        name: &'a str,
        done: usize,
        total: usize,
    },
    /// Images were read: their number, the origin of each split, and the warnings about them.
    LoadedDataset {
        name: &'a str,
        stated: &'a Stated,
    },
    /// A train stage begins. `done` of its trials were finished before, `begun` of the others begin from finished trials, and each trains for at
    /// most `epochs`.
    TrainStarted {
        name: &'a str,
        trials: usize,
        done: usize,
        begun: usize,
        epochs: u32,
    },
    /// A trial begins, or goes on after `epochs` that an earlier process or a finished trial has done.
    TrialStarted {
        trial: &'a Trial,
        epochs: u32,
        from_finished: bool,
    },
    /// The checkpoint of a trial after `epoch` was written.
    Saved {
        trial: &'a Trial,
        epoch: u32,
    },
    /// The checkpoint of a trial could not be written. The trial continues.
    NotSaved {
        trial: &'a Trial,
        reason: &'a str,
    },
    /// A stored result cannot be used. It was moved away and is made again.
    Damaged {
        what: &'a str,
        damage: &'a str,
    },
    /// A population panicked or did not fit the device's memory. Its halves are tried.
    Halved {
        trials: usize,
        reason: &'a str,
    },
    /// Other processes train all remaining trials: `holder` trains this number of them.
    WaitingFor {
        holder: &'a Owner,
        trials: usize,
        /// The last sign of life of the process, if it may have ended.
        last_seen: Option<LastSeen>,
    },
    /// A trial has finished an epoch, out of at most `epochs`.
    Epoch {
        trial: &'a Trial,
        epoch: &'a Epoch,
        epochs: u32,
    },
    /// An attempt to train a trial failed. The trial is tried again.
    AttemptFailed {
        trial: &'a Trial,
        reason: &'a str,
    },
    /// It is decided how a trial ended. Reported once for each trial, by whichever process it was trained.
    TrialEnded {
        trial: &'a Trial,
        end: &'a TrialEnd,
        /// The number of epochs that the trial trained.
        epochs: u32,
        last: Option<&'a Epoch>,
        /// The training time, including that of earlier processes.
        seconds: f64,
    },
    TrainEnded,
    /// A summary exists: its table in Markdown, and the path of its report.
    Summary {
        name: &'a str,
        table: &'a str,
        report: &'a Path,
    },
    /// A message for the user.
    Warning(&'a str),
}

/// An attempt of this process to train a trial.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) end: TrialEnd,
    pub(crate) epochs: u32,
    pub(crate) last: Option<Epoch>,
    pub(crate) seconds: f64,
}

impl From<TrialEnd> for Attempt {
    /// Returns an attempt that ended before its first epoch.
    fn from(end: TrialEnd) -> Self {
        Self { end, epochs: 0, last: None, seconds: 0.0 }
    }
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq)]
pub enum TrialEnd {
    /// With a result, which this process stored.
    Stored(Outcome),
    /// With the result of a finished trial that measured more or ended early, which this process stored.
    Adopted(Outcome),
    /// With a result, which another process stored.
    MadeElsewhere,
    /// Without a result, because another process has taken it over.
    TakenOver,
    /// Without a result. A rerun tries it again.
    Failed(String),
    /// Without a result, because it needs more memory than may be used.
    TooLarge(String),
    /// Without a result, because the device ran out of memory.
    OutOfMemory(String),
    /// Without a result, by a panic. A rerun tries it again.
    Panicked(String),
    /// By an interruption. The number is the epoch after which a rerun resumes, if a checkpoint was written.
    Interrupted(Option<u32>),
}

impl TrialEnd {
    /// Returns the reason why there is no result.
    pub fn failure(&self) -> Option<&str> {
        match self {
            Self::Failed(reason)
            | Self::TooLarge(reason)
            | Self::OutOfMemory(reason)
            | Self::Panicked(reason) => Some(reason),
            Self::Stored(_)
            | Self::Adopted(_)
            | Self::MadeElsewhere
            | Self::TakenOver
            | Self::Interrupted(_) => None,
        }
    }
}
