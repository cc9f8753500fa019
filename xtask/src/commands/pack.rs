//! `pack` and `unpack`: take a pipeline file with its results to another machine.
//!
//! ```text
//! bpfree.ron                        the version of this layout
//! pipeline/<name>.ron               the pipeline file, with the values of `--set`
//! published/<paper>.ron             published tables of one's own that the pipeline file names
//! remembered/<key>.ron              facts about images, which the other machine may not have, below their hash
//! store/<kind>/<key>/<file>         complete results, the manifest first
//! end.ron                           the number of results
//! ```

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufReader, BufWriter, Read, Write},
    path::{Component, Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use results::{known_images, run_tree};
use spec::Stage;
use store::{Artifact, Imported, Key, MANIFEST_FILE, Name, PackedFile, Placed, Store, StoreError};
use tar::{Archive, Builder, EntryType, Header};

use crate::{
    PackArguments, UnpackArguments,
    asked::Asked,
    program::program,
    terminal::{bytes, counted, say, tell},
};

const VERSION_FILE: &str = "bpfree.ron";
const VERSION: &str = "(study: 1)\n";
const END_FILE: &str = "end.ron";

/// Writes the complete results of a pipeline into an archive.
pub fn pack(arguments: &PackArguments) -> anyhow::Result<ExitCode> {
    let PackArguments { to, asked: about } = arguments;
    let asked = Asked::open(about)?;
    let (context, store) = (asked.context(), &asked.store);
    let _in_use = store.use_it()?;
    let mut names: BTreeSet<Name> =
        runner::plan::reached(&context, &asked.pipeline)?.names.into_iter().collect();
    let planned = names.len();
    names.extend(store.linked_from(&run_tree::pipeline_folder(store.root(), &asked.pipeline.name)));
    let mut artifacts = Vec::new();
    for name in &names {
        match store.look_up(&name.kind, &name.key)? {
            (Some(artifact), _) => artifacts.push((name, artifact)),
            (None, Some(damage)) => tell(&format!("warning: left out: {damage}")),
            (None, None) => {}
        }
    }
    let complete =
        artifacts.iter().filter(|(name, _)| ["trial", "dataset"].contains(&name.kind.as_str())).count();
    if artifacts.is_empty() {
        bail!("nothing to pack: `{} run {}` makes results", program(), about.file.display());
    }
    let file = File::create_new(to).with_context(|| format!("cannot create {}", to.display()))?;
    let written = write(&asked, file, &artifacts);
    if written.is_err() {
        // A part of an archive cannot be unpacked.
        let _ = fs::remove_file(to);
    }
    let size = written?;
    say(&format!("{}: {}, {}", to.display(), counted(artifacts.len(), "result"), bytes(size)));
    if complete < planned {
        tell(&format!(
            "note: {} of the file are not complete and not packed",
            counted(planned - complete, "result")
        ));
    }
    tell(&format!(
        "hint: `{} unpack {}` adds them to the results of another machine",
        program(),
        to.display()
    ));
    Ok(ExitCode::SUCCESS)
}

fn write(asked: &Asked<'_>, file: File, artifacts: &[(&Name, Artifact)]) -> anyhow::Result<u64> {
    let mut archive = Builder::new(BufWriter::new(file));
    append(&mut archive, VERSION_FILE, VERSION.as_bytes())?;
    let file_name = asked.file().file_name().context("the pipeline file has no name")?;
    let path = format!("pipeline/{}", file_name.to_str().context("the pipeline file's name is not Unicode")?);
    append(&mut archive, &path, asked.pipeline.text.as_bytes())?;
    let context = asked.context();
    for stage in &asked.pipeline.stages {
        let Stage::Dataset(dataset) = stage else { continue };
        let key = Key::of(&results::trial::dataset_key_text(&asked.store, dataset, context.data)?);
        for (subject, text) in known_images::remembered(&asked.store, dataset, &key) {
            let sealed = format!("{}\n{text}", Key::of_bytes(text.as_bytes()));
            append(&mut archive, &format!("remembered/{subject}.ron"), sealed.as_bytes())?;
        }
    }
    for file in own_published_files(asked) {
        let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let name = file.file_name().and_then(|name| name.to_str()).context("a file without a name")?;
        append(&mut archive, &format!("published/{name}"), &bytes)?;
    }
    for (Name { kind, key }, artifact) in artifacts {
        let manifest = artifact.path().join(MANIFEST_FILE);
        let manifest = fs::read(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
        append(&mut archive, &format!("store/{kind}/{key}/{MANIFEST_FILE}"), &manifest)?;
        for listed in &artifact.manifest().files {
            let bytes = artifact.read(&listed.path)?;
            append(&mut archive, &format!("store/{kind}/{key}/{}", listed.path), &bytes)?;
        }
    }
    append(&mut archive, END_FILE, end(artifacts.len()).as_bytes())?;
    let mut writer = archive.into_inner()?;
    writer.flush()?;
    let file = writer.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

fn end(results: usize) -> String {
    format!("(results: {results})\n")
}

/// Returns the files of published tables near the pipeline file that it names.
fn own_published_files(asked: &Asked<'_>) -> BTreeSet<PathBuf> {
    let summaries = asked.pipeline.stages.iter().filter_map(|stage| match stage {
        Stage::Summarize(summarize) => Some(summarize),
        _ => None,
    });
    let tables = summaries.flat_map(|summarize| &summarize.publications);
    let papers = tables.filter_map(|table| table.name.split('/').next());
    papers.filter_map(|paper| spec::own_published_file(paper, asked.file())).collect()
}

fn append(archive: &mut Builder<impl Write>, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let mut header = Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    archive
        .append_data(&mut header, path, bytes)
        .with_context(|| format!("cannot write {path} into the archive"))
}

/// The results of an archive that were read so far.
#[derive(Default)]
struct Counts {
    new: usize,
    already_there: usize,
    in_use: usize,
}

/// Adds the results of an archive to the store. No file outside the store is written but the pipeline file, and none is replaced.
pub fn unpack(arguments: &UnpackArguments) -> anyhow::Result<ExitCode> {
    let UnpackArguments { archive: path, to, results } = arguments;
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let store = Store::open(&results.artifacts)?;
    let _in_use = store.use_it()?;
    let mut archive = Archive::new(BufReader::new(file));
    let mut counts = Counts::default();
    let (mut is_study, mut pipeline, mut published, mut ended) = (false, None, Vec::new(), None);
    let mut current: Option<(Name, Vec<PackedFile>)> = None;
    let failed = || format!("cannot unpack {}", path.display());
    for entry in archive.entries().with_context(failed)? {
        let mut entry = entry.with_context(failed)?;
        let name = entry.path().with_context(failed)?.into_owned();
        if entry.header().entry_type() != EntryType::Regular {
            bail!("{}: {} is not a file", failed(), name.display());
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).with_context(failed)?;
        match part(&name).with_context(failed)? {
            Part::Version if bytes == VERSION.as_bytes() => is_study = true,
            Part::Version => bail!("{}: another version of {} packed it", failed(), program()),
            _ if !is_study => bail!("{}: `{} pack` did not write it", failed(), program()),
            Part::Pipeline(name) => pipeline = Some((name, bytes)),
            Part::Published(name) => published.push((name, bytes)),
            Part::End => ended = Some(bytes),
            Part::Remembered(subject) => {
                let sealed = String::from_utf8(bytes).with_context(failed)?;
                let text = unsealed(&sealed)
                    .with_context(|| format!("{}: {}: pack the study again", failed(), name.display()))?;
                // The other machine must not change what this one saw.
                if store.remembered(&subject).is_none() {
                    store.remember(&subject, text)?;
                }
            }
            Part::Result(name, file) => {
                if current.as_ref().is_some_and(|(known, _)| *known != name) {
                    add(&store, current.take(), &mut counts).with_context(failed)?;
                }
                current.get_or_insert_with(|| (name, Vec::new())).1.push((file, bytes));
            }
        }
    }
    add(&store, current, &mut counts).with_context(failed)?;
    let Some((name, text)) = pipeline else { bail!("{}: it has no pipeline file", failed()) };
    let Counts { new, already_there, in_use } = counts;
    if ended != Some(end(new + already_there + in_use).into_bytes()) {
        bail!(
            "{}: it is cut short after {}: pack the study again",
            failed(),
            counted(new + already_there + in_use, "result")
        );
    }
    say(&format!("{} added, {already_there} were there", counted(new, "result")));
    let below = |name: PathBuf| if to == Path::new(".") { name } else { to.join(name) };
    for (name, text) in published {
        fs::create_dir_all(below("published".into())).with_context(failed)?;
        place(&below(Path::new("published").join(name)), &text)?;
    }
    let target = below(name);
    let placed = place(&target, &text)?;
    if placed == Placed::New {
        say(&format!("pipeline file: {}", target.display()));
    }
    if in_use > 0 {
        tell(&format!("warning: {} being made by other processes were not added", counted(in_use, "result")));
    }
    tell(&format!("hint: `{} report {}` writes its tables and reports", program(), target.display()));
    Ok(ExitCode::SUCCESS)
}

/// An entry of an archive.
#[derive(Debug, PartialEq)]
enum Part {
    Version,
    Pipeline(PathBuf),
    Published(PathBuf),
    End,
    Remembered(Key),
    Result(Name, String),
}

/// Reads the path of an entry. A path that leads out of its folder, or that this layout does not have, is an error.
fn part(path: &Path) -> anyhow::Result<Part> {
    let parts: Option<Vec<&str>> = path
        .components()
        .map(|part| if let Component::Normal(part) = part { part.to_str() } else { None })
        .collect();
    let known = match parts.as_deref().unwrap_or_default() {
        [VERSION_FILE] => Some(Part::Version),
        [END_FILE] => Some(Part::End),
        ["pipeline", name] if is_ron(name) => Some(Part::Pipeline(name.into())),
        ["published", name] if is_ron(name) => Some(Part::Published(name.into())),
        ["remembered", name] => name.strip_suffix(".ron").and_then(Key::parse).map(Part::Remembered),
        ["store", kind, key, file @ ..] if !file.is_empty() => {
            Key::parse(key).map(|key| Part::Result(Name { kind: (*kind).to_owned(), key }, file.join("/")))
        }
        _ => None,
    };
    known.with_context(|| format!("{} has no place in a study", path.display()))
}

/// Whether a file of this name may be written: no hidden file, and none that another program would run.
fn is_ron(name: &str) -> bool {
    name.ends_with(".ron") && !name.starts_with('.')
}

/// Returns the text below its hash, or an error if it is another text.
fn unsealed(sealed: &str) -> anyhow::Result<&str> {
    let (hash, text) = sealed.split_once('\n').context("it has no hash")?;
    if Key::of_bytes(text.as_bytes()).to_string() != hash {
        bail!("it has another hash");
    }
    Ok(text)
}

fn add(store: &Store, result: Option<(Name, Vec<PackedFile>)>, counts: &mut Counts) -> anyhow::Result<()> {
    let Some((name, files)) = result else { return Ok(()) };
    let imported = match store.import(&name, &files) {
        // The damage is in the archive, and not in this store, as the error would say.
        Err(StoreError::Damaged { file, expected, found, .. }) => {
            let Name { kind, key } = name;
            bail!("{kind} {}: {file}: expected {expected}, found {found}: pack the study again", key.short())
        }
        imported => imported?,
    };
    match imported {
        Imported::New => counts.new += 1,
        Imported::AlreadyThere => counts.already_there += 1,
        Imported::BeingMade(_) => counts.in_use += 1,
    }
    Ok(())
}

/// Writes the pipeline file, unless it is there.
fn place(path: &Path, text: &[u8]) -> anyhow::Result<Placed> {
    match store::read_if_there(path)? {
        Some(there) if there == text => Ok(Placed::AlreadyThere),
        Some(_) => bail!(
            "the results are added, but another {} is there: `--to DIR` names another folder",
            path.display()
        ),
        None => {
            let mut file =
                File::create_new(path).with_context(|| format!("cannot create {}", path.display()))?;
            file.write_all(text).with_context(|| format!("cannot write {}", path.display()))?;
            Ok(Placed::New)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_elsewhere_have_no_place() {
        let key = Key::of_bytes(b"a");
        for path in [
            "../x",
            "/etc/passwd",
            "store",
            "store/trial",
            "store/trial/../x/y",
            "pipeline/../x.ron",
            "pipeline/a/b.ron",
            "pipeline/Makefile",
            "pipeline/.ron",
            "published/.envrc",
            "pipeline",
            "remembered/x.ron",
            "other/x",
            "bpfree.ron/x",
            "",
            "..",
            &format!("store/trial/{key}"),
            &format!("store/trial/{key}/../../x"),
            &format!("../store/trial/{key}/key.ron"),
        ] {
            assert!(part(Path::new(path)).is_err(), "{path}");
        }
        let name = Name { kind: "trial".into(), key };
        let path = format!("store/trial/{key}/events/out");
        assert_eq!(part(Path::new(&path)).expect("right"), Part::Result(name, "events/out".into()));
        assert_eq!(part(Path::new("pipeline/a.ron")).expect("right"), Part::Pipeline("a.ron".into()));
        assert_eq!(part(Path::new(&format!("remembered/{key}.ron"))).expect("right"), Part::Remembered(key));
    }
}
