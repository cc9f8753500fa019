//! What a run tells while it runs.

use std::path::Path;

use history::Epoch;
use settings::Trial;
use tuner::Outcome;

use store::Holder;

/// Hears what happens; called from worker threads.
pub trait Reporter: Sync {
    /// Something happened.
    fn report(&self, progress: &Progress<'_>);
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Progress<'a> {
    /// Images are being read or drawn.
    LoadingDataset {
        /// Of the stage.
        name: &'a str,
    },
    /// A picture was decoded; nothing is told of pictures that were decoded before.
    Decoding {
        /// Of the stage.
        name: &'a str,
        /// Pictures that are decoded.
        done: usize,
        /// Pictures in all.
        total: usize,
    },
    /// A train stage begins.
    TrainStarted {
        /// Of the stage.
        name: &'a str,
        /// All its trials.
        trials: usize,
        /// Those that were finished before.
        done: usize,
        /// Epochs of a trial, at most.
        epochs: u32,
    },
    /// A trial begins, or goes on.
    TrialStarted {
        /// Which trial.
        trial: &'a Trial,
        /// Epochs that an earlier process has done.
        epochs: u32,
    },
    /// A trial's state is on disk.
    Saved {
        /// Which trial.
        trial: &'a Trial,
        /// After which epoch.
        epoch: u32,
    },
    /// A trial's state could not be written; the trial goes on.
    NotSaved {
        /// Which trial.
        trial: &'a Trial,
        /// Why.
        reason: &'a str,
    },
    /// A result that was there cannot be used: it is moved aside and made anew.
    Damaged {
        /// Of what, in words.
        what: &'a str,
        /// What is wrong with it.
        damage: &'a str,
    },
    /// A population did not fit the device's memory; halves of it are tried.
    Halved {
        /// Trials that did not fit together.
        trials: usize,
        /// What the device said.
        reason: &'a str,
    },
    /// All that is left is being trained by other processes.
    WaitingFor {
        /// One of them.
        holder: &'a Holder,
        /// How many trials it works on.
        trials: usize,
    },
    /// A trial has finished an epoch.
    Epoch {
        /// Which trial.
        trial: &'a Trial,
        /// What was measured.
        epoch: &'a Epoch,
        /// Epochs of a trial, at most.
        epochs: u32,
    },
    /// A trial has ended.
    TrialEnded {
        /// Which trial.
        trial: &'a Trial,
        /// How.
        end: &'a TrialEnd,
        /// Epochs it trained.
        epochs: u32,
        /// Its last epoch.
        last: Option<&'a Epoch>,
        /// How long it took.
        seconds: f64,
    },
    /// A train stage has ended.
    TrainEnded,
    /// A table is there.
    Summary {
        /// Of the stage.
        name: &'a str,
        /// Markdown.
        table: &'a str,
        /// The page for people.
        report: &'a Path,
    },
    /// Something that the user should know.
    Warning(&'a str),
}

impl TrialEnd {
    /// Why there is no result, or not this one.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        match self {
            Self::Failed(reason)
            | Self::TooLarge(reason)
            | Self::OutOfMemory(reason)
            | Self::Panicked(reason)
            | Self::NotReproduced(reason) => Some(reason),
            Self::Stored(_) | Self::MadeElsewhere | Self::Interrupted(_) => None,
        }
    }
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq)]
pub enum TrialEnd {
    /// With a result, which is stored.
    Stored(Outcome),
    /// With a result, which another process stored.
    MadeElsewhere,
    /// Without a result; a rerun tries it again.
    Failed(String),
    /// Without a result, because it needs more memory than there is.
    TooLarge(String),
    /// Without a result, because the device ran out of memory.
    OutOfMemory(String),
    /// Without a result, by a panic; a rerun tries it again.
    Panicked(String),
    /// With another result than the one that is stored; trying again would hide it.
    NotReproduced(String),
    /// In the middle: with the epoch after which a rerun goes on, if its state was written.
    Interrupted(Option<u32>),
}
