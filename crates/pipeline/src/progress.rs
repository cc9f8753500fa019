//! What a run tells while it runs.

use tracker::Epoch;
use tuner::{Outcome, Trial};

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
    },
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq)]
pub enum TrialEnd {
    /// With a result, which is stored.
    Stored(Outcome),
    /// Without a result; a rerun tries it again.
    Failed(String),
}
