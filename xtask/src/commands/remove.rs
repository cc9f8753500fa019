//! `artifacts rm`: lists chosen trials of a pipeline, and deletes them.

use std::{collections::HashSet, process::ExitCode};

use anyhow::bail;
use results::{
    description, run_tree,
    trial::{PlannedTrial, TRIAL},
};
use runner::plan::StagePlan;
use store::{Name, Store};

use crate::{
    RemoveArguments,
    asked::Asked,
    program::program,
    terminal::{bytes, counted, say, tell},
};

/// Lists the chosen trials that are finished, saved or failed; with `--delete`, deletes them.
pub fn remove(store: &Store, arguments: &RemoveArguments) -> anyhow::Result<ExitCode> {
    let RemoveArguments { delete, asked: about, .. } = arguments;
    let asked = Asked::open(about)?;
    // This lock keeps runs away until everything is deleted.
    let _alone = if *delete { Some(store.have_it_alone()?) } else { None };
    let plans = runner::plan::plan(&asked.context(), &asked.pipeline)?;
    let trials = plans.into_iter().flat_map(|plan| match plan {
        StagePlan::Train { trials, .. } => trials,
        _ => Vec::new(),
    });
    // Two stages may have the same trial.
    let mut seen = HashSet::new();
    let chosen = trials.filter(|planned| is_chosen(planned, arguments) && seen.insert(planned.key));
    let unfinished = store.unfinished()?;
    let (mut finished, mut work, mut held): (Vec<Name>, Vec<Name>, bool) = (Vec::new(), Vec::new(), false);
    for planned in chosen {
        let name = Name { kind: TRIAL.to_owned(), key: planned.key };
        if let Some(holder) = store.holder(TRIAL, &planned.key) {
            // A run on another host, which does not share the lock.
            tell(&format!("error: {} is in use by process {} on {}", planned.trial, holder.pid, holder.host));
            held = true;
        } else if planned.artifact.is_some() || planned.damage.is_some() {
            let size = bytes(store.size(&name));
            say(&format!("{:<8} {} {size:>10}  {}", TRIAL, name.key.short(), description::of(store, &name)));
            finished.push(name);
        } else if unfinished.contains(&name) {
            let state = if store.failure(TRIAL, &name.key).is_some() { "failed" } else { "saved" };
            say(&format!("{state:<8} {} {:>10}  {}", name.key.short(), "", planned.trial));
            work.push(name);
        }
    }
    let count = finished.len() + work.len();
    if count == 0 && !held {
        bail!(
            "no finished, saved or failed trial matches; `{} status {} -v` lists the trials",
            program(),
            about.file.display()
        );
    }
    let size: u64 = finished.iter().map(|name| store.size(name)).sum();
    if *delete {
        let folders = finished.iter().filter_map(|name| store.folder_of(name).canonicalize().ok()).collect();
        run_tree::hide_everywhere(store.root(), &folders)?;
        finished.iter().try_for_each(|name| store.remove(name))?;
        work.iter().try_for_each(|name| store.give_up(name))?;
    }
    let what = if *delete { "deleted" } else { "would be deleted" };
    say(&format!("{} ({}) {what}", counted(count, "trial"), bytes(size)));
    if !delete && count > 0 {
        tell(
            "hint: `--delete` deletes them; the next run of a pipeline file that has them trains them again",
        );
    }
    Ok(if held { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn is_chosen(planned: &PlannedTrial, arguments: &RemoveArguments) -> bool {
    let RemoveArguments { trial, seed, .. } = arguments;
    planned.trial.to_string().contains(trial) && (seed.is_empty() || seed.contains(&planned.trial.seed))
}
