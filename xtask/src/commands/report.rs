//! `report`: writes tables and reports from finished trials, without training.

use std::{
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
    sync::atomic::AtomicBool,
};

use anyhow::bail;
use runner::run::RunSettings;

use crate::{
    ReportArguments,
    asked::Asked,
    terminal::{Bars, tell},
};

pub fn report(arguments: &ReportArguments) -> anyhow::Result<ExitCode> {
    let about = &arguments.asked;
    let asked = Asked::open(about)?;
    let (context, pipeline) = (asked.context(), &asked.pipeline);
    let bars = Bars::new(about.verbose);
    let settings = RunSettings {
        jobs: 1,
        largest_population: None,
        memory: None,
        fail_fast: false,
        interrupt: &AtomicBool::new(false),
        reporter: &bars,
        build: crate::BUILD,
    };
    let done = runner::run::report(&context, pipeline, settings)?;
    for (stage, reason) in &done.waiting {
        tell(&format!("{stage} is not in the reports: {reason}"));
    }
    let reports = bars.into_reports();
    if reports.is_empty() {
        bail!(
            "{} has no summary of finished trials: add a Summarize stage, or run the file first",
            about.file.display()
        );
    }
    if arguments.open {
        reports.iter().try_for_each(open)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the page at `path` in a browser.
fn open(path: &PathBuf) -> anyhow::Result<()> {
    let openers = ["xdg-open", "open", "sensible-browser"];
    for opener in openers {
        let started = Command::new(opener).arg(path).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        if started.is_ok() {
            return Ok(());
        }
    }
    bail!("cannot open {1}: none of {0} is installed", openers.join(", "), path.display())
}
