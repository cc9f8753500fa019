//! `artifacts`: lists, verifies and cleans the store of results.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use results::{
    NUMERICS_REVISION, description, run_tree,
    trial::{DATASET, TRIAL},
};
use settings::Device;
use spec::Pipeline;
use store::{Artifact, Name, Store, StoreError};

use crate::{
    ArtifactsArguments, ArtifactsCommand,
    program::program,
    terminal::{bytes, counted, say, since, tell},
};

pub fn artifacts(arguments: &ArtifactsArguments) -> anyhow::Result<ExitCode> {
    let artifacts = &arguments.results.artifacts;
    let store = Store::open(artifacts)?;
    match &arguments.command {
        ArtifactsCommand::Ls => list(&store),
        ArtifactsCommand::Show { key } => show(&store, key),
        ArtifactsCommand::Du => usage(&store),
        ArtifactsCommand::Verify { repair } => verify(&store, *repair),
        ArtifactsCommand::Rm(arguments) => super::remove::remove(&store, arguments),
        ArtifactsCommand::Gc { pipelines, keep, delete, images } => {
            let folders = Folders { artifacts, data: &images.data, pipelines };
            collect(&store, folders, keep, *delete)
        }
    }
}

/// Prints a line for each result: kind, key, size, age, duration, host, description.
fn list(store: &Store) -> anyhow::Result<ExitCode> {
    for name in store.names()? {
        let line = match store.find(&name.kind, &name.key) {
            Ok(Some(artifact)) => {
                let made = &artifact.manifest().made;
                let age = format!("{} ago", since(made.started_unix_seconds));
                let (seconds, host) = (made.duration_seconds, &made.host);
                format!("{age:>14} {seconds:>8.1} s  {host}  {}", description::of(store, &name))
            }
            Ok(None) => "deleted by another process just now".to_owned(),
            Err(error) => format!("{}: {error}", description::of(store, &name)),
        };
        let (kind, size) = (&name.kind, bytes(store.size(&name)));
        say(&format!("{kind:<8} {} {size:>10}  {line}", name.key.short()));
    }
    Ok(ExitCode::SUCCESS)
}

fn show(store: &Store, start: &str) -> anyhow::Result<ExitCode> {
    let found = store.named(start)?;
    let name = match &found[..] {
        [] => bail!("no result's key begins with `{start}`; `{} artifacts ls` lists all", program()),
        [name] => name,
        several => bail!("the keys of {} results begin with `{start}`: give more characters", several.len()),
    };
    let artifact = store.find(&name.kind, &name.key)?;
    let artifact = artifact.context("the result was deleted by another process just now")?;
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
    for name in store.names()? {
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
        say(&format!("{:<8} {:>7} {:>10}  moved away, never read", "damaged", aside.0, bytes(aside.1)));
    }
    let (count, size) = kinds.values().fold((0, 0), |(count, size), of| (count + of.0, size + of.1));
    say(&format!("{:<8} {count:>7} {:>10}", "all", bytes(size)));
    Ok(ExitCode::SUCCESS)
}

/// Reads every byte; with `repair`, moves damaged results away.
fn verify(store: &Store, repair: bool) -> anyhow::Result<ExitCode> {
    // No run may use a result while it is moved.
    let _alone = if repair { Some(store.have_it_alone()?) } else { None };
    let names = store.names()?;
    let mut damaged = 0;
    for name in &names {
        let error = match store.verify(name) {
            Err(error) => error,
            Ok(artifact) => {
                report_strangers(store, name, &artifact, repair)?;
                continue;
            }
        };
        damaged += 1;
        tell(&format!("error: {} {}: {error}", name.kind, description::of(store, name)));
        // An unreadable disk or the format of another build is no damage.
        if repair && matches!(error, StoreError::Damaged { .. }) {
            let moved = store.move_aside(name)?;
            say(&format!("moved to {}", moved.display()));
        }
    }
    say(&format!("{} results: {} whole, {damaged} damaged", names.len(), names.len() - damaged));
    if damaged == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    tell(if repair {
        "hint: the next run of their pipelines computes them again"
    } else {
        "hint: the same command with `--repair` moves them away, so that the next run computes them again"
    });
    Ok(if repair { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Reports files next to those of a result; with `repair`, moves them away. The result is whole without them.
fn report_strangers(store: &Store, name: &Name, artifact: &Artifact, repair: bool) -> anyhow::Result<()> {
    let strangers = store.strangers(artifact);
    if strangers.is_empty() {
        return Ok(());
    }
    let paths: Vec<String> = strangers.iter().map(|path| path.display().to_string()).collect();
    tell(&format!(
        "warning: {} {}: not part of the result: {} in {}",
        name.kind,
        description::of(store, name),
        paths.join(", "),
        artifact.path().display()
    ));
    if repair {
        say(&format!("moved to {}", store.move_strangers_aside(name, &strangers)?.display()));
    } else {
        tell("hint: the same command with `--repair` moves them away");
    }
    Ok(())
}

/// The folders that decide which results are in use.
#[derive(Clone, Copy)]
struct Folders<'a> {
    artifacts: &'a Path,
    data: &'a Path,
    pipelines: &'a Path,
}

/// Lists the results that no pipeline file uses; with `delete`, deletes them.
fn collect(store: &Store, folders: Folders<'_>, keep: &[String], delete: bool) -> anyhow::Result<ExitCode> {
    // This lock keeps other runs away until everything is deleted.
    let _alone = if delete { Some(store.have_it_alone()?) } else { None };
    let pipelines = folders.pipelines.display();
    let Reach { wanted, has_unknown_trials } = reach(store, folders, keep)?;
    let there: HashSet<Name> = store.names()?.into_iter().collect();
    let kept: HashSet<&Name> = wanted.intersection(&there).collect();
    let unknown = unknown_run_folders(folders, keep)?;
    if delete && !unknown.is_empty() {
        let keep: Vec<String> = unknown.iter().map(|name| format!("--keep {name}")).collect();
        bail!(
            "no file in {pipelines} belongs to these folders of runs/: {}; keep their results with `{}`, or delete the folders",
            unknown.join(", "),
            keep.join(" ")
        );
    }
    let free: Vec<Name> = store.names()?.into_iter().filter(|name| !kept.contains(name)).collect();
    let size: u64 = free.iter().map(|name| store.size(name)).sum();
    let mut groups: BTreeMap<String, Vec<&Name>> = BTreeMap::new();
    let shown_elsewhere = shown_in(store, folders, &unknown);
    for name in &free {
        groups.entry(reason(store, name, &shown_elsewhere)).or_default().push(name);
    }
    for (reason, names) in &groups {
        let size: u64 = names.iter().map(|name| store.size(name)).sum();
        say(&format!("{reason}: {}, {}", counted(names.len(), "result"), bytes(size)));
        for name in names {
            let size = bytes(store.size(name));
            say(&format!(
                "  {:<8} {} {size:>10}  {}",
                name.kind,
                name.key.short(),
                description::of(store, name)
            ));
            if delete {
                store.remove(name)?;
            }
        }
    }
    // Without the images or the file of a pipeline, its unfinished work cannot be identified, so all is kept.
    let unfinished = match has_unknown_trials {
        true => HashSet::new(),
        false => store.unfinished()?,
    };
    let abandoned: Vec<&Name> = unfinished.difference(&wanted).collect();
    if !abandoned.is_empty() {
        say(&format!("unfinished, and no pipeline file asks for it: {}", counted(abandoned.len(), "result")));
    }
    for name in abandoned {
        say(&format!("  {:<8} {}", name.kind, name.key.short()));
        if delete {
            store.give_up(name)?;
        }
    }
    let what = if delete { "deleted" } else { "would be deleted" };
    say(&format!("{} results are kept, {} ({}) {what}", kept.len(), free.len(), bytes(size)));
    for name in &unknown {
        tell(&format!(
            "hint: no file in {pipelines} belongs to runs/{name}: `--keep {name}` keeps its results"
        ));
    }
    if !delete && !free.is_empty() && unknown.is_empty() {
        tell("hint: `--delete` deletes them");
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the results that only the folders `unknown` of `runs/` show, each with the name of such a folder.
fn shown_in(store: &Store, folders: Folders<'_>, unknown: &[String]) -> HashMap<Name, String> {
    let mut shown = HashMap::new();
    for folder in unknown {
        let linked = store.linked_from(&run_tree::pipeline_folder(folders.artifacts, folder));
        shown.extend(linked.into_iter().map(|name| (name, folder.clone())));
    }
    shown
}

/// Returns why no pipeline file uses a result.
fn reason(store: &Store, name: &Name, shown_elsewhere: &HashMap<Name, String>) -> String {
    if let Some(folder) = shown_elsewhere.get(name) {
        return match folder.split_once('@') {
            Some(_) => format!("shown only in runs/{folder}, a run with `--set`"),
            None => format!("shown only in runs/{folder}, to which no pipeline file belongs"),
        };
    }
    let is_trial = name.kind == TRIAL;
    if !is_trial && name.kind != DATASET {
        return "an earlier table, mean or overview, which no run directory shows".into();
    }
    match store.key_text(&name.kind, &name.key).and_then(|text| description::revision_of(&text)) {
        None => "its key cannot be read".into(),
        Some(revision) if revision != NUMERICS_REVISION => {
            format!("made with numerics revision {revision}, this build has {NUMERICS_REVISION}")
        }
        Some(_) if is_trial => "no pipeline file asks for such a trial".into(),
        Some(_) => "no pipeline file has such a dataset".into(),
    }
}

/// Returns the folders of `runs/` that neither a pipeline file nor `keep` names.
fn unknown_run_folders(folders: Folders<'_>, keep: &[String]) -> anyhow::Result<Vec<String>> {
    let Ok(entries) = fs::read_dir(folders.artifacts.join("runs")) else { return Ok(Vec::new()) };
    let mut known: HashSet<String> = keep.iter().cloned().collect();
    for file in pipeline_files(folders.pipelines)? {
        known.insert(Pipeline::read(&file, &[])?.name);
    }
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut unknown: Vec<String> = names.filter(|name| !known.contains(name)).collect();
    unknown.sort();
    Ok(unknown)
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

/// The results that must not be deleted.
struct Reach {
    wanted: HashSet<Name>,
    /// Whether there are pipelines whose trials are unknown, because their images or their file is missing.
    has_unknown_trials: bool,
}

/// Collects the results that the pipeline files ask for, finished or not, and the results shown in the folders of `runs/` of
/// these files and of `keep`.
fn reach(store: &Store, folders: Folders<'_>, keep: &[String]) -> anyhow::Result<Reach> {
    let (mut wanted, mut has_unknown_trials) = (HashSet::new(), !keep.is_empty());
    let there: HashSet<Name> = store.names()?.into_iter().collect();
    let unfinished = store.unfinished()?;
    for name in keep {
        let folder = run_tree::pipeline_folder(folders.artifacts, name);
        if !folder.is_dir() {
            bail!("`--keep {name}`: there is no folder {}", folder.display());
        }
        wanted.extend(store.linked_from(&folder));
    }
    for path in pipeline_files(folders.pipelines)? {
        // A file that cannot be read might ask for anything, so that it is an error.
        let pipeline = Pipeline::read(&path, &[])?;
        wanted.extend(store.linked_from(&run_tree::pipeline_folder(folders.artifacts, &pipeline.name)));
        for device in [Device::Cpu, Device::Cuda] {
            let context =
                runner::Context { store: store.clone(), data: folders.data, device, same_build: None };
            match runner::plan::reached(&context, &pipeline) {
                Ok(reached) => {
                    // A device without any result or work of the pipeline was never used for it.
                    let is_used = reached.names.iter().any(|name| {
                        name.kind == TRIAL && (there.contains(name) || unfinished.contains(name))
                    });
                    has_unknown_trials |= is_used && !reached.is_complete;
                    wanted.extend(reached.names);
                }
                // Without its images a pipeline has no keys; the results in its run folder are kept.
                Err(runner::Error::Results(results::Error::Data { .. })) => has_unknown_trials = true,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(Reach { wanted, has_unknown_trials })
}
