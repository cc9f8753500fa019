//! Writes down what happens to a trial: history, event file, final arrays, outcome.

use std::{
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

use engine::{Observer, Verdict};
use history::{Epoch, Event, EventFile, Exhibit, History, hparams};
use model::checkpoint::{self, Array};
use settings::Trial;
use tuner::{Judge, Outcome};

use crate::{
    Error,
    checkpoint::Saved,
    progress::{Progress, TrialEnd},
    stage_run::RunningStage,
};
use results::{
    board::EVENT_FILES,
    hyperparameters::{group, hyperparameters, trial_text},
    trial::{HISTORY, MACHINE, PlannedTrial, RESULT, TrialResult, WEIGHTS},
};
use store::{Published, Work};

/// An interruption waits so long for the end of an epoch; who preempts a process gives it about half a minute.
const PATIENCE: Duration = Duration::from_secs(15);

/// A trial that this process has claimed.
pub(crate) struct Claimed<'a> {
    pub(crate) planned: &'a PlannedTrial,
    pub(crate) work: Work,
    /// Where it goes on.
    pub(crate) saved: Option<Saved>,
}

/// Writes down a population's trials while they train.
pub(crate) struct Recorder<'a> {
    stage: &'a RunningStage<'a>,
    records: Vec<Record<'a>>,
}

/// One trial that is training, or has ended.
struct Record<'a> {
    trial: &'a Trial,
    /// Its work, while it has not ended.
    folder: PathBuf,
    started: Instant,
    /// Seconds that earlier processes spent on it.
    spent: f64,
    /// When its state was written last, and after which epoch; 0 where there is none.
    saved: (Instant, u32),
    judge: Judge<'a>,
    history: History,
    /// What was measured of the machine; differs from run to run, so it stands beside the history.
    machine: History,
    outcome: Outcome,
    files: Option<Files>,
    end: Option<TrialEnd>,
}

/// What a trial in progress has open.
struct Files {
    work: Work,
    events: EventFile,
}

impl<'a> Recorder<'a> {
    /// Begins the records of claimed trials, or goes on with them.
    pub(crate) fn begin(stage: &'a RunningStage<'a>, members: Vec<Claimed<'a>>) -> Self {
        let records = members.into_iter().map(|claimed| Record::begin(stage, claimed)).collect();
        Self { stage, records }
    }

    /// Gives every trial that has not ended this end, and tells how all ended.
    pub(crate) fn end(self, end: TrialEnd) -> Vec<TrialEnd> {
        let stage = self.stage;
        // What did not fit together is tried again in smaller populations: those trials have not ended.
        let are_tried_again = self.records.len() > 1;
        self.records.into_iter().map(|record| record.finish(stage, &end, are_tried_again)).collect()
    }
}

impl<'a> Record<'a> {
    fn begin(stage: &'a RunningStage<'a>, Claimed { planned, work, saved }: Claimed<'a>) -> Self {
        let saved = saved.unwrap_or_default();
        let mut judge = stage.judge();
        for epoch in saved.history.epochs() {
            // None of them ended the trial, or there would be no state to go on from.
            let _ = judge.verdict(epoch);
        }
        let epochs = saved.epochs();
        stage.tell(&Progress::TrialStarted { trial: &planned.trial, epochs });
        let folder = work.path().to_owned();
        let (files, end) = match open(stage, planned, work, epochs) {
            Ok(files) => (Some(files), None),
            Err(error) => (None, Some(TrialEnd::Failed(describe(&error)))),
        };
        Self {
            trial: &planned.trial,
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

    /// How it ended, which is `end` if it has not ended before.
    fn finish(mut self, stage: &RunningStage<'_>, end: &TrialEnd, is_tried_again: bool) -> TrialEnd {
        let mut end = self.end.take().unwrap_or_else(|| end.clone());
        if matches!(end, TrialEnd::Stored(_) | TrialEnd::MadeElsewhere) {
            return end;
        }
        let (_, epochs) = self.saved;
        if let TrialEnd::Interrupted(saved) = &mut end {
            *saved = (epochs > 0).then_some(epochs);
        } else if !(is_tried_again && matches!(end, TrialEnd::OutOfMemory(_))) {
            self.tell(stage, &end);
        }
        // Nobody works on it now: its name would lead nowhere, or to something half-done. Where another process has shown
        // its own, that stays; a name that cannot be removed is shown anew by the next run.
        let _ = stage.tree().hide(self.trial, &self.folder);
        end
    }
}

fn open(stage: &RunningStage<'_>, planned: &PlannedTrial, work: Work, epochs: u32) -> Result<Files, Error> {
    let failed = |source| results::Error::History { path: work.path().into(), source };
    let now = SystemTime::now();
    let mut events = EventFile::create(work.path(), epochs + 1, now).map_err(failed)?;
    let (train, configuration) = (stage.train, &planned.trial.configuration);
    let hyperparameters = hyperparameters(train, configuration);
    let group = group(train, configuration);
    events.append(&hparams::session_start(&group, &hyperparameters, now)).map_err(failed)?;
    let text = trial_text(train, &planned.trial, stage.context.device);
    events.append(&Event::text("configuration", now, &text)).map_err(failed)?;
    events.flush().map_err(failed)?;
    // Until it is published, the name in the run tree leads to the work folder: an open TensorBoard follows it live.
    stage.tree().show(&planned.trial, work.path())?;
    Ok(Files { work, events })
}

/// The message with its causes.
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

impl Record<'_> {
    fn tell(&self, stage: &RunningStage<'_>, end: &TrialEnd) {
        stage.tell(&Progress::TrialEnded {
            trial: self.trial,
            end,
            epochs: self.history.epochs().last().map_or(0, |epoch| epoch.epoch),
            last: self.history.epochs().last(),
            seconds: self.seconds(),
        });
    }

    /// Seconds that were spent on it, earlier processes' included.
    fn seconds(&self) -> f64 {
        self.spent + self.started.elapsed().as_secs_f64()
    }

    /// Writes the trial's state after `epoch`.
    fn save(&mut self, epoch: u32, state: Vec<Array>) -> Result<(), Error> {
        let Some(files) = &self.files else { return Ok(()) };
        let (history, machine) = (self.history.clone(), self.machine.clone());
        let saved = Saved { state, history, machine, seconds: self.seconds() };
        files.work.checkpoint_with(&saved.to_bytes())?;
        self.saved = (Instant::now(), epoch);
        Ok(())
    }

    fn write_epoch(&mut self, epoch: Epoch) -> Result<(), Error> {
        let Some(files) = &mut self.files else { return Ok(()) };
        let path = files.work.path().to_path_buf();
        let failed = |source| results::Error::History { path: path.clone(), source };
        files
            .events
            .append(&Event::scalars(epoch.epoch, SystemTime::now(), &epoch.values))
            .map_err(failed)?;
        files.events.flush().map_err(failed)?;
        let Epoch { epoch, values } = epoch;
        let (values, of_machine) = values.into_iter().partition(|(metric, _)| metric.is_reproducible());
        self.history.push(Epoch { epoch, values }).map_err(failed)?;
        self.machine.push(Epoch { epoch, values: of_machine }).map_err(failed)?;
        Ok(())
    }

    fn show(&mut self, epoch: u32, exhibits: &[Exhibit]) -> Result<(), Error> {
        let Some(files) = &mut self.files else { return Ok(()) };
        let event = Event::exhibits(epoch, SystemTime::now(), exhibits);
        let failed = |source| results::Error::History { path: files.work.path().into(), source };
        Ok(files.events.append(&event).map_err(failed)?)
    }

    fn publish(&mut self, stage: &RunningStage<'_>, arrays: &[Array]) -> Result<(), Error> {
        let Some(Files { work, mut events }) = self.files.take() else { return Ok(()) };
        let path = work.path().to_path_buf();
        let failed = |source| results::Error::History { path: path.clone(), source };
        let status = match self.outcome {
            Outcome::Diverged { .. } => hparams::Outcome::Failure,
            Outcome::Finished | Outcome::Stopped { .. } => hparams::Outcome::Success,
        };
        events.append(&hparams::session_end(status, SystemTime::now())).map_err(failed)?;
        events.finish().map_err(failed)?;
        work.write(HISTORY, self.history.to_csv().as_bytes())?;
        if self.machine.epochs().iter().any(|epoch| !epoch.values.is_empty()) {
            work.write(MACHINE, self.machine.to_csv().as_bytes())?;
        }
        let epochs = self.history.epochs().last().map_or(0, |epoch| epoch.epoch);
        let result = TrialResult { outcome: self.outcome.clone(), epochs };
        let text = ron::ser::to_string_pretty(&result, ron::ser::PrettyConfig::default())
            .expect("an outcome and a number are RON");
        work.write(RESULT, text.as_bytes())?;
        let weights = path.join(WEIGHTS);
        checkpoint::write(&weights, arrays).map_err(|error| results::Error::Io {
            action: "write",
            path: weights,
            source: std::io::Error::other(error),
        })?;
        let made = stage.provenance(Duration::from_secs_f64(self.seconds()));
        let published = work.publish(made, &[EVENT_FILES, MACHINE])?;
        if let Published::AlreadyThere { artifact, identical: false } = published {
            return Err(Error::NotReproduced { path: artifact.path().into() });
        }
        Ok(stage.tree().show(self.trial, published.into_artifact().path())?)
    }
}

impl Observer for Recorder<'_> {
    fn exhibit(&mut self, trial: usize, epoch: u32, exhibits: Vec<Exhibit>) {
        let record = &mut self.records[trial];
        if record.end.is_none()
            && !exhibits.is_empty()
            && let Err(error) = record.show(epoch, &exhibits)
        {
            record.end = Some(TrialEnd::Failed(describe(&error)));
        }
    }

    fn epoch(&mut self, trial: usize, epoch: Epoch) -> Verdict {
        let record = &mut self.records[trial];
        if record.end.is_some() {
            return Verdict::Leave;
        }
        let epochs = self.stage.train.training.epochs;
        self.stage.tell(&Progress::Epoch { trial: record.trial, epoch: &epoch, epochs });
        let verdict = record.judge.verdict(&epoch);
        if let Err(error) = record.write_epoch(epoch) {
            record.end = Some(TrialEnd::Failed(describe(&error)));
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

    fn finished(&mut self, trial: usize, arrays: Vec<Array>) {
        let record = &mut self.records[trial];
        if record.end.is_some() {
            return;
        }
        let end = match record.publish(self.stage, &arrays) {
            Ok(()) => TrialEnd::Stored(record.outcome.clone()),
            Err(error @ Error::NotReproduced { .. }) => TrialEnd::NotReproduced(describe(&error)),
            Err(error) => TrialEnd::Failed(describe(&error)),
        };
        if matches!(end, TrialEnd::Stored(_)) {
            record.tell(self.stage, &end);
        }
        record.end = Some(end);
    }

    fn wants_state(&self, trial: usize) -> bool {
        let Record { saved: (at, epoch), history, .. } = &self.records[trial];
        let epochs = history.epochs().last().map_or(0, |last| last.epoch) - epoch;
        self.stage.train.checkpoint.is_due(epochs, at.elapsed().as_secs_f64() / 60.0)
    }

    fn state(&mut self, trial: usize, epoch: u32, state: Vec<Array>) {
        let record = &mut self.records[trial];
        match record.save(epoch, state) {
            Ok(()) => self.stage.tell(&Progress::Saved { trial: record.trial, epoch }),
            // The trial itself is well: what it loses is only what the next kill would cost.
            Err(error) => {
                self.stage.tell(&Progress::NotSaved { trial: record.trial, reason: &describe(&error) });
            }
        }
    }

    /// An interrupted population ends its epoch first, so that its state can be written, unless that takes too long.
    fn interrupted(&self, left: Duration) -> bool {
        self.stage.is_interrupted() && (left.is_zero() || left > PATIENCE)
    }
}
