//! A running train stage, which its workers share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use results::run_tree::StageTree;
use settings::{Configuration, Device};
use spec::Train;
use store::Provenance;
use tuner::Judge;

use crate::{
    context::Context,
    progress::{Progress, Reporter},
};

/// The options of a run. None of them changes a result.
#[derive(Clone, Copy)]
pub struct RunSettings<'a> {
    /// The number of worker threads on the CPU.
    pub jobs: usize,
    /// The largest number of trials in a population; absent for the device's default.
    pub largest_population: Option<usize>,
    /// The bytes of device memory that trials may use together, on the CPU also for decoding pictures; absent for most of the free
    /// memory.
    pub memory: Option<u64>,
    /// Whether no further trial begins after one has failed.
    pub fail_fast: bool,
    /// When it turns true, trials finish their epoch, write a checkpoint and stop. If the epoch would take long, they stop at once.
    pub interrupt: &'a AtomicBool,
    pub reporter: &'a dyn Reporter,
    /// The version and commit of the program.
    pub build: &'a str,
}

/// The longest remaining time of an epoch for which an interruption waits, so that the epoch is saved.
#[derive(Debug)]
pub struct Grace(AtomicU64);

/// Schedulers that preempt a process give it about half a minute.
const USUAL_GRACE_SECONDS: u64 = 15;

impl Grace {
    /// Returns a grace of 15 seconds.
    pub const fn usual() -> Self {
        Self(AtomicU64::new(USUAL_GRACE_SECONDS))
    }

    pub fn set_seconds(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

/// The part that this process has in a run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role<'a> {
    /// It trains, waits for trials that other processes train, and makes means, tables and reports.
    Whole,
    /// It trains what others have not claimed, and leaves the rest to them.
    Worker(&'a Grace),
    /// It reads and checks the images for workers.
    Preparer,
    /// It shows finished trials and makes means, tables and reports.
    Finisher,
    /// It makes tables and reports, and changes nothing else.
    Reporter,
}

impl Role<'_> {
    pub(crate) fn grace(self) -> Duration {
        Duration::from_secs(match self {
            Self::Worker(grace) => grace.0.load(Ordering::Relaxed),
            _ => USUAL_GRACE_SECONDS,
        })
    }
}

pub(crate) struct RunningStage<'a> {
    pub(crate) train: &'a Train,
    pub(crate) context: &'a Context<'a>,
    pub(crate) settings: RunSettings<'a>,
    pub(crate) role: Role<'a>,
    pub(crate) tree: StageTree<'a>,
    pub(crate) dataset: Arc<data::Dataset>,
}

impl RunningStage<'_> {
    pub(crate) fn report(&self, progress: &Progress<'_>) {
        self.settings.reporter.report(progress);
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.settings.interrupt.load(Ordering::Relaxed)
    }

    /// Returns a judge that decides when a trial with this configuration ends.
    pub(crate) fn judge(&self, configuration: &Configuration) -> Judge<'_> {
        let task = self.train.training.task;
        let chance_loss = task.chance_loss(configuration.loss, self.dataset.classes());
        Judge::new(self.train.early_stopping.as_ref(), self.train.divergence_factor, chance_loss)
    }
}

pub(crate) fn provenance(build: &str, device: Device, spent: Duration) -> Provenance {
    Provenance::of_this_machine(build, &device.to_string(), spent)
}
