//! The output of the program: progress, tables and errors.

use std::{
    collections::HashMap,
    io::{self, Write},
    path::Path,
    process::ExitCode,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use history::Epoch;
use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use runner::progress::{Progress, Reporter, TrialEnd};
use settings::{Metric, Split, Trial};
use tuner::Outcome;

use crate::program::with_program;

/// Prints a line to standard output. If the reader has gone (`| head`), the line is lost and the work continues.
pub fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Prints a line to standard error, with this program's name in commands. If the reader has gone, the line is lost.
pub fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{}", with_program(text));
}

/// Prints an error with its hint; returns its exit code.
pub fn refuse(error: &anyhow::Error) -> ExitCode {
    if let Some(spec::Error::File(problems)) = error.downcast_ref() {
        tell(&problems.to_string());
        return ExitCode::from(2);
    }
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            text = if text.is_empty() { cause } else { format!("{text}: {cause}") };
        }
    }
    tell(&format!("error: {text}"));
    if let Some(runner::Error::Results(results::Error::Data { .. })) = error.downcast_ref() {
        tell("hint: images are read from the folder `data`; `--data DIR` or BPFREE_DATA names another one");
    }
    if let Some(hint) = hint(error) {
        tell(&format!("hint: {hint}"));
    }
    ExitCode::FAILURE
}

/// Prints an error about the command line with its hint; returns the exit code that clap uses.
pub fn refuse_arguments(error: &str, hint: &str) -> ExitCode {
    tell(&format!("error: {error}\nhint: {hint}"));
    ExitCode::from(2)
}

/// Returns the hint of the crate that the error comes from.
fn hint(error: &anyhow::Error) -> Option<String> {
    if let Some(error) = error.downcast_ref::<runner::Error>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<spec::Error>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<store::StoreError>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<engine::DeviceError>() {
        return Some(error.hint());
    }
    if let Some(error) = error.downcast_ref::<data::Error>() {
        return Some(error.hint());
    }
    error.downcast_ref().map(fetch::Error::hint)
}

/// The largest number of rows of a table in the terminal.
const SHOWN_ROWS: usize = 30;

/// Leaves out the last rows of a long table; the report has all of them.
fn short(table: &str) -> String {
    let lines: Vec<&str> = table.lines().collect();
    let first = lines.iter().position(|line| line.starts_with('|')).unwrap_or(0);
    let rows = lines[first..].iter().take_while(|line| line.starts_with('|')).count();
    // The first two lines of a table are its head.
    let left_out = rows.saturating_sub(SHOWN_ROWS + 2);
    if left_out == 0 {
        return table.to_owned();
    }
    let mut shown: Vec<String> =
        lines[..first + SHOWN_ROWS + 2].iter().map(|line| (*line).to_owned()).collect();
    shown.push(format!("and {left_out} more rows in the report"));
    shown.extend(lines[first + rows..].iter().map(|line| (*line).to_owned()));
    shown.join("\n")
}

/// Returns `path` relative to the current directory, if it is below it.
pub fn from_here(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}

/// Returns the metric to show while a trial trains: the validation error, or else a loss.
fn headline(epoch: &Epoch) -> Option<(&Metric, f64)> {
    let preferred =
        [Metric::ErrorRate(Split::Validation), Metric::Loss(Split::Validation), Metric::Loss(Split::Train)];
    preferred.iter().find_map(|wanted| {
        epoch.values.iter().find(|(metric, _)| metric == wanted).map(|(metric, value)| (metric, *value))
    })
}

/// Formats a value, for example `error_rate/validation 4.80 %`.
fn measured(metric: &Metric, value: f64) -> String {
    match metric {
        Metric::ErrorRate(_) => format!("{metric} {value:.2} %"),
        _ => format!("{metric} {value:.4}"),
    }
}

fn name(trial: &Trial) -> String {
    format!("{} seed {}", trial.configuration, trial.seed)
}

fn in_words(end: &TrialEnd, epochs: u32, last: Option<&Epoch>, seconds: f64) -> String {
    let value = last.and_then(headline);
    let value = value.map_or(String::new(), |(metric, value)| format!(", {}", measured(metric, value)));
    let took = format!("{epochs} epochs in {seconds:.1} s");
    match end {
        TrialEnd::Stored(Outcome::Finished) => format!("{took}{value}"),
        TrialEnd::Stored(Outcome::Stopped { .. }) => format!("{took}, stopped early{value}"),
        TrialEnd::Stored(Outcome::Diverged { reason, .. }) => format!("{took}, DIVERGED: {reason}"),
        TrialEnd::MadeElsewhere => "trained by another process".into(),
        TrialEnd::Failed(reason)
        | TrialEnd::TooLarge(reason)
        | TrialEnd::OutOfMemory(reason)
        | TrialEnd::Panicked(reason) => {
            format!("{took}, FAILED: {}", reason.lines().next().unwrap_or_default())
        }
        TrialEnd::Interrupted(_) => format!("{took}, interrupted"),
    }
}

/// Returns the line for an event that both reporters print in the same way.
fn note(progress: &Progress<'_>) -> Option<String> {
    match progress {
        Progress::TrialStarted { trial, epochs } if *epochs > 0 => {
            Some(format!("{}: resumes after epoch {epochs}", name(trial)))
        }
        Progress::NotSaved { trial, reason } => Some(format!(
            "warning: {}: its checkpoint could not be written, training continues: {reason}",
            name(trial)
        )),
        Progress::Warning(text) => Some(format!("warning: {text}")),
        Progress::Damaged { what, damage } => {
            Some(format!("warning: {what}: {damage}; it is moved to the folder `damaged` and computed again"))
        }
        Progress::Halved { trials, reason } => Some(format!(
            "{trials} trials do not fit on the device together ({reason}): trying halves of them"
        )),
        Progress::WaitingFor { holder, trials } => {
            let being_trained =
                if *trials == 1 { "1 trial is".into() } else { format!("{trials} trials are") };
            Some(format!(
                "{being_trained} being trained by process {} on {}: waiting for it (Ctrl-C stops waiting)",
                holder.pid, holder.host
            ))
        }
        _ => None,
    }
}

/// Prints one line per event, for logs.
pub struct Lines {
    every_epoch: bool,
    /// The number of trials in the stage, and of those that have ended.
    counts: Mutex<(usize, usize)>,
}

impl Lines {
    pub fn new(every_epoch: bool) -> Self {
        Self { every_epoch, counts: Mutex::new((0, 0)) }
    }
}

impl Reporter for Lines {
    fn report(&self, progress: &Progress<'_>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match progress {
            Progress::LoadingDataset { name } => tell(&format!("{name}: loading images")),
            // One line for each tenth of the pictures.
            Progress::Decoding { name, done, total } if done * 10 / total > (done - 1) * 10 / total => {
                tell(&format!("{name}: {done} of {total} pictures decoded"));
            }
            Progress::TrainStarted { name, trials, done, .. } => {
                *counts = (*trials, *done);
                tell(&format!("stage {name}: {trials} trials, {done} already done"));
            }
            Progress::Epoch { trial, epoch, epochs } if self.every_epoch => {
                tell(&format!("{}: epoch {}/{epochs} {}", name(trial), epoch.epoch, values(epoch)));
            }
            Progress::TrialEnded { trial, end, epochs, last, seconds } => {
                counts.1 += 1;
                let (total, done) = *counts;
                tell(&format!(
                    "[{done}/{total}] {}: {}",
                    name(trial),
                    in_words(end, *epochs, *last, *seconds)
                ));
            }
            Progress::Summary { name, table, report } => {
                say(&format!("\n{name}: {}\nreport: {}", short(table), from_here(report)));
            }
            other => {
                if let Some(text) = note(other) {
                    tell(&text);
                }
            }
        }
    }
}

fn values(epoch: &Epoch) -> String {
    epoch.values.iter().map(|(metric, value)| measured(metric, *value)).collect::<Vec<_>>().join(", ")
}

/// Shows a progress bar for the stage and one for each trial in training.
pub struct Bars {
    bars: MultiProgress,
    every_epoch: bool,
    stage: Mutex<Option<StageBar>>,
}

struct StageBar {
    bar: ProgressBar,
    trials: HashMap<String, ProgressBar>,
    ended: usize,
    total: usize,
    epochs: u32,
    best: Option<(f64, String)>,
}

impl StageBar {
    /// Shows `7/15 trials, 12s left, best so far error_rate/validation 3.10 % (dfa ...)` on the bar.
    fn refresh(&self) {
        let best = self.best.as_ref().map_or(String::new(), |(_, text)| format!(", best so far {text}"));
        let left = match self.bar.position() {
            0 => "loading".into(),
            _ => format!("{:#} left", HumanDuration(self.bar.eta())),
        };
        self.bar.set_message(format!("{}/{} trials, {left}{best}", self.ended, self.total));
    }
}

impl Bars {
    pub fn new(every_epoch: bool) -> Self {
        Self { bars: MultiProgress::new(), every_epoch, stage: Mutex::new(None) }
    }

    pub fn clear(&self) {
        // This fails only if the terminal is closed.
        let _ = self.bars.clear();
    }

    fn say(&self, text: &str) {
        let _ = self.bars.println(text);
    }

    fn begin(&self, name: &str, trials: usize, done: usize, epochs: u32) -> StageBar {
        let bar = self.bars.add(ProgressBar::new((trials - done) as u64 * u64::from(epochs)));
        let style = ProgressStyle::with_template("{prefix} {bar:24} {wide_msg}")
            .expect("the template is written in this line");
        bar.set_style(style);
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(250));
        let stage = StageBar { bar, trials: HashMap::new(), ended: done, total: trials, epochs, best: None };
        stage.refresh();
        stage
    }

    fn advance(&self, stage: &mut StageBar, trial: &Trial, epoch: &Epoch, epochs: u32) {
        let bar = stage.trials.entry(name(trial)).or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new(u64::from(epochs)));
            let style = ProgressStyle::with_template("  {prefix} epoch {pos}/{len} {wide_msg}")
                .expect("the template is written in this line");
            bar.set_style(style);
            bar.set_prefix(name(trial));
            bar
        });
        bar.set_position(u64::from(epoch.epoch));
        if let Some((metric, value)) = headline(epoch) {
            bar.set_message(measured(metric, value));
            if value.is_finite() && stage.best.as_ref().is_none_or(|(best, _)| value < *best) {
                stage.best = Some((value, format!("{} ({})", measured(metric, value), trial.configuration)));
            }
        }
        stage.bar.inc(1);
        stage.refresh();
    }
}

impl Reporter for Bars {
    fn report(&self, progress: &Progress<'_>) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        match progress {
            Progress::LoadingDataset { .. } => {}
            Progress::Decoding { done, total, .. } => {
                if let Some(stage) = stage.as_mut() {
                    stage.bar.set_message(format!("{done}/{total} pictures decoded"));
                }
            }
            Progress::TrainStarted { name, trials, done, epochs } => {
                *stage = (trials > done).then(|| self.begin(name, *trials, *done, *epochs));
                if trials == done {
                    self.say(&format!("{name}: all {trials} trials are already done"));
                }
            }
            Progress::Epoch { trial, epoch, epochs } => {
                if self.every_epoch {
                    self.say(&format!("{}: epoch {}/{epochs} {}", name(trial), epoch.epoch, values(epoch)));
                }
                if let Some(stage) = stage.as_mut() {
                    self.advance(stage, trial, epoch, *epochs);
                }
            }
            Progress::TrialEnded { trial, end, epochs, last, seconds } => {
                if let Some(stage) = stage.as_mut() {
                    if let Some(bar) = stage.trials.remove(&name(trial)) {
                        bar.finish_and_clear();
                    }
                    stage.ended += 1;
                    stage.bar.inc(u64::from(stage.epochs - epochs));
                    stage.refresh();
                }
                self.say(&format!("{}: {}", name(trial), in_words(end, *epochs, *last, *seconds)));
            }
            Progress::TrainEnded => {
                if let Some(stage) = stage.take() {
                    stage.bar.finish_and_clear();
                }
            }
            Progress::Summary { name, table, report } => {
                let text = format!("\n{name}: {}\nreport: {}", short(table), from_here(report));
                self.bars.suspend(|| say(&text));
            }
            other => {
                if let (Progress::TrialStarted { epochs, .. }, Some(stage)) = (other, stage.as_mut()) {
                    stage.bar.inc(u64::from(*epochs));
                }
                if let Some(text) = note(other) {
                    self.say(&text);
                }
            }
        }
    }
}
