//! From the text of a pipeline file to checked stages.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use ron::value::RawValue;
use serde::Deserialize;

use crate::{
    document::Document,
    error::Error,
    overriding::Override,
    problem::{Problem, Problems},
    run_name::run_name,
    scope::{Scope, written_text},
    stage::Stage,
    stages::Stages,
};

/// A pipeline whose values are all allowed and whose stages refer only to stages above them.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// The name of the folder of the results, with the values that the command line overrides.
    pub name: String,
    /// The stages in the order of the file.
    pub stages: Vec<Stage>,
    /// The path of the file from the current folder, in its shortest form, with the values that the command line overrides.
    pub file: String,
    /// The file's text, with the values that the command line overrides.
    pub text: String,
    /// Messages about values that are allowed, but probably wrong.
    pub warnings: Vec<String>,
    /// Messages about values that the command line overrides.
    pub notes: Vec<String>,
}

// Stages are read one by one, so that each can report its own problems.
/// The outermost level of the file.
#[derive(Deserialize)]
#[serde(rename = "Pipeline", deny_unknown_fields)]
struct Written<'a> {
    /// The folder of the results under `artifacts/runs/`: a copied file wants a new one.
    ///
    /// Type: text that can name a folder, up to 100 of `a-z`, `A-Z`, `0-9`, `-`, `_`, `.`. Example: `"example"`.
    #[serde(borrow)]
    name: &'a RawValue,
    /// The stages, in the order in which they run.
    ///
    /// Type: list of [`stages::Written`].
    #[serde(borrow)]
    stages: Vec<&'a RawValue>,
}

/// The facts about a pipeline that the report of a summary shows.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The name of the pipeline.
    pub pipeline: &'a str,
    /// The file, with the values that the command line overrides: the arguments of `run`.
    pub file: &'a str,
    pub text: &'a str,
}

impl Pipeline {
    /// Returns the facts that the report of a summary shows.
    pub fn asked(&self) -> Asked<'_> {
        Asked { pipeline: &self.name, file: &self.file, text: &self.text }
    }

    /// Reads and checks the pipeline file at `path`, with other values for some fields. Its results are shown in a folder that is
    /// named by these values.
    pub fn read(path: &Path, overrides: &[Override]) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|source| {
            let similar = (source.kind() == io::ErrorKind::NotFound).then(|| similar_file(path)).flatten();
            Error::Unreadable { path: path.into(), source, similar }
        })?;
        let mut text = without_byte_order_mark(&text).to_owned();
        let mut arguments = String::new();
        let (mut effective, mut notes) = (Vec::new(), Vec::new());
        for given in overrides {
            let changed = given.apply(&text)?;
            if changed.text == text {
                notes.push(format!("`--set {given}` changes nothing: the file has this value"));
                continue;
            }
            if let [_, _, ..] = &changed.stages[..] {
                let (count, stages) = (changed.stages.len(), changed.stages.join(", "));
                notes.push(format!("`--set {given}` sets the field in {count} stages: {stages}"));
            }
            text = changed.text;
            arguments.push_str(&format!(" --set {}", quoted(given)));
            effective.push(given.clone());
        }
        let pipeline = Self::parse_at(path, &format!("{}{arguments}", path.display()), &text)?;
        // The file is in the key of each summary, whose report prints the command.
        let file = format!("{}{arguments}", from_here(path).display());
        Ok(Self { name: run_name(&pipeline.name, &effective), file, notes, ..pipeline })
    }

    /// Reads and checks a pipeline file's `text`; `name` is what messages call it.
    ///
    /// # Errors
    /// All problems of the file at once.
    pub fn parse(name: &str, text: &str) -> Result<Self, Problems> {
        Self::parse_at(Path::new(name), name, text)
    }

    fn parse_at(path: &Path, name: &str, text: &str) -> Result<Self, Problems> {
        let text = without_byte_order_mark(text);
        let document = Document { name, text };
        let written: Written = document.parse(text).map_err(|problem| document.refuse(vec![problem]))?;
        let mut scope = Scope { document, path, problems: Vec::new(), warnings: Vec::new() };
        let pipeline_name = scope.folder_name(written_text(written.name));
        let mut stages = Stages::default();
        for part in written.stages {
            stages.check(part, &mut scope);
        }
        let stages = stages.into_checked();
        let Scope { mut problems, warnings, .. } = scope;
        if stages.is_empty() && problems.is_empty() {
            let hint = Some("a small one: pipelines/quickstart.ron".into());
            problems.push(Problem { position: None, message: "the pipeline has no stages".into(), hint });
        }
        match pipeline_name {
            Some(name) if problems.is_empty() => Ok(Self {
                name,
                stages,
                file: document.name.into(),
                text: text.into(),
                warnings,
                notes: Vec::new(),
            }),
            _ => Err(document.refuse(problems)),
        }
    }
}

/// Returns the path of a file from the current folder, or the absolute path of a file elsewhere: the same for every way to type it.
fn from_here(path: &Path) -> PathBuf {
    let (folder, name) = (parent(path), path.file_name().unwrap_or_default());
    let Ok(folder) = fs::canonicalize(folder) else { return path.to_owned() };
    let here = std::env::current_dir().and_then(fs::canonicalize).unwrap_or_default();
    folder.strip_prefix(here).unwrap_or(&folder).join(name)
}

/// Returns the folder of a file.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

/// Returns the pipeline file in the same folder or in `pipelines/` whose name is most similar to that of `path`.
fn similar_file(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_string_lossy();
    let entries = [parent(path), Path::new("pipelines")]
        .into_iter()
        .flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
    let files = entries.flatten().map(|entry| entry.path());
    let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "ron"));
    let similarity =
        |file: &Path| strsim::jaro_winkler(&name, &file.file_name().unwrap_or_default().to_string_lossy());
    let nearest = files.max_by(|one, other| similarity(one).total_cmp(&similarity(other)))?;
    let nearest = nearest.strip_prefix(".").map(Path::to_path_buf).unwrap_or(nearest);
    (similarity(&nearest) > 0.85).then_some(nearest)
}

/// Returns `given` as a shell reads it as one word.
fn quoted(given: &Override) -> String {
    let text = given.to_string();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "=,._+-".contains(letter);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// Returns `text` without the mark that some editors put before the first character.
fn without_byte_order_mark(text: &str) -> &str {
    text.trim_start_matches('\u{feff}')
}
