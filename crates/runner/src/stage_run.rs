//! A train stage while it runs: what its workers share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use settings::Device;
use tuner::Judge;

use crate::{
    Context,
    progress::{Progress, Reporter},
};
use results::run_tree::RunTree;
use spec::Train;
use store::{Provenance, Store};

/// How to run a pipeline. Nothing here changes a result.
#[derive(Clone, Copy)]
pub struct RunSettings<'a> {
    /// Worker threads on the CPU.
    pub jobs: usize,
    /// PopulationLimit trials of a population; absent for the device's own number.
    pub largest_population: Option<usize>,
    /// Bytes of the device's memory that trials may take together; absent for most of what is free.
    pub memory: Option<u64>,
    /// Begin nothing new after the first trial that failed.
    pub fail_fast: bool,
    /// When it turns true, trials end their epoch, write their state and stop; at once where that would take long.
    pub interrupt: &'a AtomicBool,
    /// Hears what happens.
    pub reporter: &'a dyn Reporter,
    /// Version and commit of the program.
    pub build: &'a str,
}

/// A train stage while it runs.
pub(crate) struct RunningStage<'a> {
    pub(crate) train: &'a Train,
    pub(crate) context: &'a Context<'a>,
    pub(crate) settings: RunSettings<'a>,
    pub(crate) tree: RunTree,
    pub(crate) dataset: Arc<data::Dataset>,
}

impl RunningStage<'_> {
    pub(crate) fn store(&self) -> &Store {
        &self.context.store
    }

    pub(crate) fn tree(&self) -> &RunTree {
        &self.tree
    }

    pub(crate) fn tell(&self, progress: &Progress<'_>) {
        self.settings.reporter.report(progress);
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.settings.interrupt.load(Ordering::Relaxed)
    }

    /// Decides when a trial of this stage ends.
    pub(crate) fn judge(&self) -> Judge<'_> {
        let chance_loss = self.train.training.task.chance_loss(self.dataset.classes());
        Judge::new(self.train.early_stopping.as_ref(), self.train.divergence_factor, chance_loss)
    }

    pub(crate) fn provenance(&self, spent: Duration) -> Provenance {
        provenance(self.settings.build, self.context.device, spent)
    }
}

pub(crate) fn provenance(build: &str, device: Device, spent: Duration) -> Provenance {
    Provenance::of_this_machine(build, &device.to_string(), spent)
}
