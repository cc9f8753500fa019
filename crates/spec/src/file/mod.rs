//! From the text of a pipeline file to checked stages.

mod document;
mod overriding;
mod problem;

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use ron::value::RawValue;
use serde::Deserialize;

pub use document::{Document, Position};
pub(crate) use document::{quoted, written_text};
pub use overriding::{Override, OverrideError};
pub use problem::{Problem, Problems, did_you_mean};

use crate::{
    Error,
    stages::{self, Stage},
};

/// A pipeline whose values are all allowed and whose references all lead to stages above.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// Names the folder of its results.
    pub name: String,
    /// In the order of the file.
    pub stages: Vec<Stage>,
    /// What messages call the file: its path, with what the command line changed in it.
    pub file: String,
    /// The file as it was read.
    pub text: String,
    /// Doubtful, but allowed.
    pub warnings: Vec<String>,
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
    /// What is done, in this order.
    ///
    /// Type: list of [`stages::Written`].
    #[serde(borrow)]
    stages: Vec<&'a RawValue>,
}

/// What a summary's report says of the pipeline that it stands in.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its name.
    pub pipeline: &'a str,
    /// Its file, with what the command line changed in it: what to give to `run`.
    pub file: &'a str,
    /// Its file's text.
    pub text: &'a str,
}

impl Pipeline {
    /// What a summary's report says of the pipeline.
    #[must_use]
    pub fn asked(&self) -> Asked<'_> {
        Asked { pipeline: &self.name, file: &self.file, text: &self.text }
    }

    /// Reads and checks the pipeline file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, or with all its problems at once.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::read_with(path, &[])
    }

    /// Reads and checks the pipeline file at `path`, with other values for some fields.
    ///
    /// # Errors
    /// If it cannot be read, or with all its problems at once, or if an override means nothing in it.
    pub fn read_with(path: &Path, overrides: &[Override]) -> Result<Self, Error> {
        let mut text =
            fs::read_to_string(path).map_err(|source| Error::Unreadable { path: path.into(), source })?;
        let mut name = path.display().to_string();
        // Some editors put a byte order mark before the first character.
        text = text.trim_start_matches('\u{feff}').to_owned();
        for given in overrides {
            text = given.apply(&text)?;
            name.push_str(&format!(" --set {given}"));
        }
        Ok(Self::parse(&name, &text)?)
    }

    /// Reads and checks a pipeline file's `text`; `name` is what messages call it.
    ///
    /// # Errors
    /// All problems of the file at once.
    pub fn parse(name: &str, text: &str) -> Result<Self, Problems> {
        // Some editors put a byte order mark before the first character.
        let text = text.trim_start_matches('\u{feff}');
        let document = Document { name, text };
        let written: Written = document.parse(text).map_err(|problem| document.refuse(vec![problem]))?;
        let mut scope = Scope { document, stages: Vec::new(), problems: Vec::new(), warnings: Vec::new() };
        let pipeline_name = scope.folder_name(written_text(written.name));
        for part in written.stages {
            stages::check(part, &mut scope);
        }
        let Scope { stages, mut problems, warnings, .. } = scope;
        if stages.is_empty() && problems.is_empty() {
            let hint = Some("a small one: pipelines/quickstart.ron".into());
            problems.push(Problem { position: None, message: "the pipeline has no stages".into(), hint });
        }
        match pipeline_name {
            Some(name) if problems.is_empty() => {
                let stages = stages.into_iter().filter_map(|(_, stage)| stage).collect();
                Ok(Self { name, stages, file: document.name.into(), text: text.into(), warnings })
            }
            _ => Err(document.refuse(problems)),
        }
    }
}

/// Writes a pipeline file where there is none yet, and the folders that lead there.
///
/// # Errors
/// If there is one, or it cannot be written.
pub fn write_new(path: &Path, text: &str) -> Result<(), Error> {
    let refused = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => Error::IsThere { path: path.into() },
        _ => Error::Unwritable { path: path.into(), source },
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(refused)?;
    }
    let mut file = fs::File::create_new(path).map_err(refused)?;
    file.write_all(text.as_bytes()).map_err(refused)
}

/// What a stage's check sees and adds to.
pub(crate) struct Scope<'a> {
    pub document: Document<'a>,
    /// Names of the stages above, each with its checked form unless it has problems itself.
    pub stages: Vec<(String, Option<Stage>)>,
    pub problems: Vec<Problem>,
    pub warnings: Vec<String>,
}

impl<'a> Scope<'a> {
    /// Adds a problem at `part`, a slice of the document.
    pub fn problem(&mut self, part: &str, message: impl Into<String>, hint: impl Into<Option<String>>) {
        let position = Some(self.document.position(part));
        self.problems.push(Problem { position, message: message.into(), hint: hint.into() });
    }

    /// Reads `part`, or adds the problem that it is none.
    pub fn parse<T: Deserialize<'a>>(&mut self, part: &'a str) -> Option<T> {
        self.document.parse(part).map_err(|problem| self.problems.push(problem)).ok()
    }

    /// A name that becomes a folder.
    pub fn folder_name(&mut self, part: &'a str) -> Option<String> {
        let name: String = self.parse(part)?;
        let allowed = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(allowed) {
            self.problem(
                part,
                format!("`{name}` cannot name a folder"),
                Some("use up to 100 of a-z, A-Z, 0-9, `-`, `_` and `.`, not beginning with `.`".into()),
            );
            return None;
        }
        Some(name)
    }

    /// The checked stage above that `part` names, if it is of the wanted kind.
    pub fn stage_above<T>(
        &mut self,
        part: &'a str,
        kind: &str,
        wanted: impl Fn(&Stage) -> Option<&T>,
    ) -> Option<T>
    where
        T: Clone,
    {
        let name: String = self.parse(part)?;
        match self.stages.iter().find(|(above, _)| *above == name) {
            // The stage above has problems of its own, which are reported there.
            Some((_, None)) => None,
            Some((_, Some(stage))) => match wanted(stage) {
                Some(found) => Some(found.clone()),
                None => {
                    let message =
                        format!("`{name}` is a {} stage, a {kind} stage is needed here", stage.kind());
                    let hint = self.known(&name, &wanted);
                    self.problem(part, message, Some(hint));
                    None
                }
            },
            None => {
                let hint = self.known(&name, &wanted);
                self.problem(part, format!("no {kind} stage above is named `{name}`"), Some(hint));
                None
            }
        }
    }

    fn known<T>(&self, name: &str, wanted: &impl Fn(&Stage) -> Option<&T>) -> String {
        let fits = |stage: &Option<Stage>| stage.as_ref().is_none_or(|stage| wanted(stage).is_some());
        let names: Vec<&str> =
            self.stages.iter().filter(|(_, stage)| fits(stage)).map(|(name, _)| name.as_str()).collect();
        did_you_mean(name, &names)
    }
}
