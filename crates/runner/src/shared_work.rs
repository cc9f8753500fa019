//! Trains what is missing of a stage, together with other processes: each trial is one process's at a time.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use engine::{DeviceError, Ended, Population, Start};
use settings::{Device, Trial};

use crate::{
    checkpoint::Saved,
    executors::local,
    grouping::{PopulationLimit, groups, population_of},
    memory::{self, Budget},
    panics,
    progress::{Progress, TrialEnd},
    record::{Claimed, Recorder, describe},
    stage_run::RunningStage,
};
use results::{
    board::EVENT_FILES,
    trial::{PlannedTrial, TRIAL},
};
use store::{Claim, Holder};

/// How long to wait before asking again whether others have finished.
const ASK_AGAIN: Duration = Duration::from_millis(300);
/// How long to wait before the first retry; each later one waits twice as long.
const BACK_OFF: Duration = Duration::from_secs(1);
/// If the first so many trials all fail, the others would, too.
const HOPELESS: usize = 3;

/// Trials that other processes have claimed, with who has.
type Elsewhere = Mutex<Vec<(usize, Option<Holder>)>>;

/// What has become of the missing trials.
pub(crate) struct SharedWork<'a> {
    stage: &'a RunningStage<'a>,
    missing: &'a [&'a PlannedTrial],
    /// By the position among the missing ones; absent while it is not decided.
    ends: Mutex<Vec<Option<TrialEnd>>>,
    /// How often each was tried again.
    attempts: Mutex<Vec<u32>>,
    /// Nothing new begins.
    stopped: AtomicBool,
    /// Were trials finished before?
    hopeful: bool,
    budget: Budget,
}

/// Trains the `missing` trials of `stage`; how each ended, absent where it was not begun. `hopeful`: some trials of the stage
/// were finished before.
pub(crate) fn train(
    stage: &RunningStage<'_>,
    missing: &[&PlannedTrial],
    hopeful: bool,
) -> Vec<Option<TrialEnd>> {
    let ends = Mutex::new(vec![None; missing.len()]);
    let attempts = Mutex::new(vec![0; missing.len()]);
    let budget = Budget::of(stage.context.device, stage.settings.memory, &stage.dataset);
    let work =
        SharedWork { stage, missing, ends, attempts, stopped: AtomicBool::new(false), hopeful, budget };
    let mut open: Vec<usize> = (0..missing.len()).collect();
    // What made them fail may take the whole process with it this time: the others come before.
    let has_failed = |index: &usize| stage.store().failure(TRIAL, &missing[*index].key).is_some();
    open.sort_by_cached_key(has_failed);
    let mut told = Vec::new();
    while !open.is_empty() && !work.is_over() {
        let elsewhere = work.round(&open);
        let retries = work.retries();
        if elsewhere.is_empty() && retries.is_empty() {
            break;
        }
        if retries.is_empty() && elsewhere.len() == open.len() {
            // Others work on all that is left.
            work.tell_who(&elsewhere, &mut told);
            thread::sleep(ASK_AGAIN);
        }
        open = elsewhere.into_iter().map(|(index, _)| index).chain(retries).collect();
    }
    work.ends.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl SharedWork<'_> {
    fn is_over(&self) -> bool {
        self.stage.is_interrupted() || self.stopped.load(Ordering::Relaxed)
    }

    /// Trains those of `open` that nobody else works on; the others, with who does.
    fn round(&self, open: &[usize]) -> Vec<(usize, Option<Holder>)> {
        let device = self.stage.context.device;
        let most = PopulationLimit::on(device, self.stage.settings.largest_population, self.budget.total());
        let jobs = match device {
            Device::Cpu => self.stage.settings.jobs,
            // One population after the other has the whole device.
            Device::Cuda => 1,
        };
        // Whoever has failed before is tried alone, or with few others.
        let has_failed =
            |index: &usize| self.stage.store().failure(TRIAL, &self.missing[*index].key).is_some();
        let (suspects, others): (Vec<usize>, Vec<usize>) = open.iter().partition(|index| has_failed(index));
        let mut groups = self.groups(&others, most);
        groups.extend(self.groups(&suspects, PopulationLimit::of_suspects(device)));
        let elsewhere = Elsewhere::default();
        local::each(jobs, groups.len(), |group| {
            if !self.is_over() {
                self.train_group(&groups[group], &elsewhere);
            }
        });
        elsewhere.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The missing trials at `indices`, in groups that train together.
    fn groups(&self, indices: &[usize], most: PopulationLimit) -> Vec<Vec<usize>> {
        let trials: Vec<Trial> = indices.iter().map(|&index| self.missing[index].trial.clone()).collect();
        let groups = groups(&trials, self.stage.train, &self.stage.dataset, self.stage.context.device, most);
        groups.into_iter().map(|group| group.into_iter().map(|member| indices[member]).collect()).collect()
    }

    /// Trains those of one shape that can be claimed.
    fn train_group(&self, members: &[usize], elsewhere: &Elsewhere) {
        let mut claimed = Vec::new();
        for &index in members {
            match self.claim(index) {
                Ok(Claim::Mine(work)) => {
                    let saved = work.checkpoint().and_then(Saved::from_bytes);
                    claimed.push((index, Claimed { planned: self.missing[index], work, saved }));
                }
                Ok(Claim::Elsewhere(holder)) => {
                    elsewhere.lock().unwrap_or_else(PoisonError::into_inner).push((index, holder));
                }
                Ok(Claim::Done(_)) => self.end(index, TrialEnd::MadeElsewhere),
                Err(error) => self.end(index, TrialEnd::Failed(describe(&error))),
            }
        }
        // A population trains in lock-step: trials that go on from other epochs are another one.
        let epochs = |claimed: &Claimed<'_>| claimed.saved.as_ref().map_or(0, Saved::epochs);
        claimed.sort_by_key(|(_, claimed)| epochs(claimed));
        while !claimed.is_empty() {
            let first = epochs(&claimed[0].1);
            let rest = claimed.split_off(claimed.partition_point(|(_, claimed)| epochs(claimed) == first));
            self.train_together(claimed, elsewhere);
            claimed = rest;
        }
    }

    fn claim(&self, index: usize) -> Result<Claim, store::StoreError> {
        self.stage.store().claim(&self.missing[index].key_text, &[EVENT_FILES])
    }

    /// Trains claimed trials of one shape and epoch. If they panic together, nobody knows whose fault it was: halves of
    /// them are tried again. So are halves of what needs more memory than there is.
    fn train_together(&self, claimed: Vec<(usize, Claimed<'_>)>, elsewhere: &Elsewhere) {
        let (indices, members): (Vec<usize>, Vec<Claimed<'_>>) = claimed.into_iter().unzip();
        let need = engine::memory_need(self.stage.context.device, &population(self.stage, &members));
        let reserved = match self.budget.reserve(need.peak(), || self.is_over()) {
            Ok(Some(reserved)) => reserved,
            Ok(None) => return,
            Err(total) => {
                drop(members);
                return self.make_smaller(&indices, &memory::too_large(&need, total), elsewhere);
            }
        };
        let mut innocent = Vec::new();
        let mut no_room = None;
        for (&index, end) in indices.iter().zip(train_population(self.stage, members)) {
            match end {
                TrialEnd::OutOfMemory(reason) if indices.len() > 1 => {
                    no_room = Some(reason);
                    innocent.push(index);
                }
                TrialEnd::Panicked(_) if indices.len() > 1 => innocent.push(index),
                end => self.end(index, end),
            }
        }
        drop(reserved);
        if let Some(reason) = no_room {
            self.stage.tell(&Progress::Halved { trials: indices.len(), reason: &reason });
        }
        self.train_halves(&innocent, elsewhere);
    }

    /// Trains halves of what is too large together; what is too large alone fails, for `reason`.
    fn make_smaller(&self, indices: &[usize], reason: &str, elsewhere: &Elsewhere) {
        match indices {
            [index] => {
                let planned = self.missing[*index];
                let end = TrialEnd::TooLarge(reason.to_owned());
                self.stage.tell(&Progress::TrialEnded {
                    trial: &planned.trial,
                    end: &end,
                    epochs: 0,
                    last: None,
                    seconds: 0.0,
                });
                self.end(*index, end);
            }
            _ => self.train_halves(indices, elsewhere),
        }
    }

    fn train_halves(&self, indices: &[usize], elsewhere: &Elsewhere) {
        let (one, other) = indices.split_at(indices.len() / 2);
        for half in [one, other].into_iter().filter(|half| !half.is_empty()) {
            self.train_group(half, elsewhere);
        }
    }

    /// Writes down how a trial ended, and whether the others still begin.
    fn end(&self, index: usize, end: TrialEnd) {
        let planned = self.missing[index];
        let may_be_tried_again =
            matches!(end, TrialEnd::Failed(_)) && self.attempts_of(index) < self.stage.train.retries;
        if let Some(reason) = end.failure() {
            // What cannot be written is told at the end of the run anyway.
            let _ = self.stage.store().note_failure(TRIAL, &planned.key, reason);
            if self.stage.settings.fail_fast && !may_be_tried_again {
                self.stopped.store(true, Ordering::Relaxed);
            }
        }
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends[index] = Some(end);
        let failed = |end: &&Option<TrialEnd>| end.as_ref().is_some_and(|end| end.failure().is_some());
        // What does not fit says nothing of what does.
        let is_telling = |end: &&Option<TrialEnd>| {
            !matches!(end, None | Some(TrialEnd::TooLarge(_) | TrialEnd::OutOfMemory(_)))
        };
        let telling = || ends.iter().filter(is_telling);
        let (failures, decided) = (telling().filter(failed).count(), telling().count());
        if !self.hopeful && !may_be_tried_again && failures == decided && failures >= HOPELESS {
            self.stopped.store(true, Ordering::Relaxed);
        }
    }

    fn attempts_of(&self, index: usize) -> u32 {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)[index]
    }

    /// Those whose failure may pass and who have attempts left, after a pause.
    fn retries(&self) -> Vec<usize> {
        if self.is_over() {
            return Vec::new();
        }
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut again = Vec::new();
        for (index, end) in ends.iter_mut().enumerate() {
            if matches!(end, Some(TrialEnd::Failed(_))) && attempts[index] < self.stage.train.retries {
                attempts[index] += 1;
                *end = None;
                again.push(index);
            }
        }
        let most = again.iter().map(|&index| attempts[index]).max();
        drop((ends, attempts));
        if let Some(most) = most {
            let began = Instant::now();
            let pause = BACK_OFF * 2_u32.saturating_pow(most - 1).min(60);
            while began.elapsed() < pause && !self.is_over() {
                thread::sleep(ASK_AGAIN);
            }
        }
        again
    }

    /// Says who works on what is left, once for each.
    fn tell_who(&self, elsewhere: &[(usize, Option<Holder>)], told: &mut Vec<Holder>) {
        for holder in elsewhere.iter().filter_map(|(_, holder)| holder.as_ref()) {
            if !told.iter().any(|known| (&known.host, known.pid) == (&holder.host, holder.pid)) {
                told.push(holder.clone());
                let of_it = |(_, other): &&(usize, Option<Holder>)| {
                    other.as_ref().is_some_and(|other| (&other.host, other.pid) == (&holder.host, holder.pid))
                };
                let trials = elsewhere.iter().filter(of_it).count();
                self.stage.tell(&Progress::WaitingFor { holder, trials });
            }
        }
    }
}

fn population(stage: &RunningStage<'_>, members: &[Claimed<'_>]) -> Population {
    let trials: Vec<&Trial> = members.iter().map(|claimed| &claimed.planned.trial).collect();
    population_of(&trials, stage.train, &stage.dataset)
}

/// Trains trials of one shape; how each ended.
fn train_population(stage: &RunningStage<'_>, members: Vec<Claimed<'_>>) -> Vec<TrialEnd> {
    let dataset = &stage.dataset;
    let population = population(stage, &members);
    let saved = || members.iter().filter_map(|claimed| claimed.saved.as_ref());
    let start = Start {
        epochs: saved().next().map_or(0, Saved::epochs),
        states: saved().map(|saved| saved.state.clone()).collect(),
    };
    let mut recorder = Recorder::begin(stage, members);
    let device = stage.context.device;
    // A panic is a failure of these trials; the others go on.
    let trained =
        catch_unwind(AssertUnwindSafe(|| engine::train(device, &population, dataset, &start, &mut recorder)));
    match trained {
        Ok(Ok(Ended::Complete)) => recorder.end(TrialEnd::Failed("the trial never ended".into())),
        Ok(Ok(Ended::Interrupted)) => recorder.end(TrialEnd::Interrupted(None)),
        Ok(Err(error @ DeviceError::OutOfMemory { .. })) => {
            recorder.end(TrialEnd::OutOfMemory(error.to_string()))
        }
        Ok(Err(error)) => recorder.end(TrialEnd::Failed(error.to_string())),
        Err(panic) => recorder.end(TrialEnd::Panicked(format!(
            "panicked: {}{}",
            panic_message(panic.as_ref()),
            panics::last_backtrace()
        ))),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
