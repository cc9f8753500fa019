//! `artifacts`: what the store holds, whether it is whole, and what of it nobody needs.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use results::{description::describe, run_tree, trial::TRIAL};
use settings::Device;
use spec::Pipeline;
use store::{Name, Store, StoreError};

use crate::{
    ArtifactsArguments, ArtifactsCommand, Places,
    terminal::{say, tell},
};

pub fn artifacts(arguments: &ArtifactsArguments) -> anyhow::Result<ExitCode> {
    let places = &arguments.places;
    let store = Store::open(&places.artifacts)?;
    match &arguments.command {
        ArtifactsCommand::Ls => list(&store),
        ArtifactsCommand::Show { key } => show(&store, key),
        ArtifactsCommand::Du => usage(&store),
        ArtifactsCommand::Verify { repair } => verify(&store, *repair),
        ArtifactsCommand::Gc { pipelines, keep, delete } => collect(&store, places, pipelines, keep, *delete),
    }
}

fn names(store: &Store) -> anyhow::Result<Vec<Name>> {
    Ok(store.names()?)
}

/// A line for each: kind, key, size, when, what.
fn list(store: &Store) -> anyhow::Result<ExitCode> {
    for name in names(store)? {
        let line = match store.find(&name.kind, &name.key) {
            Ok(Some(artifact)) => {
                let made = &artifact.manifest().made;
                let when = jiff::Timestamp::from_second(made.started_unix_seconds as i64).unwrap_or_default();
                let (when, host) = (when.strftime("%Y-%m-%d %H:%M"), &made.host);
                format!("{when} {:>8.1} s  {host}  {}", made.duration_seconds, described(store, &name))
            }
            Ok(None) => "gone by now".to_owned(),
            Err(error) => format!("{}: {error}", described(store, &name)),
        };
        let (kind, size) = (&name.kind, bytes(store.size(&name)));
        say(&format!("{kind:<8} {} {size:>10}  {line}", name.key.short()));
    }
    Ok(ExitCode::SUCCESS)
}

/// What an artifact is, as far as its key text tells.
fn described(store: &Store, name: &Name) -> String {
    let text = store.key_text(&name.kind, &name.key);
    text.and_then(|text| describe(&name.kind, &text)).unwrap_or_else(|| format!("key {}", name.key.short()))
}

fn show(store: &Store, start: &str) -> anyhow::Result<ExitCode> {
    let found = store.named(start)?;
    let name = match &found[..] {
        [] => bail!("no artifact's key begins with `{start}`; `cargo xtask artifacts ls` lists them"),
        [name] => name,
        several => bail!("{} artifacts' keys begin with `{start}`: give more of it", several.len()),
    };
    let artifact = store.find(&name.kind, &name.key)?;
    let artifact = artifact.context("it was removed just now")?;
    say(&artifact.path().display().to_string());
    for file in ["key.ron", "manifest.ron"] {
        let path = artifact.path().join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        say(&format!("\n{file}\n{}", text.trim_end()));
    }
    Ok(ExitCode::SUCCESS)
}

fn usage(store: &Store) -> anyhow::Result<ExitCode> {
    let mut kinds: BTreeMap<String, (usize, u64)> = BTreeMap::new();
    for name in names(store)? {
        let (count, size) = kinds.entry(name.kind.clone()).or_default();
        *count += 1;
        *size += store.size(&name);
    }
    for (kind, (count, size)) in &kinds {
        say(&format!("{kind:<8} {count:>7} {:>10}", bytes(*size)));
    }
    let aside = store.aside()?;
    if aside.0 > 0 {
        kinds.insert("damaged".to_owned(), aside);
        say(&format!(
            "{:<8} {:>7} {:>10}  moved aside, nobody reads them",
            "damaged",
            aside.0,
            bytes(aside.1)
        ));
    }
    let (count, size) = kinds.values().fold((0, 0), |(count, size), of| (count + of.0, size + of.1));
    say(&format!("{:<8} {count:>7} {:>10}", "all", bytes(size)));
    Ok(ExitCode::SUCCESS)
}

/// Reads everything; moves aside what is damaged, if asked.
fn verify(store: &Store, repair: bool) -> anyhow::Result<ExitCode> {
    // What is moved aside must not be pulled from under a run.
    let _alone = if repair { Some(store.have_it_alone()?) } else { None };
    let names = names(store)?;
    let mut damaged = 0;
    for name in &names {
        let Err(error) = store.verify(name) else { continue };
        damaged += 1;
        tell(&format!("error: {} {}: {error}", name.kind, described(store, name)));
        // A disk that cannot be read just now, or another build's format, is no damage.
        if repair && matches!(error, StoreError::Damaged { .. }) {
            let moved = store.move_aside(name)?;
            say(&format!("moved to {}", moved.display()));
        }
    }
    say(&format!("{} artifacts: {} whole, {damaged} damaged", names.len(), names.len() - damaged));
    if damaged == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    tell(if repair {
        "hint: the next run of their pipelines makes them anew"
    } else {
        "hint: the same command with `--repair` moves them aside, so that the next run makes them anew"
    });
    Ok(if repair { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Removes what no pipeline reaches, or says what that would be.
fn collect(
    store: &Store,
    places: &Places,
    pipelines: &Path,
    keep: &[String],
    delete: bool,
) -> anyhow::Result<ExitCode> {
    // Held until everything is removed: no run begins meanwhile, and none is going on.
    let _alone = if delete { Some(store.have_it_alone()?) } else { None };
    let Reach { wanted, has_unknown_trials } = reach(store, places, pipelines, keep)?;
    let there: HashSet<Name> = names(store)?.into_iter().collect();
    let kept: HashSet<&Name> = wanted.intersection(&there).collect();
    let strange = strange_trees(places, pipelines, keep)?;
    if delete && !strange.is_empty() {
        let keep: Vec<String> = strange.iter().map(|name| format!("--keep {name}")).collect();
        bail!(
            "run trees of no file in {}: {}; `{}` keeps what they show, or remove their folders under runs/",
            pipelines.display(),
            strange.join(", "),
            keep.join(" ")
        );
    }
    let free: Vec<Name> = names(store)?.into_iter().filter(|name| !kept.contains(name)).collect();
    let size: u64 = free.iter().map(|name| store.size(name)).sum();
    for name in &free {
        let size = bytes(store.size(name));
        say(&format!("{:<8} {} {size:>10}  {}", name.kind, name.key.short(), described(store, name)));
        if delete {
            store.remove(name)?;
        }
    }
    // Of a pipeline without its images or its file nobody can tell which unfinished work is its own.
    let unfinished = match has_unknown_trials {
        true => HashSet::new(),
        false => store.unfinished()?,
    };
    for name in unfinished.difference(&wanted) {
        say(&format!("{:<8} {} unfinished work", name.kind, name.key.short()));
        if delete {
            store.give_up(name)?;
        }
    }
    let what = if delete { "removed" } else { "would be removed" };
    say(&format!("{} artifacts are kept, {} ({}) {what}", kept.len(), free.len(), bytes(size)));
    for tree in &strange {
        tell(&format!(
            "hint: runs/{tree} is of no file in {}: `--keep {tree}` keeps what it shows",
            pipelines.display()
        ));
    }
    if !delete && !free.is_empty() && strange.is_empty() {
        tell("hint: `--delete` removes them");
    }
    Ok(ExitCode::SUCCESS)
}

/// Run trees that no pipeline file and no `keep` names.
fn strange_trees(places: &Places, pipelines: &Path, keep: &[String]) -> anyhow::Result<Vec<String>> {
    let runs = places.artifacts.join("runs");
    let Ok(entries) = fs::read_dir(&runs) else { return Ok(Vec::new()) };
    let mut known: HashSet<String> = keep.iter().cloned().collect();
    for file in pipeline_files(pipelines)? {
        known.insert(Pipeline::read(&file)?.name);
    }
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut strange: Vec<String> = names.filter(|name| !known.contains(name)).collect();
    strange.sort();
    Ok(strange)
}

fn pipeline_files(pipelines: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(pipelines)
        .with_context(|| format!("cannot list {} (`--pipelines DIR`)", pipelines.display()))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    Ok(paths
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "ron"))
        .collect())
}

/// What must not be removed.
struct Reach {
    wanted: HashSet<Name>,
    /// Are there pipelines whose trials are not known here: without their images, or without their file?
    has_unknown_trials: bool,
}

/// What the pipeline files reach, finished or not, and what the run trees of these and of `keep` show.
fn reach(store: &Store, places: &Places, pipelines: &Path, keep: &[String]) -> anyhow::Result<Reach> {
    let (mut wanted, mut has_unknown_trials) = (HashSet::new(), !keep.is_empty());
    let there: HashSet<Name> = names(store)?.into_iter().collect();
    let unfinished = store.unfinished()?;
    for name in keep {
        let folder = run_tree::pipeline_folder(&places.artifacts, name);
        if !folder.is_dir() {
            bail!("`--keep {name}`: there is no folder {}", folder.display());
        }
        wanted.extend(store.linked_from(&folder));
    }
    for path in pipeline_files(pipelines)? {
        // A file that cannot be read might reach anything.
        let pipeline = Pipeline::read(&path)?;
        wanted.extend(store.linked_from(&run_tree::pipeline_folder(&places.artifacts, &pipeline.name)));
        for device in [Device::Cpu, Device::Cuda] {
            let context =
                runner::Context { store: store.clone(), data: &places.data, device, same_build: None };
            match runner::plan::reached(&context, &pipeline) {
                Ok(reached) => {
                    // On a device where nothing of it was ever done, nothing of it is unfinished either.
                    let is_used = reached.names.iter().any(|name| {
                        name.kind == TRIAL && (there.contains(name) || unfinished.contains(name))
                    });
                    has_unknown_trials |= is_used && !reached.is_complete;
                    wanted.extend(reached.names);
                }
                // Without its images a pipeline has no keys; what its run tree shows is kept.
                Err(runner::Error::Results(results::Error::Data { .. })) => has_unknown_trials = true,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(Reach { wanted, has_unknown_trials })
}

/// `1.2 MB`.
fn bytes(count: u64) -> String {
    let (value, unit) = match count {
        0..1_000 => return format!("{count} B"),
        1_000..1_000_000 => (count as f64 / 1e3, "kB"),
        1_000_000..1_000_000_000 => (count as f64 / 1e6, "MB"),
        _ => (count as f64 / 1e9, "GB"),
    };
    format!("{value:.1} {unit}")
}
