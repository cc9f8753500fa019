//! Trains the missing trials of a stage, together with other processes. A claim in the store ensures that one process at a time
//! trains a trial.

use std::{
    any::Any,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use engine::{DeviceError, Ended, Population, Start};
use results::trial::{Beginning, EVENT_FILES, PlannedTrial, TRIAL, WEIGHTS};
use settings::{Device, Trial};
use spec::KeptWeights;
use store::{Claim, LastSeen, Owner, StoreError, Work};

use crate::{
    beginning,
    checkpoint::Saved,
    grouping::{PopulationLimit, groups, population_of},
    memory::{self, Budget},
    panics,
    progress::{Attempt, Progress, TrialEnd},
    record::{self, Claimed, Recorder, describe},
    stage_run::{Role, RunningStage},
    workers,
};

/// The time between two checks whether other processes have finished.
const CHECK_INTERVAL: Duration = Duration::from_millis(300);
/// The pause before the first retry. It doubles with each retry.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The number of failed trials after which no other trial begins, if none has succeeded.
const FAILURES_TO_STOP: usize = 3;

/// Trials that other processes have claimed, with the process.
type Held = Vec<(usize, Option<Owner>)>;

/// The missing trials of a stage. A trial is identified by its index in `missing`.
struct SharedWork<'a> {
    stage: &'a RunningStage<'a>,
    missing: &'a [&'a PlannedTrial],
    /// The end of each trial; absent until it has ended.
    ends: Mutex<Vec<Option<TrialEnd>>>,
    /// The number of retries of each trial.
    retries: Mutex<Vec<u32>>,
    /// Whether no further trial may begin.
    stopped: AtomicBool,
    /// Whether trials of the stage were finished before.
    has_finished: bool,
    /// Whether each trial had failed when this process began.
    had_failed: Vec<bool>,
    budget: Budget,
}

/// The outcome of [`train`].
pub(crate) struct Trained {
    /// The end of each trial; absent if it did not begin.
    pub(crate) ends: Vec<Option<TrialEnd>>,
    /// Whether trials did not begin because other processes train them.
    pub(crate) left_to_others: bool,
}

/// Trains the `missing` trials of `stage`. `has_finished` states whether other trials of the stage were finished before.
pub(crate) fn train(stage: &RunningStage<'_>, missing: &[&PlannedTrial], has_finished: bool) -> Trained {
    let mut work = SharedWork {
        stage,
        missing,
        ends: Mutex::new(vec![None; missing.len()]),
        retries: Mutex::new(vec![0; missing.len()]),
        stopped: AtomicBool::new(false),
        has_finished,
        had_failed: Vec::new(),
        budget: Budget::of(stage.context.device, stage.settings.memory, &stage.dataset),
    };
    work.had_failed = (0..missing.len()).map(|index| work.has_failed_before(index)).collect();
    let mut open: Vec<usize> = (0..missing.len()).collect();
    // A trial that failed before may end the whole process this time, so the others come first.
    open.sort_by_key(|&index| work.had_failed[index]);
    let mut reported = Vec::new();
    let mut left_to_others = false;
    while !open.is_empty() && !work.is_over() {
        let held = work.round(&open);
        let retried = work.retry();
        if held.is_empty() && retried.is_empty() {
            break;
        }
        if retried.is_empty() && held.len() == open.len() {
            if matches!(stage.role, Role::Worker(_)) && !work.may_fall_free(&held) {
                left_to_others = true;
                break;
            }
            work.report_holders(&held, &mut reported);
            thread::sleep(CHECK_INTERVAL);
        }
        open = held.into_iter().map(|(index, _)| index).chain(retried).collect();
    }
    Trained { ends: work.ends.into_inner().unwrap_or_else(PoisonError::into_inner), left_to_others }
}

/// How a claimed trial begins.
enum Begins<'a> {
    Trained(Claimed<'a>),
    /// It has ended before an epoch.
    Ended(Attempt),
}

/// Locks a list that stays valid if a thread panics.
fn lock<T>(list: &Mutex<T>) -> MutexGuard<'_, T> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SharedWork<'_> {
    fn is_over(&self) -> bool {
        self.stage.is_interrupted() || self.stopped.load(Ordering::Relaxed)
    }

    fn has_failed_before(&self, index: usize) -> bool {
        self.stage.context.store.failure(TRIAL, &self.missing[index].key).is_some()
    }

    /// Trains the `open` trials that no other process has claimed, and returns the others.
    fn round(&self, open: &[usize]) -> Held {
        let device = self.stage.context.device;
        let limit = PopulationLimit::on(device, self.stage.settings.largest_population, self.budget.total());
        let jobs = match device {
            Device::Cpu => self.stage.settings.jobs,
            // Each population uses the whole device.
            Device::Cuda => 1,
        };
        let (failed, others): (Vec<usize>, Vec<usize>) =
            open.iter().partition(|&&index| self.has_failed_before(index));
        let mut groups = self.groups(&others, limit);
        groups.extend(self.groups(&failed, PopulationLimit::after_failure(device)));
        let held = Mutex::default();
        workers::each(jobs, groups.len(), |group| {
            if !self.is_over() {
                self.train_group(&groups[group], &held);
            }
        });
        held.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn groups(&self, indices: &[usize], limit: PopulationLimit) -> Vec<Vec<usize>> {
        let trials: Vec<Trial> = indices.iter().map(|&index| self.missing[index].trial.clone()).collect();
        let groups = groups(&trials, self.stage.train, &self.stage.dataset, self.stage.context.device, limit);
        groups.into_iter().map(|group| group.into_iter().map(|member| indices[member]).collect()).collect()
    }

    /// Claims and trains trials of one shape.
    fn train_group(&self, members: &[usize], held: &Mutex<Held>) {
        let mut claimed = Vec::new();
        for &index in members {
            match self.claim(index) {
                Ok(Claim::Mine(work)) => match self.begin(index, work) {
                    Begins::Trained(begun) => claimed.push((index, begun)),
                    Begins::Ended(attempt) if attempt.end == TrialEnd::TakenOver => {
                        lock(held).push((index, self.holder(index)));
                    }
                    Begins::Ended(attempt) => self.end(index, attempt),
                },
                Ok(Claim::Elsewhere(holder)) => lock(held).push((index, holder)),
                Ok(Claim::Done(_)) => self.end(index, TrialEnd::MadeElsewhere.into()),
                Err(error) => self.end(index, TrialEnd::Failed(describe(&error)).into()),
            }
        }
        // A population trains in lock-step, so its trials must resume from the same epoch.
        claimed.sort_by_key(|(_, claimed)| claimed.epochs());
        while let Some((_, first)) = claimed.first() {
            let epochs = first.epochs();
            let rest = claimed.split_off(claimed.partition_point(|(_, claimed)| claimed.epochs() == epochs));
            self.train_together(claimed, held);
            claimed = rest;
        }
    }

    /// Reads the state from which a claimed trial resumes, or stores its result if a finished trial has it.
    fn begin(&self, index: usize, work: Work) -> Begins<'_> {
        let (planned, train) = (self.missing[index], self.stage.train);
        let saved = work.checkpoint().and_then(|bytes| Saved::from_bytes(bytes, &planned.key));
        let done = saved.as_ref().map_or(0, Saved::epochs);
        let further = |known: &&Beginning| known.is_whole || known.result.epochs > done;
        let Some(beginning) = planned.beginning.as_ref().filter(further) else {
            return Begins::Trained(Claimed { planned, work, saved, events: Vec::new() });
        };
        let begun = match beginning::read(beginning, &train.training.trackers) {
            Ok(begun) => begun,
            Err(error) => {
                let (trial, reason) = (&planned.trial, describe(&error));
                let text =
                    format!("{trial}: the finished trial from which it would begin cannot be read: {reason}");
                self.stage.report(&Progress::Warning(&text));
                return Begins::Trained(Claimed { planned, work, saved, events: Vec::new() });
            }
        };
        // The best epoch may have been one of these.
        if (beginning.is_whole || train.keep_weights != KeptWeights::Last)
            && let Err(error) = work.write(WEIGHTS, &begun.weights)
        {
            return Begins::Ended(record::failed(&work, &error.into()).into());
        }
        if beginning.is_whole {
            return Begins::Ended(record::adopt(self.stage, planned, work, beginning, begun));
        }
        Begins::Trained(Claimed { planned, work, saved: Some(begun.saved), events: begun.events })
    }

    fn claim(&self, index: usize) -> Result<Claim, StoreError> {
        if matches!(self.stage.role, Role::Worker(_))
            && !self.had_failed[index]
            && self.has_failed_before(index)
        {
            // Another worker has tried it. The next round tries it again.
            return Ok(Claim::Elsewhere(None));
        }
        self.stage.context.store.claim(&self.missing[index].key_text, &[EVENT_FILES, WEIGHTS])
    }

    /// Trains claimed trials of one shape and epoch. A population that panics or needs too much memory is tried again in halves:
    /// the panic may be caused by one of its trials.
    fn train_together(&self, claimed: Vec<(usize, Claimed<'_>)>, held: &Mutex<Held>) {
        let (indices, members): (Vec<usize>, Vec<Claimed<'_>>) = claimed.into_iter().unzip();
        let need = engine::memory_need(self.stage.context.device, &population(self.stage, &members));
        let reserved = match self.budget.reserve(need.peak(), || self.is_over()) {
            Ok(Some(reserved)) => reserved,
            Ok(None) => return,
            Err(total) => {
                drop(members);
                return self.too_large(&indices, memory::too_large(&need, total), held);
            }
        };
        let retried: Mutex<Vec<(usize, String)>> = Mutex::default();
        train_population(self.stage, members, &|member, attempt| {
            let index = indices[member];
            match attempt.end {
                TrialEnd::OutOfMemory(reason) | TrialEnd::Panicked(reason) if indices.len() > 1 => {
                    lock(&retried).push((index, reason));
                }
                TrialEnd::TakenOver => lock(held).push((index, self.holder(index))),
                _ => self.end(index, attempt),
            }
        });
        drop(reserved);
        let (retried, reasons): (Vec<usize>, Vec<String>) =
            retried.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().unzip();
        if let Some(reason) = reasons.first() {
            let reason = reason.lines().next().unwrap_or_default();
            self.stage.report(&Progress::Halved { trials: indices.len(), reason });
        }
        self.train_halves(&retried, held);
    }

    /// Trains halves of a population that needs too much memory. A single trial fails for `reason`.
    fn too_large(&self, indices: &[usize], reason: String, held: &Mutex<Held>) {
        let &[index] = indices else { return self.train_halves(indices, held) };
        self.end(index, TrialEnd::TooLarge(reason).into());
    }

    fn train_halves(&self, indices: &[usize], held: &Mutex<Held>) {
        let (one, other) = indices.split_at(indices.len() / 2);
        for half in [one, other].into_iter().filter(|half| !half.is_empty()) {
            self.train_group(half, held);
        }
    }

    fn holder(&self, index: usize) -> Option<Owner> {
        self.stage.context.store.holder(TRIAL, &self.missing[index].key)
    }

    /// Records and reports how the last attempt of a trial ended, and decides whether further trials may begin.
    fn end(&self, index: usize, Attempt { end, epochs, last, seconds }: Attempt) {
        let may_retry =
            matches!(end, TrialEnd::Failed(_)) && lock(&self.retries)[index] < self.stage.train.retries;
        // Another process may have begun the trial since.
        if let Some(reason) = end.failure().filter(|_| self.holder(index).is_none()) {
            // If this cannot be written, the report of the run still contains the failure.
            let _ = self.stage.context.store.note_failure(TRIAL, &self.missing[index].key, reason);
        }
        if end.failure().is_some() && self.stage.settings.fail_fast && !may_retry {
            self.stopped.store(true, Ordering::Relaxed);
        }
        let trial = &self.missing[index].trial;
        match &end {
            TrialEnd::Failed(reason) if may_retry && !self.is_over() => {
                self.stage.report(&Progress::AttemptFailed { trial, reason });
            }
            // A rerun continues it.
            TrialEnd::Interrupted(_) => {}
            end => {
                let last = last.as_ref();
                self.stage.report(&Progress::TrialEnded { trial, end, epochs, last, seconds });
            }
        }
        let mut ends = lock(&self.ends);
        ends[index] = Some(end);
        let (mut failed, mut succeeded) = (0, 0);
        for end in ends.iter().flatten() {
            match end {
                // A trial that is too large does not predict the outcome of smaller ones.
                TrialEnd::TooLarge(_) | TrialEnd::OutOfMemory(_) => {}
                end if end.failure().is_some() => failed += 1,
                _ => succeeded += 1,
            }
        }
        if !self.has_finished && !may_retry && succeeded == 0 && failed >= FAILURES_TO_STOP {
            self.stopped.store(true, Ordering::Relaxed);
        }
    }

    /// Returns the failed trials that have retries left, after a pause.
    fn retry(&self) -> Vec<usize> {
        if self.is_over() {
            return Vec::new();
        }
        let mut retried = Vec::new();
        let mut most = 0;
        let (mut ends, mut retries) = (lock(&self.ends), lock(&self.retries));
        for (index, end) in ends.iter_mut().enumerate() {
            if matches!(end, Some(TrialEnd::Failed(_))) && retries[index] < self.stage.train.retries {
                retries[index] += 1;
                most = most.max(retries[index]);
                *end = None;
                retried.push(index);
            }
        }
        drop((ends, retries));
        if most > 0 {
            let began = Instant::now();
            let pause = FIRST_PAUSE * 2_u32.saturating_pow(most - 1).min(60);
            while began.elapsed() < pause && !self.is_over() {
                thread::sleep(CHECK_INTERVAL);
            }
        }
        retried
    }

    /// Returns whether one of the `held` trials may soon be free, because its holder has missed a heartbeat.
    fn may_fall_free(&self, held: &Held) -> bool {
        let last_seen = |index: usize| self.stage.context.store.last_seen(TRIAL, &self.missing[index].key);
        held.iter().any(|(index, _)| last_seen(*index).is_some_and(LastSeen::is_late))
    }

    /// Reports the processes that train the remaining trials, once for each process.
    fn report_holders(&self, held: &Held, reported: &mut Vec<Owner>) {
        for (index, holder) in held.iter().filter_map(|(index, holder)| Some((*index, holder.as_ref()?))) {
            if !reported.iter().any(|known| is_same(known, holder)) {
                reported.push(holder.clone());
                let holders = held.iter().filter_map(|(_, other)| other.as_ref());
                let trials = holders.filter(|other| is_same(other, holder)).count();
                let last_seen = self.stage.context.store.last_seen(TRIAL, &self.missing[index].key);
                self.stage.report(&Progress::WaitingFor { holder, trials, last_seen });
            }
        }
    }
}

fn is_same(one: &Owner, other: &Owner) -> bool {
    (&one.host, one.pid) == (&other.host, other.pid)
}

fn population(stage: &RunningStage<'_>, members: &[Claimed<'_>]) -> Population {
    let trials: Vec<&Trial> = members.iter().map(|claimed| &claimed.planned.trial).collect();
    population_of(&trials, stage.train, &stage.dataset)
}

/// Trains claimed trials of one shape and epoch. `ended` is called for each with its attempt.
fn train_population(stage: &RunningStage<'_>, mut members: Vec<Claimed<'_>>, ended: &dyn Fn(usize, Attempt)) {
    let dataset = &stage.dataset;
    let population = population(stage, &members);
    let saved = members.iter_mut().filter_map(|claimed| claimed.saved.as_mut());
    // The states of a large population fill much memory, so they are there once.
    let states = saved.map(|saved| mem::take(&mut saved.state)).collect();
    let start = Start { epochs: members.first().map_or(0, Claimed::epochs), states };
    let mut recorder = Recorder::begin(stage, members, ended);
    let device = stage.context.device;
    // A panic fails these trials only. Other populations continue.
    let trained =
        catch_unwind(AssertUnwindSafe(|| engine::train(device, &population, dataset, &start, &mut recorder)));
    recorder.end(&match trained {
        Ok(Ok(Ended::Complete)) => TrialEnd::Failed("training ended before the trial did".into()),
        Ok(Ok(Ended::Interrupted)) => TrialEnd::Interrupted(None),
        Ok(Err(error @ DeviceError::OutOfMemory { .. })) => TrialEnd::OutOfMemory(error.to_string()),
        Ok(Err(error)) => TrialEnd::Failed(error.to_string()),
        Err(panic) => TrialEnd::Panicked(format!(
            "panicked: {}{}",
            panic_message(panic.as_ref()),
            panics::last_backtrace()
        )),
    })
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
