//! `run`: computes missing results and prints the tables.

use std::{
    process::ExitCode,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

use results::run_tree;
use runner::run::{RunReport, RunSettings};
use settings::Trial;

use crate::{
    RunArguments,
    asked::{self, Asked},
    limits, namesake,
    program::command_line,
    signals::{self, Signal},
    terminal::{Bars, counted, from_here, say, tell},
    warnings,
};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// The bars, which acknowledge Ctrl-C.
static BARS: OnceLock<Bars> = OnceLock::new();

/// The exit code of a program that Ctrl-C ended, as shells expect it.
pub const INTERRUPTED_CODE: u8 = 130;

/// The exit code if everything is done, but a published value was missed.
const MISSED_CODE: u8 = 3;

/// The largest number of threads for each core. More only take turns, and those without a trial look for work at all others.
const THREADS_PER_CORE: usize = 4;

/// Trains on this machine whatever is missing.
pub fn run(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let RunArguments { asked: about, network, .. } = arguments;
    let asked = Asked::of(asked::read(about)?, about)?;
    let pipeline = &asked.pipeline;
    warnings::tell_all(pipeline, about.device);
    namesake::warn(&asked, about);
    engine::check(about.device)?;
    // During a download, Ctrl-C ends the program; the next start resumes the download.
    super::download::fetch_missing(pipeline, &about.places.images.data, network)?;
    let bars = BARS.get_or_init(|| Bars::new(about.verbose));
    stop_on_ctrl_c(bars)?;
    let report = runner::run::run(&asked.context(), pipeline, settings(arguments, bars, &INTERRUPTED))?;
    bars.clear();
    Ok(conclude(&asked, &report, started))
}

/// Returns the options of a run, and prepares the process for it.
pub fn settings<'a>(arguments: &RunArguments, bars: &'a Bars, interrupt: &'a AtomicBool) -> RunSettings<'a> {
    let jobs = arguments.jobs.map_or_else(cores, usize::from).min(cores() * THREADS_PER_CORE);
    if let Some(wanted) = arguments.jobs.map(usize::from).filter(|wanted| *wanted > cores()) {
        let only = if wanted > jobs { format!("; {jobs} are used") } else { String::new() };
        tell(&format!(
            "warning: {wanted} threads are more than the {} of this machine and slow it down{only}",
            counted(cores(), "core")
        ));
    }
    limits::allow_many_files();
    RunSettings {
        jobs,
        largest_population: arguments.population.map(usize::from),
        fail_fast: arguments.fail_fast,
        interrupt,
        reporter: bars,
        build: crate::BUILD,
        memory: arguments.memory,
    }
}

/// Parses a size with its unit, such as `8GB`, `500 MB` or `1.5GiB`.
pub fn bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let (number, unit) =
        text.split_at(text.find(|letter: char| letter.is_alphabetic()).unwrap_or(text.len()));
    let factor = match unit.to_ascii_lowercase().as_str() {
        // Ten bytes are never meant.
        "" => return Err(format!("`{text}` has no unit: for example {number}GB")),
        "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => f64::from(1 << 10),
        "mib" => f64::from(1 << 20),
        "gib" => f64::from(1 << 30),
        _ => return Err(format!("unknown unit `{unit}`, known: KB, MB, GB, TB, KiB, MiB, GiB")),
    };
    match number.trim().parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok((number * factor) as u64),
        _ => Err("expected a size such as 8GB or 500MB".into()),
    }
}

/// Prints what was done, what was not, and how to continue; returns the exit code.
pub fn conclude(asked: &Asked<'_>, report: &RunReport, started: Instant) -> ExitCode {
    let folder = run_tree::pipeline_folder(asked.store.root(), &asked.pipeline.name);
    say(&format!("results: {}", from_here(&folder)));
    let RunReport {
        trials,
        skipped,
        trained,
        adopted,
        failed,
        diverged,
        interrupted,
        saved,
        dropped,
        elsewhere,
        not_begun,
        left_to_others: _,
        waiting,
        missed,
    } = report;
    let seconds = started.elapsed().as_secs_f64();
    let others: String =
        [(*adopted, "taken from finished trials"), (*elsewhere, "trained by other processes")]
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}, "))
            .collect();
    say(&format!(
        "{}: {skipped} were done, {trained} trained now, {others}{} failed ({seconds:.1} s)",
        counted(*trials, "trial"),
        failed.len()
    ));
    list("failed", failed);
    list("diverged", diverged);
    let again = command_line();
    if *interrupted {
        tell(&format!(
            "interrupted: finished trials are kept, {saved} in progress were saved{}",
            if *dropped > 0 { format!(", {dropped} had finished no epoch") } else { String::new() }
        ));
        tell(&format!("hint: `{again}` continues"));
        return ExitCode::from(INTERRUPTED_CODE);
    }
    if *not_begun > 0 {
        let trials = if *not_begun == 1 { "1 trial was".into() } else { format!("{not_begun} trials were") };
        tell(&format!("error: {trials} not started, because earlier trials failed"));
    }
    for (stage, reason) in waiting {
        tell(&format!("error: {stage} was not started: {reason}"));
    }
    for line in missed {
        tell(&format!("error: a published value was missed: {line}"));
    }
    if !failed.is_empty() {
        tell(&format!("hint: `{again}` trains only the failed trials again"));
    }
    if !diverged.is_empty() {
        tell("hint: if divergence is expected, write `may_diverge: true` in the Train stage");
    }
    match failed.is_empty() && diverged.is_empty() && waiting.is_empty() {
        true if missed.is_empty() => ExitCode::SUCCESS,
        true => ExitCode::from(MISSED_CODE),
        false => ExitCode::FAILURE,
    }
}

pub fn list(what: &str, trials: &[(Trial, String)]) {
    for (trial, reason) in trials {
        // The failure's file keeps the backtrace of a panic; `status -v` shows it.
        let reason = reason.lines().next().unwrap_or_default();
        tell(&format!("error: {trial} {what}: {reason}"));
    }
}

pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Makes the first Ctrl-C save all trials after their epoch, and the second one end the program. Signals that are ignored, for
/// example by `nohup`, stay ignored.
fn stop_on_ctrl_c(bars: &'static Bars) -> anyhow::Result<()> {
    signals::listen(|signal| interrupt(&INTERRUPTED, signal, bars))
}

/// Sets `interrupted`. The second Ctrl-C ends the program.
pub fn interrupt(interrupted: &AtomicBool, signal: Signal, bars: &Bars) {
    if !interrupted.swap(true, Ordering::Relaxed) {
        bars.interrupt(signal == Signal::Interrupt);
    } else if signal == Signal::Interrupt {
        // A bar that is left on the terminal would look like a run.
        bars.clear();
        #[expect(clippy::exit, reason = "the user asked twice")]
        std::process::exit(i32::from(INTERRUPTED_CODE));
    }
}

/// Prints no message for a panic in a trial, which is reported as the trial's failure, or in the decoder of pictures.
pub fn keep_expected_panics_quiet() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // A picture that the decoder panics on is reported as damaged.
        if panic.location().is_some_and(|location| location.file().contains("zune-jpeg")) {
            return;
        }
        if thread::current().name().is_some_and(|name| name.starts_with("worker-")) {
            runner::panics::remember(panic);
        } else {
            usual(panic);
        }
    }));
}
