//! `export`: writes trained networks for other programs.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::bail;
use results::export::{Choice, Exported, Wanted};
use settings::Axis;
use spec::did_you_mean;
use store::Placed;

use crate::{
    ExportArguments,
    asked::Asked,
    program::program,
    terminal::{Bars, say, tell},
};

/// The word for no axis: one winner of all trials.
const ALL: &str = "all";
/// The number of networks, and of unfinished trials, that are listed without `-v`.
const NAMED: usize = 30;

/// Reads a value of `--per`.
pub fn axis_name(text: &str) -> Result<String, String> {
    let known: Vec<&str> = Axis::NAMES.iter().copied().chain([ALL]).collect();
    if known.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!("no axis has this name: {}", did_you_mean(text, &known)))
}

pub fn export(arguments: &ExportArguments) -> anyhow::Result<ExitCode> {
    let about = &arguments.asked;
    let asked = Asked::open(about)?;
    let (context, pipeline) = (asked.context(), &asked.pipeline);
    let inner = ["store", "work", "runs", "remembered", "decoded", "damaged"];
    let to = resolved(&arguments.to);
    if inner.iter().any(|name| to.starts_with(resolved(&about.places.results.artifacts).join(name))) {
        bail!("{} belongs to the store of results: export into another folder", arguments.to.display());
    }
    let wanted = Wanted {
        choice: choice(arguments)?,
        summary: arguments.summary.clone(),
        seeds: arguments.seed.clone(),
    };
    let exported = runner::export(&context, pipeline, &wanted, &arguments.to, &Bars::new(about.verbose))?;
    let most = if about.verbose { usize::MAX } else { NAMED };
    show(&exported, most);
    if exported.models.is_empty() {
        bail!(
            "nothing was exported: no matching trial is finished; `{} plan {}` shows which are missing",
            program(),
            about.file.display()
        );
    }
    let count = exported.models.len();
    let networks = if count == 1 { "network" } else { "networks" };
    say(&format!("{count} {networks} in {}", arguments.to.display()));
    Ok(ExitCode::SUCCESS)
}

/// Returns the absolute path with the links resolved, of which the last folders may be missing.
fn resolved(path: &Path) -> PathBuf {
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Ok(resolved), ..) => resolved,
        (_, Some(parent), Some(name)) if parent != Path::new("") => resolved(parent).join(name),
        _ => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
    }
}

fn choice(arguments: &ExportArguments) -> anyhow::Result<Choice> {
    let per = &arguments.per;
    if !arguments.best {
        return Ok(Choice::Finished);
    }
    if per.is_empty() {
        return Ok(Choice::Best);
    }
    let is_all = per.iter().any(|name| name == ALL);
    if is_all && per.len() > 1 {
        bail!("`--per` takes axes or `all`, not both");
    }
    let axes = Axis::ALL.into_iter().filter(|axis| per.iter().any(|name| name == axis.name()));
    Ok(Choice::BestPer(axes.collect()))
}

/// Prints notes, unfinished trials and exported networks, at most `most` of each.
fn show(exported: &Exported, most: usize) {
    for note in &exported.notes {
        tell(&format!("note: {note}"));
    }
    for trial in exported.unfinished.iter().take(most) {
        tell(&format!("{trial} is not exported: it is not finished"));
    }
    let unfinished = exported.unfinished.len();
    if unfinished > most {
        tell(&format!("and {} more (-v lists all)", unfinished - most));
    }
    for model in exported.models.iter().take(most) {
        let best_of = model.best_of.as_ref().map_or(String::new(), |group| format!(", best {group}"));
        let placed = if model.placed == Placed::AlreadyThere { ", there before" } else { "" };
        say(&format!("{}{best_of}{placed}", model.folder));
    }
    if exported.models.len() > most {
        say(&format!("and {} more (-v lists all)", exported.models.len() - most));
    }
}
