//! The output of the program: progress, tables and errors.

use std::{
    borrow::Cow,
    collections::HashMap,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, SystemTime},
};

use clap::error::ErrorKind;
use data::Account;
use history::Epoch;
use indicatif::{DecimalBytes, HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use results::dataset_artifact::Stated;
use runner::progress::{Progress, Reporter, TrialEnd};
use settings::{Metric, Split, Trial};
use store::LastSeen;
use tuner::Outcome;

use crate::program::with_program;

/// Prints a line to standard output. If the reader has gone (`| head`), the line is lost and the work continues.
pub fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{}", escaped(text));
}

/// Prints a line to standard error, with this program's name in commands. If the reader has gone, the line is lost.
pub fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{}", escaped(&with_program(text)));
}

/// Escapes control characters, which names of files and messages of servers may hold and a terminal would obey.
fn escaped(text: &str) -> Cow<'_, str> {
    // Marks of direction make a terminal show a text in another order.
    let is_obeyed = |letter: char| {
        letter.is_control() && !matches!(letter, '\n' | '\t')
            || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_obeyed) {
        return text.into();
    }
    let escape = |letter: char| match is_obeyed(letter) {
        true => letter.escape_default().to_string(),
        false => letter.to_string(),
    };
    text.chars().map(escape).collect::<String>().into()
}

/// The exit code if the pipeline file or the command line is wrong.
const WRONG_ARGUMENTS: u8 = 2;

/// Prints an error with its hint; returns its exit code.
pub fn refuse(error: &anyhow::Error) -> ExitCode {
    if let Some(spec::Error::File(problems)) = error.downcast_ref() {
        tell(&problems.to_string());
        return WRONG_ARGUMENTS.into();
    }
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            text = if text.is_empty() { cause } else { format!("{text}: {cause}") };
        }
    }
    tell(&format!("error: {text}"));
    if let Some(runner::Error::Results(results::Error::Data { source, .. })) = error.downcast_ref()
        && matches!(**source, data::Error::Missing { .. } | data::Error::NoPictures { .. })
    {
        tell("hint: images are read from the folder `data`; `--data DIR` or BPFREE_DATA names another one");
    }
    if let Some(hint) = hint(error) {
        tell(&format!("hint: {hint}"));
    }
    let is_wrong_argument = matches!(error.downcast_ref(), Some(spec::Error::Override(_)))
        || matches!(
            error.downcast_ref(),
            Some(cluster::Error::WrongFile { .. } | cluster::Error::Unreadable { .. })
        );
    if is_wrong_argument { WRONG_ARGUMENTS.into() } else { ExitCode::FAILURE }
}

/// Ends the program with an error about the command line and its hint.
pub fn refuse_arguments(error: &str, hint: &str) -> ! {
    clap::Error::raw(ErrorKind::ValueValidation, format!("{}\nhint: {}\n", escaped(error), escaped(hint)))
        .exit()
}

/// Returns the hint of the crate that the error comes from.
fn hint(error: &anyhow::Error) -> Option<String> {
    if let Some(error) = error.downcast_ref::<runner::Error>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<spec::Error>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<cluster::Error>() {
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

/// Returns a number with its noun: `1 trial`, `2 trials`.
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Returns a number of bytes in decimal units.
pub fn bytes(count: u64) -> String {
    // As text, because the formatter of `DecimalBytes` ignores widths.
    DecimalBytes(count).to_string()
}

/// Returns the time since a moment in Unix seconds.
pub fn since(unix_seconds: u64) -> HumanDuration {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    HumanDuration(now.saturating_sub(Duration::from_secs(unix_seconds)))
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

/// Returns a block of lines: the images of a dataset, its splits, and the warnings about them, without a line break at the end.
pub fn account(stated: &Stated) -> String {
    let mut lines = Vec::new();
    match &stated.account {
        Some(Account { source, images, splits }) => {
            lines.push(format!("{source}: {images}"));
            lines.extend(splits.iter().cloned());
        }
        None => lines.push("prepared by an earlier version, which did not count the images".to_owned()),
    }
    lines.extend(stated.warnings.iter().map(|warning| format!("warning: {warning}")));
    lines.join("\n  ")
}

/// Formats a value, for example `error_rate/validation 4.80 %`.
fn measured(metric: &Metric, value: f64) -> String {
    match metric {
        Metric::ErrorRate(_) => format!("{metric} {value:.2} %"),
        _ => format!("{metric} {value:.4}"),
    }
}

fn in_words(end: &TrialEnd, epochs: u32, last: Option<&Epoch>, seconds: f64) -> String {
    let value = last.and_then(headline);
    let value = value.map_or(String::new(), |(metric, value)| format!(", {}", measured(metric, value)));
    let took = format!("{} in {seconds:.1} s", counted(epochs as usize, "epoch"));
    match end {
        TrialEnd::Stored(Outcome::Finished) => format!("{took}{value}"),
        TrialEnd::Stored(Outcome::Stopped { .. }) => format!("{took}, stopped early{value}"),
        TrialEnd::Stored(Outcome::Diverged { reason, .. }) => format!("{took}, DIVERGED: {reason}"),
        TrialEnd::Adopted(_) => {
            format!("taken from a finished trial, {}{value}", counted(epochs as usize, "epoch"))
        }
        TrialEnd::MadeElsewhere | TrialEnd::TakenOver => "trained by another process".into(),
        TrialEnd::Failed(reason)
        | TrialEnd::TooLarge(reason)
        | TrialEnd::OutOfMemory(reason)
        | TrialEnd::Panicked(reason) => {
            format!("{took}, FAILED: {}", reason.lines().next().unwrap_or_default())
        }
        TrialEnd::Interrupted(_) => format!("{took}, interrupted"),
    }
}

/// Returns the line for an event that is only printed.
fn note(progress: &Progress<'_>) -> Option<String> {
    match progress {
        Progress::TrialStarted { trial, epochs, from_finished: false } if *epochs > 0 => {
            Some(format!("{trial}: resumes after epoch {epochs}"))
        }
        Progress::NotSaved { trial, reason } => Some(format!(
            "warning: {trial}: its checkpoint could not be written, training continues: {reason}"
        )),
        Progress::AttemptFailed { trial, reason } => {
            let reason = reason.lines().next().unwrap_or_default();
            Some(format!("{trial}: an attempt failed, it is tried again: {reason}"))
        }
        Progress::Warning(text) => Some(format!("warning: {text}")),
        Progress::Damaged { what, damage } => {
            Some(format!("warning: {what}: {damage}; it is moved to the folder `damaged` and computed again"))
        }
        Progress::Halved { trials, reason } => {
            Some(format!("a population of {trials} trials failed ({reason}): its halves are tried"))
        }
        Progress::WaitingFor { holder, trials, last_seen: Some(LastSeen { ago, free_in }) } => Some(format!(
            "{} claimed by process {} on {}, last seen {} s ago: waiting for it; taken over in {} s if it stays silent \
             (Ctrl-C stops waiting)",
            counted(*trials, "trial"),
            holder.pid,
            holder.host,
            ago.as_secs(),
            free_in.as_secs()
        )),
        Progress::WaitingFor { holder, trials, last_seen: None } => {
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

fn values(epoch: &Epoch) -> String {
    epoch.values.iter().map(|(metric, value)| measured(metric, *value)).collect::<Vec<_>>().join(", ")
}

/// Prints events. On a terminal, also shows a progress bar for the stage and one for each trial in training.
pub struct Bars {
    /// Hidden if standard error is no terminal.
    bars: MultiProgress,
    every_epoch: bool,
    stage: Mutex<Option<StageBar>>,
    reports: Mutex<Vec<PathBuf>>,
}

struct StageBar {
    bar: ProgressBar,
    trials: HashMap<String, ProgressBar>,
    /// The epochs of each trial that the bar counts.
    counted: HashMap<String, u32>,
    ended: usize,
    total: usize,
    epochs: u32,
    /// The line with the best value so far: a name on the line of the bar would be cut.
    best_line: ProgressBar,
    best: Option<f64>,
    is_interrupted: bool,
}

impl StageBar {
    /// Counts this number of epochs of a trial, in place of what was counted before: a new attempt repeats epochs.
    fn count(&mut self, trial: &Trial, epochs: u32) {
        let before = self.counted.insert(trial.to_string(), epochs).unwrap_or(0);
        self.bar.set_position((self.bar.position() + u64::from(epochs)).saturating_sub(u64::from(before)));
    }

    /// Shows `7/15 trials, 12s left` on the bar.
    fn refresh(&self) {
        let left = match self.bar.position() {
            _ if self.is_interrupted => STOPPING.into(),
            0 => "loading".into(),
            _ => format!("{:#} left", HumanDuration(self.bar.eta())),
        };
        self.bar.set_message(format!("{}/{} trials, {left}", self.ended, self.total));
    }

    /// Removes the bar of a trial.
    fn clear(&mut self, trial: &Trial) {
        if let Some(bar) = self.trials.remove(&trial.to_string()) {
            bar.finish_and_clear();
        }
    }

    fn finish(&self) {
        self.best_line.finish_and_clear();
        self.bar.finish_and_clear();
    }
}

/// The state of a run between Ctrl-C and its end.
const STOPPING: &str = "stopping after the current epochs";

impl Bars {
    pub fn new(every_epoch: bool) -> Self {
        Self { bars: MultiProgress::new(), every_epoch, stage: Mutex::default(), reports: Mutex::default() }
    }

    /// Returns the paths of the reports of all summaries so far.
    pub fn into_reports(self) -> Vec<PathBuf> {
        self.reports.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn clear(&self) {
        // This fails only if the terminal is closed.
        let _ = self.bars.clear();
    }

    /// Acknowledges a signal, on the bar and in a line of its own. `is_by_user` tells of Ctrl-C.
    pub fn interrupt(&self, is_by_user: bool) {
        if let Some(stage) = self.stage.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            stage.is_interrupted = true;
            stage.refresh();
        }
        let again = if is_by_user { " (press Ctrl-C again to stop at once)" } else { "" };
        self.say(&format!("interrupting: saving trials after their current epoch{again}"));
    }

    fn say(&self, text: &str) {
        // `suspend` would panic after the terminal has gone.
        if self.bars.is_hidden() || self.bars.println(escaped(&with_program(text))).is_err() {
            tell(text);
        }
    }

    fn begin(&self, name: &str, trials: usize, done: usize, epochs: u32) -> StageBar {
        let bar = self.bars.add(ProgressBar::new((trials - done) as u64 * u64::from(epochs)));
        let style = ProgressStyle::with_template("{prefix} {bar:24} {wide_msg}")
            .expect("the template is written in this line");
        bar.set_style(style);
        bar.set_prefix(escaped(name).into_owned());
        keep_ticking(&bar);
        let best_line = self.bars.add(ProgressBar::no_length());
        best_line.set_style(
            ProgressStyle::with_template("  {wide_msg}").expect("the template is written in this line"),
        );
        let (ended, total) = (done, trials);
        let trials = HashMap::new();
        let stage = StageBar {
            bar,
            trials,
            counted: HashMap::new(),
            ended,
            total,
            epochs,
            best_line,
            best: None,
            is_interrupted: false,
        };
        stage.refresh();
        stage
    }

    fn advance(&self, stage: &mut StageBar, trial: &Trial, epoch: &Epoch, epochs: u32) {
        let bar = stage.trials.entry(trial.to_string()).or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new(u64::from(epochs)));
            let style = ProgressStyle::with_template("  {prefix} epoch {pos}/{len} {wide_msg}")
                .expect("the template is written in this line");
            bar.set_style(style);
            bar.set_prefix(trial.to_string());
            bar
        });
        bar.set_position(u64::from(epoch.epoch));
        if let Some((metric, value)) = headline(epoch) {
            bar.set_message(measured(metric, value));
            if value.is_finite() && stage.best.is_none_or(|best| value < best) {
                stage.best = Some(value);
                let measured = measured(metric, value);
                stage.best_line.set_message(format!("best so far: {}, {measured}", trial.configuration));
            }
        }
        stage.count(trial, epoch.epoch);
        stage.refresh();
    }
}

/// Redraws the bar while it is not finished. If the system starts no further thread, the bar moves at events only.
fn keep_ticking(bar: &ProgressBar) {
    let bar = bar.downgrade();
    let tick = move || {
        while let Some(bar) = bar.upgrade().filter(|bar| !bar.is_finished()) {
            bar.tick();
            drop(bar);
            thread::sleep(Duration::from_millis(250));
        }
    };
    let _ = thread::Builder::new().name("bar".into()).spawn(tick);
}

impl Reporter for Bars {
    fn report(&self, progress: &Progress<'_>) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        match progress {
            // A stage has a bar that shows it.
            Progress::LoadingDataset { name } if self.bars.is_hidden() || stage.is_none() => {
                self.say(&format!("{name}: loading images"));
            }
            Progress::LoadedDataset { name, stated } => self.say(&format!("{name}: {}", account(stated))),
            Progress::Decoding { name, done, total } => {
                if let Some(stage) = stage.as_mut() {
                    stage.bar.set_message(format!("{done}/{total} pictures decoded"));
                }
                // One line for each tenth of the pictures.
                if self.bars.is_hidden() && done * 10 / total > (done - 1) * 10 / total {
                    self.say(&format!("{name}: {done} of {total} pictures decoded"));
                }
            }
            Progress::TrainStarted { name, trials, done, begun, epochs } => {
                let begun =
                    if *begun > 0 { format!(", {begun} begin from finished trials") } else { String::new() };
                self.say(&format!("stage {name}: {}, {done} already done{begun}", counted(*trials, "trial")));
                *stage = (trials > done).then(|| self.begin(name, *trials, *done, *epochs));
            }
            Progress::Epoch { trial, epoch, epochs } => {
                if self.every_epoch {
                    self.say(&format!("{trial}: epoch {}/{epochs} {}", epoch.epoch, values(epoch)));
                }
                if let Some(stage) = stage.as_mut() {
                    self.advance(stage, trial, epoch, *epochs);
                }
            }
            Progress::TrialEnded { trial, end, epochs, last, seconds } => {
                let Some(stage) = stage.as_mut() else { return };
                stage.clear(trial);
                stage.ended += 1;
                stage.count(trial, stage.epochs);
                stage.refresh();
                let ended = in_words(end, *epochs, *last, *seconds);
                self.say(&format!("[{}/{}] {trial}: {ended}", stage.ended, stage.total));
            }
            Progress::TrainEnded => {
                if let Some(stage) = stage.take() {
                    stage.finish();
                }
            }
            Progress::Summary { name, table, report } => {
                let text = format!("\n{name}: {}\nreport: {}", short(table), from_here(report));
                self.bars.suspend(|| say(&text));
                self.reports.lock().unwrap_or_else(PoisonError::into_inner).push(report.to_path_buf());
            }
            other => {
                match (other, stage.as_mut()) {
                    (Progress::TrialStarted { trial, epochs, .. }, Some(stage)) => {
                        stage.count(trial, *epochs)
                    }
                    (Progress::AttemptFailed { trial, .. }, Some(stage)) => stage.clear(trial),
                    _ => {}
                }
                if let Some(text) = note(other) {
                    self.say(&text);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_lines_stay() {
        assert_eq!(
            escaped("a \u{1b}[2Jb\r\u{9b}\u{202e}\n\tc ± ü"),
            "a \\u{1b}[2Jb\\r\\u{9b}\\u{202e}\n\tc ± ü"
        );
        assert!(matches!(escaped("stage t: 2 trials\n"), Cow::Borrowed(_)));
    }
}
