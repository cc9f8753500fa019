//! The missing trials of a study: how many workers they need, and why they are not done.

use std::{cell::RefCell, collections::HashSet, process::ExitCode, sync::atomic::AtomicBool};

use cluster::{Folder, Progress, Settings, Study};
use results::trial::{PlannedTrial, TRIAL};
use runner::plan::StagePlan;
use settings::Device;
use spec::Stage;

use crate::{
    RunArguments,
    asked::Asked,
    commands::run,
    program::study_in_words,
    terminal::{Bars, from_here, tell},
};

/// The number of unfinished trials and of logs that are shown after the last round.
const SHOWN: usize = 3;
/// The number of lines of each log.
const LOG_LINES: usize = 5;

/// States in which Slurm ends jobs, and what to do.
const REMEDIES: [(&str, &str); 2] = [
    (
        "TIMEOUT",
        "an epoch takes longer than a job may: raise `time` or `warning_seconds` in the cluster file",
    ),
    ("OUT_OF_MEMORY", "raise `memory` in the cluster file"),
];

/// The study of a pipeline, as its store shows it.
pub struct OnCluster<'a> {
    arguments: &'a RunArguments,
    settings: &'a Settings,
    asked: &'a Asked<'a>,
    bars: &'a Bars,
    interrupt: &'a AtomicBool,
    /// The stages when they were planned last. A plan reads all images, so the missing trials alone are looked up again.
    known: RefCell<Option<Vec<StagePlan>>>,
}

impl<'a> OnCluster<'a> {
    pub fn new(
        arguments: &'a RunArguments,
        settings: &'a Settings,
        asked: &'a Asked<'a>,
        bars: &'a Bars,
        interrupt: &'a AtomicBool,
    ) -> Self {
        Self { arguments, settings, asked, bars, interrupt, known: RefCell::default() }
    }

    /// Looks up the missing trials, and plans again when winners can be chosen.
    fn look(&self) -> anyhow::Result<()> {
        let mut known = self.known.borrow_mut();
        let is_chosen = match known.as_mut() {
            None => false,
            Some(plans) => {
                for planned in trials_of(plans).filter(|planned| planned.artifact.is_none()) {
                    planned.artifact = self.asked.store.look_up(TRIAL, &planned.key)?.0;
                }
                let is_waiting = |plan: &StagePlan| matches!(plan, StagePlan::Train { waiting: Some(_), .. });
                !plans.iter().any(is_waiting) || trials_of(plans).any(|planned| planned.artifact.is_none())
            }
        };
        if !is_chosen {
            *known = Some(runner::plan::plan(&self.asked.context(), &self.asked.pipeline)?);
        }
        Ok(())
    }

    /// Calls `read` with the trials of each stage that are not finished.
    fn missing<T>(
        &self,
        mut read: impl FnMut(&str, Vec<&PlannedTrial>) -> anyhow::Result<T>,
    ) -> anyhow::Result<Vec<T>> {
        let known = self.known.borrow();
        let stages = known.iter().flatten().filter_map(|plan| match plan {
            StagePlan::Train { name, trials, .. } => {
                let missing: Vec<_> = trials.iter().filter(|planned| planned.artifact.is_none()).collect();
                (!missing.is_empty()).then_some((name, missing))
            }
            _ => None,
        });
        stages.map(|(name, missing)| read(name, missing)).collect()
    }

    /// Says which trials are missing after the last round, and what is known about the reason.
    pub fn explain(&self, folder: &Folder, ends: Option<String>) -> ExitCode {
        let store = &self.asked.store;
        let reasons = self.missing(|_, missing| {
            let reason = |planned: &PlannedTrial| store.failure(TRIAL, &planned.key);
            Ok(missing.iter().map(|planned| (planned.trial.to_string(), reason(planned))).collect::<Vec<_>>())
        });
        let reasons: Vec<_> = reasons.into_iter().flatten().flatten().collect();
        tell(&format!(
            "error: {} not finished, and the last rounds finished none",
            match reasons.len() {
                1 => "1 trial is".to_owned(),
                count => format!("{count} trials are"),
            }
        ));
        for (trial, reason) in reasons.iter().take(SHOWN) {
            let reason =
                reason.as_deref().and_then(|reason| reason.lines().next()).unwrap_or("no reason is noted");
            tell(&format!("  {trial}: {reason}"));
        }
        if reasons.len() > SHOWN {
            tell(&format!(
                "  and {} more: `cargo xtask status {}`",
                reasons.len() - SHOWN,
                study_in_words(&self.arguments.asked)
            ));
        }
        if let Some(ends) = ends {
            tell(&format!("jobs of the last round ended as: {ends}"));
            for (state, remedy) in REMEDIES {
                if ends.contains(state) {
                    tell(&format!("hint: {remedy}"));
                }
            }
        }
        for (path, end) in folder.last_logs(SHOWN, LOG_LINES) {
            let end = match end.is_empty() {
                true => "(empty: perhaps a line of `before` ends the script)".to_owned(),
                false => end.replace('\n', "\n  "),
            };
            tell(&format!("the end of {}:\n  {end}", from_here(&path)));
        }
        ExitCode::FAILURE
    }
}

/// Returns all trials that are known.
fn trials_of(plans: &mut [StagePlan]) -> impl Iterator<Item = &mut PlannedTrial> {
    plans.iter_mut().flat_map(|plan| match plan {
        StagePlan::Train { trials, .. } => trials.as_mut_slice(),
        _ => &mut [],
    })
}

impl Study for OnCluster<'_> {
    type Error = anyhow::Error;

    fn progress(&self) -> anyhow::Result<Progress> {
        self.look()?;
        let mut known = self.known.borrow_mut();
        // Two stages may share a trial.
        let (mut keys, mut finished) = (HashSet::new(), 0);
        for planned in trials_of(known.as_deref_mut().unwrap_or_default()) {
            if keys.insert(planned.key) {
                finished += usize::from(planned.artifact.is_some());
            }
        }
        Ok(Progress { finished, total: keys.len() })
    }

    fn saved_epochs(&self) -> anyhow::Result<u64> {
        let store = &self.asked.store;
        let saved = |planned: &&PlannedTrial| u64::from(runner::saved_epochs(store, planned));
        Ok(self.missing(|_, missing| Ok(missing.iter().map(saved).sum::<u64>()))?.into_iter().sum())
    }

    fn is_trained_elsewhere(&self) -> anyhow::Result<bool> {
        let store = &self.asked.store;
        let is_held = |planned: &&PlannedTrial| store.holder(TRIAL, &planned.key).is_some();
        Ok(self.missing(|_, missing| Ok(missing.iter().all(is_held)))?.into_iter().all(|all| all))
    }

    fn prepare(&self) -> anyhow::Result<u32> {
        let (context, pipeline) = (self.asked.context(), &self.asked.pipeline);
        let settings = run::settings(self.arguments, self.bars, self.interrupt);
        if runner::run::prepare(&context, pipeline, settings)?.interrupted {
            return Ok(1);
        }
        let cores = self.settings.cpus.get() as usize;
        let mut busy = 0;
        let mut minutes = 0.0;
        self.missing(|name, missing| {
            busy += missing.len().div_ceil(cores);
            let train = pipeline.stages.iter().find_map(|stage| match stage {
                Stage::Train(train) if train.name == name => Some(train),
                _ => None,
            });
            // A login node has no GPU, on which steps could be timed.
            if let (Some(train), Device::Cpu) = (train, context.device) {
                minutes += runner::estimate(&context, train, &missing, cores)?.at_most.as_secs_f64() / 60.0;
            }
            Ok(())
        })?;
        let worth = match context.device {
            Device::Cpu if self.settings.least_minutes > 0.0 => {
                (minutes / self.settings.least_minutes) as usize
            }
            _ => usize::MAX,
        };
        Ok(u32::try_from(worth.min(busy).max(1)).unwrap_or(u32::MAX))
    }
}
