//! Writes down what happens to a trial: history, event file, final arrays, outcome.

use std::time::{Instant, SystemTime};

use engine::{Observer, Verdict};
use model::checkpoint::{self, Array};
use tracker::{Epoch, Event, EventFile, Exhibit, History, hparams};
use tuner::{Judge, Outcome, Trial};

use crate::{
    Error,
    board::{self, EVENT_FILES},
    progress::{Progress, TrialEnd},
    running::RunningStage,
    store::{Published, Work},
    trial::{HISTORY, MACHINE, PlannedTrial, RESULT, TrialResult, WEIGHTS},
};

/// Writes down a population's trials while they train.
pub(crate) struct Recorder<'a> {
    stage: &'a RunningStage<'a>,
    records: Vec<Record<'a>>,
}

/// One trial that is training, or has ended.
struct Record<'a> {
    trial: &'a Trial,
    started: Instant,
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
    /// Begins the records of `trials`.
    pub(crate) fn begin(stage: &'a RunningStage<'a>, trials: &[&'a PlannedTrial]) -> Self {
        let records = trials
            .iter()
            .map(|planned| {
                let (files, end) = match open(stage, planned) {
                    Ok(files) => (Some(files), None),
                    Err(error) => (None, Some(TrialEnd::Failed(describe(&error)))),
                };
                Record {
                    trial: &planned.trial,
                    started: Instant::now(),
                    judge: stage.judge(),
                    history: History::default(),
                    machine: History::default(),
                    outcome: Outcome::Finished,
                    files,
                    end,
                }
            })
            .collect();
        Self { stage, records }
    }

    /// Ends every trial that has not ended with the failure `reason`, and tells how all ended.
    pub(crate) fn end(self, reason: Option<&str>) -> Vec<TrialEnd> {
        let stage = self.stage;
        let interrupted = stage.is_interrupted();
        self.records
            .into_iter()
            .map(|mut record| {
                let end = match (record.end.take(), reason) {
                    (Some(end), _) => end,
                    (None, Some(reason)) => TrialEnd::Failed(reason.into()),
                    (None, None) => TrialEnd::Failed("the trial never ended".into()),
                };
                let TrialEnd::Failed(_) = &end else { return end };
                // Its work folder goes with it, so that the link would lead nowhere.
                drop(record.files.take());
                let hidden = stage.tree().hide(record.trial);
                if !interrupted {
                    record.tell(stage, &end);
                }
                match hidden {
                    Ok(()) => end,
                    Err(error) => TrialEnd::Failed(describe(&error)),
                }
            })
            .collect()
    }
}

fn open(stage: &RunningStage<'_>, planned: &PlannedTrial) -> Result<Files, Error> {
    let work = stage.store().begin(&planned.key_text)?;
    let failed = |source| Error::History { path: work.path().into(), source };
    let now = SystemTime::now();
    let mut events = EventFile::create(work.path(), 1, now).map_err(failed)?;
    let (train, configuration) = (stage.train, &planned.trial.configuration);
    let hyperparameters = board::hyperparameters(train, configuration);
    let group = board::group(train, configuration);
    events.append(&hparams::session_start(&group, &hyperparameters, now)).map_err(failed)?;
    let text = board::trial_text(train, &planned.trial);
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
            seconds: self.started.elapsed().as_secs_f64(),
        });
    }

    fn write_epoch(&mut self, epoch: Epoch) -> Result<(), Error> {
        let Some(files) = &mut self.files else { return Ok(()) };
        let path = files.work.path().to_path_buf();
        let failed = |source| Error::History { path: path.clone(), source };
        files
            .events
            .append(&Event::scalars(epoch.epoch, SystemTime::now(), &epoch.values))
            .map_err(failed)?;
        files.events.flush().map_err(failed)?;
        let Epoch { epoch, values } = epoch;
        let (values, of_machine) = values.into_iter().partition(|(metric, _)| metric.is_reproducible());
        self.history.push(Epoch { epoch, values }).map_err(failed)?;
        self.machine.push(Epoch { epoch, values: of_machine }).map_err(failed)
    }

    fn show(&mut self, epoch: u32, exhibits: &[Exhibit]) -> Result<(), Error> {
        let Some(files) = &mut self.files else { return Ok(()) };
        let event = Event::exhibits(epoch, SystemTime::now(), exhibits);
        let failed = |source| Error::History { path: files.work.path().into(), source };
        files.events.append(&event).map_err(failed)
    }

    fn publish(&mut self, stage: &RunningStage<'_>, arrays: &[Array]) -> Result<(), Error> {
        let Some(Files { work, mut events }) = self.files.take() else { return Ok(()) };
        let path = work.path().to_path_buf();
        let failed = |source| Error::History { path: path.clone(), source };
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
        checkpoint::write(&weights, arrays).map_err(|error| Error::Io {
            action: "write",
            path: weights,
            source: std::io::Error::other(error),
        })?;
        let published = work.publish(stage.provenance(self.started), &[EVENT_FILES, MACHINE])?;
        if let Published::AlreadyThere { artifact, identical: false } = published {
            return Err(Error::NotReproduced { path: artifact.path().into() });
        }
        stage.tree().show(self.trial, published.into_artifact().path())
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
        let epochs = self.stage.train.schedule.epochs;
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
            Err(error) => TrialEnd::Failed(describe(&error)),
        };
        if matches!(end, TrialEnd::Stored(_)) {
            record.tell(self.stage, &end);
        }
        record.end = Some(end);
    }

    fn interrupted(&self) -> bool {
        self.stage.is_interrupted()
    }
}
