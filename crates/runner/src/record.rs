//! Records trials while they train: history, event file, checkpoints, final arrays, outcome.

use std::{
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

use engine::{Observer, Verdict};
use history::{Epoch, Event, EventFile, Exhibit, History};
use model::checkpoint::{Array, from_bytes, to_bytes};
use results::{
    hyperparameters::trial_text,
    trial::{Beginning, EVENT_FILES, HISTORY, MACHINE, PlannedTrial, RESULT, STATE, TrialResult, WEIGHTS},
};
use settings::Trial;
use spec::KeptWeights;
use store::{Key, Provenance, StoreError, Work};
use tuner::{Judge, Outcome};

use crate::{
    beginning::Begun,
    checkpoint::{Saved, state_form},
    error::Error,
    progress::{Attempt, Progress, TrialEnd},
    stage_run::{RunningStage, provenance},
};

/// A trial that this process has claimed.
pub(crate) struct Claimed<'a> {
    pub(crate) planned: &'a PlannedTrial,
    pub(crate) work: Work,
    /// The state from which it resumes: its own checkpoint, or that of a finished trial.
    pub(crate) saved: Option<Saved>,
    /// The records of the epochs that another trial has done.
    pub(crate) events: Vec<Event>,
}

impl Claimed<'_> {
    /// Returns the number of epochs that earlier processes, or another trial, have done.
    pub(crate) fn epochs(&self) -> u32 {
        self.saved.as_ref().map_or(0, Saved::epochs)
    }
}

/// Records the trials of a population while they train.
pub(crate) struct Recorder<'a> {
    stage: &'a RunningStage<'a>,
    records: Vec<Record<'a>>,
    /// Receives the attempt of each trial once, with the trial's index in the population.
    ended: &'a dyn Fn(usize, Attempt),
}

/// A trial that is training or has ended.
struct Record<'a> {
    trial: &'a Trial,
    key: &'a Key,
    /// The work folder, which is gone after the trial has ended.
    folder: PathBuf,
    started: Instant,
    /// Seconds that earlier processes trained it.
    spent: f64,
    /// When the last checkpoint was written, and after which epoch; 0 if there is none.
    saved: (Instant, u32),
    judge: Judge<'a>,
    history: History,
    /// Time, memory and energy. They differ from run to run, so they are not in the history.
    machine: History,
    outcome: Outcome,
    /// The open files of a trial in progress.
    files: Option<Files>,
    end: Option<TrialEnd>,
}

struct Files {
    work: Work,
    events: EventFile,
}

impl<'a> Recorder<'a> {
    pub(crate) fn begin(
        stage: &'a RunningStage<'a>,
        members: Vec<Claimed<'a>>,
        ended: &'a dyn Fn(usize, Attempt),
    ) -> Self {
        let records = members.into_iter().map(|claimed| Record::begin(stage, claimed)).collect();
        Self { stage, records, ended }
    }

    /// Ends every trial that has not ended with `end`.
    pub(crate) fn end(self, end: &TrialEnd) {
        for (trial, record) in self.records.into_iter().enumerate() {
            if let Some(attempt) = record.finish(self.stage, end) {
                (self.ended)(trial, attempt);
            }
        }
    }
}

/// Stores the result of a claimed trial that ends as a finished one did, of which everything was read.
pub(crate) fn adopt(
    stage: &RunningStage<'_>,
    planned: &PlannedTrial,
    work: Work,
    beginning: &Beginning,
    Begun { saved, events, weights }: Begun,
) -> Attempt {
    let state = (stage.train.keep_state && !saved.state.is_empty()).then(|| saved.state.clone());
    let mut record = Record::of(stage, Claimed { planned, work, saved: Some(saved), events });
    record.outcome = beginning.result.outcome.clone();
    let arrays = from_bytes(&weights).map_or_else(Vec::new, |(arrays, _)| arrays);
    if record.end.is_none() {
        // It was made where and when the other trial was trained.
        let made = beginning.artifact.manifest().made.clone();
        record.end = record.publish(stage, &arrays, state.as_deref(), made);
    }
    match record.end.take() {
        Some(TrialEnd::Stored(outcome)) => record.attempt(TrialEnd::Adopted(outcome)),
        end => {
            stage.tree.hide(record.trial, &record.folder);
            record.attempt(end.unwrap_or(TrialEnd::TakenOver))
        }
    }
}

impl<'a> Record<'a> {
    fn begin(stage: &'a RunningStage<'a>, claimed: Claimed<'a>) -> Self {
        let epochs = claimed.epochs();
        let from_finished = !claimed.events.is_empty();
        stage.report(&Progress::TrialStarted { trial: &claimed.planned.trial, epochs, from_finished });
        Self::of(stage, claimed)
    }

    fn of(stage: &'a RunningStage<'a>, Claimed { planned, work, saved, events }: Claimed<'a>) -> Self {
        let saved = saved.unwrap_or_default();
        let mut judge = stage.judge(&planned.trial.configuration);
        for epoch in saved.history.epochs() {
            // No verdict on these epochs ended the trial, or it would have no checkpoint.
            let _ = judge.verdict(epoch);
        }
        let epochs = saved.epochs();
        let folder = work.path().to_owned();
        let (files, end) = match open(stage, planned, &work, epochs, &events) {
            Ok(events) => (Some(Files { work, events }), None),
            Err(error) => (None, Some(failed(&work, &error))),
        };
        Self {
            trial: &planned.trial,
            key: &planned.key,
            folder,
            started: Instant::now(),
            spent: saved.seconds,
            saved: (Instant::now(), epochs),
            judge,
            history: saved.history,
            machine: saved.machine,
            outcome: Outcome::Finished,
            files,
            end,
        }
    }

    /// Returns the attempt, which ended with `end` if it has not ended before; none if its result is stored.
    fn finish(mut self, stage: &RunningStage<'_>, end: &TrialEnd) -> Option<Attempt> {
        let mut end = self.end.take().unwrap_or_else(|| end.clone());
        if matches!(end, TrialEnd::Stored(_)) {
            return None;
        }
        if self.is_lost() {
            end = TrialEnd::TakenOver;
        }
        let (_, epochs) = self.saved;
        if let TrialEnd::Interrupted(saved) = &mut end {
            *saved = (epochs > 0).then_some(epochs);
        }
        if !matches!(end, TrialEnd::TakenOver) {
            // The link in the run tree would lead to an unfinished trial or nowhere. A link that another process made stays, and
            // one that cannot be removed is corrected by the next run.
            stage.tree.hide(self.trial, &self.folder);
        }
        Some(self.attempt(end))
    }

    fn attempt(&self, end: TrialEnd) -> Attempt {
        let last = self.history.epochs().last().cloned();
        Attempt { end, epochs: self.epochs(), last, seconds: self.seconds() }
    }

    /// Returns whether another process has taken over the trial, whose files this process must not touch then.
    fn is_lost(&self) -> bool {
        self.files.as_ref().is_some_and(|files| files.work.is_lost())
    }

    /// Ends the attempt with an error in the work folder.
    fn fail(&mut self, error: &Error) {
        if let Some(files) = &self.files {
            self.end = Some(failed(&files.work, error));
        }
    }

    fn epochs(&self) -> u32 {
        self.history.epochs().last().map_or(0, |epoch| epoch.epoch)
    }

    /// Returns the training time, including that of earlier processes.
    fn seconds(&self) -> f64 {
        self.spent + self.started.elapsed().as_secs_f64()
    }

    /// Writes a checkpoint after `epoch`.
    fn save(&mut self, epoch: u32, state: Vec<Array>) -> Result<(), Error> {
        let Some(files) = &self.files else { return Ok(()) };
        let (history, machine) = (self.history.clone(), self.machine.clone());
        let saved = Saved { state, history, machine, seconds: self.seconds() };
        files.work.checkpoint_with(&saved.to_bytes(self.key))?;
        self.saved = (Instant::now(), epoch);
        Ok(())
    }

    fn write_epoch(&mut self, epoch: Epoch) -> Result<(), Error> {
        let Some(files) = &mut self.files else { return Ok(()) };
        files.append(&Event::scalars(epoch.epoch, SystemTime::now(), &epoch.values))?;
        files.events.flush().map_err(|source| history_error(&files.work, source))?;
        let Epoch { epoch, values } = epoch;
        let (values, of_machine) = values.into_iter().partition(|(metric, _)| metric.is_reproducible());
        self.history
            .push(Epoch { epoch, values })
            .and_then(|()| self.machine.push(Epoch { epoch, values: of_machine }))
            .map_err(|source| history_error(&files.work, source))
    }

    fn write_pictures(&mut self, epoch: u32, pictures: &[Exhibit]) -> Result<(), Error> {
        let Some(files) = &mut self.files else { return Ok(()) };
        files.append(&Event::exhibits(epoch, SystemTime::now(), pictures))
    }

    /// Returns the epoch whose weights are kept, if it is chosen by a metric that has a value.
    fn best_epoch(&self, stage: &RunningStage<'_>) -> Option<u32> {
        match &stage.train.keep_weights {
            KeptWeights::Last => None,
            KeptWeights::Best(metric) => self.history.best(metric).map(|(epoch, _)| epoch),
        }
    }

    /// Writes the weights of the best epoch so far. They stay if the trial is interrupted: it either resumes after this epoch, or repeats it.
    fn keep(&self, arrays: &[Array]) -> Result<(), Error> {
        match &self.files {
            Some(files) => Ok(files.work.write(WEIGHTS, &to_bytes(arrays, None))?),
            None => Ok(()),
        }
    }

    /// Publishes the result, and returns how the trial ended.
    fn publish(
        &mut self,
        stage: &RunningStage<'_>,
        arrays: &[Array],
        state: Option<&[Array]>,
        made: Provenance,
    ) -> Option<TrialEnd> {
        let Files { work, events } = self.files.take()?;
        if let Err(error) = self.write_result(stage, arrays, state, &work, events) {
            return Some(failed(&work, &error));
        }
        Some(match work.publish(made, &[EVENT_FILES, MACHINE, STATE]) {
            Ok(artifact) => {
                stage.tree.show(self.trial, artifact.path());
                TrialEnd::Stored(self.outcome.clone())
            }
            Err(StoreError::LeaseLost { .. }) => TrialEnd::TakenOver,
            Err(error) => TrialEnd::Failed(describe(&error)),
        })
    }

    /// Writes the files of the result.
    fn write_result(
        &self,
        stage: &RunningStage<'_>,
        arrays: &[Array],
        state: Option<&[Array]>,
        work: &Work,
        events: EventFile,
    ) -> Result<(), Error> {
        events.finish().map_err(|source| history_error(work, source))?;
        work.write(HISTORY, self.history.to_csv().as_bytes())?;
        if self.machine.epochs().iter().any(|epoch| !epoch.values.is_empty()) {
            work.write(MACHINE, self.machine.to_csv().as_bytes())?;
        }
        let epochs = self.epochs();
        let best = self.best_epoch(stage);
        let kept = best.filter(|best| *best != epochs);
        let result = TrialResult { outcome: self.outcome.clone(), epochs, kept };
        let text = ron::ser::to_string_pretty(&result, ron::ser::PrettyConfig::default())
            .expect("an outcome and a number are RON");
        work.write(RESULT, text.as_bytes())?;
        if best.is_none() {
            work.write(WEIGHTS, &to_bytes(arrays, None))?;
        }
        if let Some(state) = state {
            // The weights of the last epoch are stored once.
            let stored = if kept.is_none() { arrays } else { &[] };
            let own: Vec<Array> = state.iter().filter(|array| !stored.contains(array)).cloned().collect();
            work.write(STATE, &to_bytes(&own, Some(&state_form())))?;
        }
        Ok(())
    }
}

impl Files {
    fn append(&mut self, event: &Event) -> Result<(), Error> {
        self.events.append(event).map_err(|source| history_error(&self.work, source))
    }
}

fn history_error(work: &Work, source: history::Error) -> Error {
    results::Error::History { path: work.path().into(), source }.into()
}

/// Creates the event file of a trial, with `earlier` records of epochs that another trial has done, and links its work folder in the run tree, so that an open TensorBoard follows the trial.
fn open(
    stage: &RunningStage<'_>,
    planned: &PlannedTrial,
    work: &Work,
    epochs: u32,
    earlier: &[Event],
) -> Result<EventFile, Error> {
    let now = SystemTime::now();
    let text = trial_text(stage.train, &planned.trial, stage.context.device);
    let first = if earlier.is_empty() { epochs + 1 } else { 1 };
    let mut events =
        EventFile::create(work.path(), first, now).map_err(|source| history_error(work, source))?;
    events
        .append(&Event::text("configuration", now, &text))
        .and_then(|()| earlier.iter().try_for_each(|event| events.append(event)))
        .and_then(|()| events.flush())
        .map_err(|source| history_error(work, source))?;
    stage.tree.show(&planned.trial, work.path());
    Ok(events)
}

/// Returns the end of a trial by an error in its work folder, which another process may have taken over.
pub(crate) fn failed(work: &Work, error: &Error) -> TrialEnd {
    match error {
        Error::Results(results::Error::Store(StoreError::LeaseLost { .. })) => TrialEnd::TakenOver,
        _ if work.is_lost() => TrialEnd::TakenOver,
        error => TrialEnd::Failed(describe(error)),
    }
}

/// Returns the message of `error` with its causes.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let message = source.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = source.source();
    }
    text
}

impl Observer for Recorder<'_> {
    fn exhibit(&mut self, trial: usize, epoch: u32, exhibits: Vec<Exhibit>) {
        let record = &mut self.records[trial];
        if record.end.is_none()
            && !exhibits.is_empty()
            && let Err(error) = record.write_pictures(epoch, &exhibits)
        {
            record.fail(&error);
        }
    }

    fn epoch(&mut self, trial: usize, epoch: Epoch) -> Verdict {
        let record = &mut self.records[trial];
        if record.end.is_some() {
            return Verdict::Leave;
        }
        if record.is_lost() {
            record.end = Some(TrialEnd::TakenOver);
            return Verdict::Leave;
        }
        let epochs = self.stage.train.training.epochs;
        self.stage.report(&Progress::Epoch { trial: record.trial, epoch: &epoch, epochs });
        let verdict = record.judge.verdict(&epoch);
        if let Err(error) = record.write_epoch(epoch) {
            record.fail(&error);
            return Verdict::Leave;
        }
        match verdict {
            None => Verdict::Continue,
            Some(outcome) => {
                record.outcome = outcome;
                Verdict::Leave
            }
        }
    }

    fn wants_arrays(&self, trial: usize) -> bool {
        let record = &self.records[trial];
        record.end.is_none() && record.best_epoch(self.stage) == Some(record.epochs())
    }

    fn arrays(&mut self, trial: usize, arrays: &[Array]) {
        let record = &mut self.records[trial];
        if let Err(error) = record.keep(arrays) {
            record.fail(&error);
        }
    }

    fn keeps_state(&self, trial: usize) -> bool {
        self.stage.train.keep_state && !self.records[trial].trial.configuration.depends_on_length()
    }

    fn finished(&mut self, trial: usize, arrays: Vec<Array>, state: Option<Vec<Array>>) {
        let record = &mut self.records[trial];
        if record.end.is_some() {
            return;
        }
        let spent = Duration::from_secs_f64(record.seconds());
        let made = provenance(self.stage.settings.build, self.stage.context.device, spent);
        record.end = record.publish(self.stage, &arrays, state.as_deref(), made);
        if let Some(end @ TrialEnd::Stored(_)) = record.end.clone() {
            (self.ended)(trial, record.attempt(end));
        }
    }

    fn wants_state(&self, trial: usize) -> bool {
        let record = &self.records[trial];
        let (at, epoch) = record.saved;
        self.stage.train.checkpoint.is_due(record.epochs() - epoch, at.elapsed().as_secs_f64() / 60.0)
    }

    fn state(&mut self, trial: usize, epoch: u32, state: Vec<Array>) {
        let record = &mut self.records[trial];
        match record.save(epoch, state) {
            Ok(()) => self.stage.report(&Progress::Saved { trial: record.trial, epoch }),
            Err(_) if record.is_lost() => record.end = Some(TrialEnd::TakenOver),
            // The trial continues. It only has to repeat more epochs if it is interrupted.
            Err(error) => {
                self.stage.report(&Progress::NotSaved { trial: record.trial, reason: &describe(&error) });
            }
        }
    }

    /// Whether an interrupted population stops now. It finishes its epoch first if that is soon, so that it can write a checkpoint.
    fn interrupted(&self, left: Duration) -> bool {
        self.stage.is_interrupted() && (left.is_zero() || left > self.stage.role.grace())
    }
}
