//! Rounds of workers, until nothing is missing.
//!
//! A round is an array of workers and a last job, which begins when they have ended: it submits the next round or writes the
//! report, also if the command that waits has been ended. The same command finds the jobs again by the study's name.

use std::{
    cell::{Cell, RefCell},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant, SystemTime},
};

use store::{Claim, KeyText, Store};

use crate::{
    error::Error,
    folder::{Folder, Round},
    script::Worker,
    settings::Settings,
    slurm::{Job, JobId, Slurm},
};

/// The number of rounds in a row without a finished trial or a saved epoch after which no other is submitted.
const FRUITLESS_ROUNDS: u32 = 3;
/// The time between two checks whether the user interrupts.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// The finished trials of a study.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub finished: usize,
    /// All trials that are known; a grid of winners adds its trials when its search is done.
    pub total: usize,
}

impl Progress {
    fn is_complete(self) -> bool {
        self.finished == self.total
    }
}

/// A study, as its store shows it.
pub trait Study {
    type Error: From<Error>;

    /// Returns how many trials are finished now.
    fn progress(&self) -> Result<Progress, Self::Error>;

    /// Returns the number of saved epochs of the trials that are not finished.
    fn saved_epochs(&self) -> Result<u64, Self::Error>;

    /// Returns whether other processes train every missing trial now, for example jobs of a pipeline that shares them.
    fn is_trained_elsewhere(&self) -> Result<bool, Self::Error>;

    /// Makes everything that workers need, and returns how many workers have enough to do, at least 1. Called before a round is
    /// submitted. Returns early if the user interrupts.
    fn prepare(&self) -> Result<u32, Self::Error>;
}

/// Something that a person may want to know.
#[derive(Debug)]
pub enum Event<'a> {
    /// A round was submitted. The number of the array is absent if Slurm's answer was lost.
    Submitted { round: u32, workers: u32, array: Option<JobId> },
    /// Jobs of an earlier start were found, which may have been submitted with another cluster file.
    Adopted { jobs: usize, has_other_settings: bool },
    /// The last job of the round before submitted this round.
    WentOn { round: u32 },
    /// The state of the queue and of the study.
    Waiting { progress: Progress, running: usize, waiting: usize, reason: &'a str },
    /// Processes outside of this study's jobs train every missing trial.
    Elsewhere { progress: Progress },
    /// A command of the scheduler gave no answer; it is asked again.
    NoAnswer(&'a Error),
    /// The last job of a round could not be submitted.
    NoLastJob(&'a Error),
}

/// The reason why [`Driver::drive`] returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Every trial is finished.
    Complete,
    /// Jobs are in the queue, and this command does not wait for them.
    Detached,
    /// The user interrupted; the jobs go on.
    Interrupted,
    /// The last rounds brought the study no further. `ends` says how their jobs ended, if Slurm's accounting tells.
    GaveUp { ends: Option<String> },
}

/// The rounds of a study on a cluster.
pub struct Driver<'a> {
    pub slurm: Slurm,
    pub settings: &'a Settings,
    pub store: &'a Store,
    pub folder: &'a Folder,
    pub worker: &'a Worker,
    /// Whether to return when jobs are in the queue.
    pub detach: bool,
    /// The number of this job, if this process is the last job of a round of this study.
    pub last_job: Option<JobId>,
    pub interrupt: &'a AtomicBool,
    pub report: &'a dyn Fn(Event<'_>),
}

/// The memory of a driver between two questions.
#[derive(Default)]
struct Memory {
    /// Whether this driver, or the last job before it, submitted the last round.
    continues: Cell<bool>,
    /// Whether the queue was empty when it was asked last. One look at the store could be too early: network file systems show
    /// other hosts' files late.
    was_empty: Cell<bool>,
    /// The message of the last failure that was reported.
    failure: RefCell<String>,
    has_tried_last_job: Cell<bool>,
    /// The number of the last round that was reported.
    round: Cell<u32>,
    /// Whether the queue had workers and no last job when it was asked last. It may be on its way.
    lacked_last_job: Cell<bool>,
}

impl Driver<'_> {
    /// Submits rounds of workers until the study is complete.
    ///
    /// # Errors
    /// If the scheduler refuses a round, a worker stopped it, or the study fails. Commands that hang or fail are repeated.
    pub fn drive<S: Study>(&self, study: &S) -> Result<End, S::Error> {
        let is_last_job = self.last_job.is_some();
        if !is_last_job {
            self.folder.allow()?;
        }
        let memory = Memory {
            continues: Cell::new(is_last_job),
            was_empty: Cell::new(!is_last_job),
            ..Memory::default()
        };
        loop {
            if let Some(end) = self.step(study, &memory)? {
                return Ok(end);
            }
            if !self.pause() {
                return Ok(End::Interrupted);
            }
        }
    }

    /// Asks the store and the queue once, and acts. Returns the end, if this is it.
    fn step<S: Study>(&self, study: &S, memory: &Memory) -> Result<Option<End>, S::Error> {
        if let Some(reason) = self.folder.stopped() {
            // Workers that begin later see the reason, so a failure to cancel is no loss.
            let _ = self.slurm.cancel(self.folder.study());
            return Err(Error::Stopped { reason }.into());
        }
        let progress = study.progress()?;
        let jobs = match self.jobs() {
            Ok(jobs) => jobs,
            Err(_) if progress.is_complete() => return Ok(Some(End::Complete)),
            // The first question shows whether Slurm can be used at all.
            Err(error @ (Error::Missing { .. } | Error::Refused { .. }))
                if memory.failure.borrow().is_empty() && !memory.continues.get() =>
            {
                return Err(error.into());
            }
            Err(error) => {
                self.say_once(memory, &error);
                return Ok(None);
            }
        };
        memory.failure.borrow_mut().clear();
        let (workers, last): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| job.element.is_some());
        let is_empty = workers.is_empty() && !last.iter().any(|job| job.is_running);
        let was_empty = memory.was_empty.replace(is_empty);
        if progress.is_complete() {
            if workers.iter().chain(&last).any(|job| !job.is_running) {
                // If this fails, they end by themselves, as do those that run: nothing is left to do.
                let _ = self.slurm.cancel_waiting(self.folder.study());
            }
            return Ok(Some(End::Complete));
        }
        if !is_empty {
            self.wait_for(memory, progress, &workers, &last);
            return Ok(self.detach.then_some(End::Detached));
        }
        if !was_empty {
            return Ok(None);
        }
        if !last.is_empty() {
            // It waits for a free node, and its work is done here.
            let _ = self.slurm.cancel_waiting(self.folder.study());
        }
        self.next_round(study, memory, progress)
    }

    /// Returns the study's jobs, without this process.
    fn jobs(&self) -> Result<Vec<Job>, Error> {
        let mut jobs = self.slurm.jobs(self.folder.study())?;
        jobs.retain(|job| Some(job.id) != self.last_job);
        Ok(jobs)
    }

    fn wait_for(&self, memory: &Memory, progress: Progress, workers: &[Job], last: &[Job]) {
        if !memory.continues.replace(true) {
            let has_other_settings =
                self.folder.settings().is_some_and(|settings| settings != *self.settings);
            (self.report)(Event::Adopted { jobs: workers.len() + last.len(), has_other_settings });
            memory.round.set(self.folder.round().map_or(0, |round| round.number));
        }
        if let Some(Round { number, .. }) = self.folder.round()
            && memory.round.replace(number) != number
        {
            (self.report)(Event::WentOn { round: number });
        }
        if let Some(worker) = workers.first() {
            self.know_array(worker.id);
            if memory.lacked_last_job.replace(last.is_empty()) && last.is_empty() {
                self.submit_last(memory, worker.id);
            }
        }
        let running = workers.iter().filter(|job| job.is_running).count();
        let reason = workers.iter().find(|job| !job.is_running).map_or("", |job| job.reason.as_str());
        let waiting = workers.len() - running;
        (self.report)(Event::Waiting { progress, running, waiting, reason });
    }

    /// Records the array of the last round, if Slurm's answer was lost.
    fn know_array(&self, array: JobId) {
        if let Some(round) = self.folder.round().filter(|round| round.array.is_none()) {
            // Without it, a round without progress is not counted.
            let _ = self.folder.write_round(&Round { array: Some(array.0), ..round });
        }
    }

    /// Submits another round, unless the last ones were fruitless or another process submits one.
    fn next_round<S: Study>(
        &self,
        study: &S,
        memory: &Memory,
        progress: Progress,
    ) -> Result<Option<End>, S::Error> {
        if study.is_trained_elsewhere()? {
            (self.report)(Event::Elsewhere { progress });
            return Ok(None);
        }
        let before = self.folder.round().filter(|_| memory.continues.get());
        if let Some(array) = before.as_ref().and_then(|round| round.array).map(JobId)
            && self.slurm.cancelled(self.folder.study(), array).is_ok_and(|jobs| jobs > 0)
        {
            let reason = format!("jobs of the array {array} were cancelled with scancel");
            return Err(Error::Stopped { reason }.into());
        }
        let round = next(before.as_ref(), (progress.finished, study.saved_epochs()?));
        if round.fruitless >= FRUITLESS_ROUNDS {
            let ends = self.folder.last_array().and_then(|array| self.slurm.ends(array));
            return Ok(Some(End::GaveUp { ends: ends.filter(|ends| !ends.is_empty()) }));
        }
        let worth = study.prepare()?;
        let largest = self.slurm.largest_array().unwrap_or(u32::MAX);
        let workers = self.settings.workers.get().min(worth).min(largest).max(1);
        // Two commands that find an empty queue at once must not both submit.
        let turn = KeyText::new("round", 1, &self.folder.study(), &[]);
        let Claim::Mine(_turn) = self.store.claim(&turn, &[]).map_err(Error::from)? else { return Ok(None) };
        match self.jobs() {
            Ok(jobs) if !jobs.is_empty() => return Ok(None),
            // The user may have ended it meanwhile, here or with `cancel`.
            Ok(_) if self.is_interrupted() || self.folder.stopped().is_some() => return Ok(None),
            Ok(_) => {}
            Err(error) => {
                self.say_once(memory, &error);
                return Ok(None);
            }
        }
        self.submit(memory, round, workers, progress)?;
        memory.was_empty.set(false);
        if self.folder.stopped().is_some() {
            // The next step ends with the reason.
            return Ok(None);
        }
        Ok(self.detach.then_some(End::Detached).filter(|_| memory.failure.borrow().is_empty()))
    }

    fn submit(
        &self,
        memory: &Memory,
        mut round: Round,
        workers: u32,
        Progress { finished, total }: Progress,
    ) -> Result<(), Error> {
        let (study, logs) = (self.folder.study(), self.folder.logs());
        self.folder.create()?;
        let script = self.worker.script(self.settings, study, workers, total - finished);
        let script = self.folder.write("worker.sh", &script)?;
        self.folder.write_settings(self.settings)?;
        // Before the submission: if this process is killed now, the round is known.
        self.folder.write_round(&round)?;
        let options = self.worker.options(self.settings, study, workers, &logs);
        memory.has_tried_last_job.set(false);
        memory.continues.set(true);
        memory.round.set(round.number);
        match self.slurm.submit(&options, &script) {
            Ok(array) => round.array = Some(array.0),
            // It may have been submitted. The queue shows it.
            Err(error @ Error::NoAnswer { .. }) => self.say_once(memory, &error),
            Err(error) => return Err(error),
        }
        self.folder.write_round(&round)?;
        let array = round.array.map(JobId);
        (self.report)(Event::Submitted { round: round.number, workers, array });
        if let Some(array) = array {
            self.submit_last(memory, array);
        }
        Ok(())
    }

    /// Submits the last job of the round of `array`, once.
    fn submit_last(&self, memory: &Memory, array: JobId) {
        if memory.has_tried_last_job.replace(true) {
            return;
        }
        let (study, logs) = (self.folder.study(), self.folder.logs());
        let script = self.worker.last_script(self.settings, study, &self.folder.settings_file());
        let submitted = self.folder.write("last.sh", &script).and_then(|script| {
            self.slurm.submit(&self.worker.last_options(self.settings, study, array, &logs), &script)
        });
        if let Err(error) = submitted {
            (self.report)(Event::NoLastJob(&error));
        }
    }

    /// Reports a failure, unless it is the one that was reported last.
    fn say_once(&self, memory: &Memory, error: &Error) {
        let message = error.to_string();
        if memory.failure.replace(message.clone()) != message {
            (self.report)(Event::NoAnswer(error));
        }
    }

    /// Waits until the scheduler may be asked again. Returns false if the user interrupts.
    fn pause(&self) -> bool {
        let poll = Duration::from_secs(self.settings.poll_seconds.get().into());
        // Many studies that were started at once must not ask at once.
        let nanoseconds = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().subsec_nanos();
        let poll = poll.mul_f64(0.75 + 0.5 * f64::from(nanoseconds) / 1e9);
        let started = Instant::now();
        while started.elapsed() < poll {
            if self.is_interrupted() {
                return false;
            }
            thread::sleep(CHECK_INTERVAL);
        }
        true
    }

    fn is_interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }
}

/// Returns the round after `before`, with this progress at its start.
fn next(before: Option<&Round>, progress: (usize, u64)) -> Round {
    match before {
        None => Round { number: 1, fruitless: 0, progress, array: None },
        Some(before) => {
            let fruitless = match (progress > before.progress, before.array) {
                (true, _) => 0,
                // Nothing says that it was submitted.
                (false, None) => before.fruitless,
                (false, Some(_)) => before.fruitless + 1,
            };
            Round { number: before.number + 1, fruitless, progress, array: None }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_without_progress_are_counted_in_a_row() {
        let next =
            |before: Option<&Round>, progress| Round { array: Some(1), ..super::next(before, progress) };
        let first = next(None, (0, 0));
        assert_eq!((first.number, first.fruitless), (1, 0));
        let lost = Round { array: None, ..first.clone() };
        assert_eq!(next(Some(&lost), (0, 0)).fruitless, 0, "it may never have been submitted");
        let second = next(Some(&first), (0, 0));
        assert_eq!((second.number, second.fruitless), (2, 1));
        let saved = next(Some(&second), (0, 5));
        assert_eq!((saved.number, saved.fruitless), (3, 0), "a saved epoch is progress");
        let finished = next(Some(&saved), (1, 0));
        assert_eq!((finished.number, finished.fruitless), (4, 0), "its epochs are no longer saved");
        assert_eq!(next(Some(&finished), (0, 9)).fruitless, 1, "a result was removed");
    }
}
