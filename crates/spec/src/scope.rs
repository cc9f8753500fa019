//! The document that stages are read from, and the problems that their checks report.

use std::path::Path;

use ron::value::RawValue;
use serde::Deserialize;

use crate::{document::Document, problem::Problem};

/// A document with the problems and warnings that were found in it so far.
pub(crate) struct Scope<'a> {
    pub document: Document<'a>,
    /// The path of the file, near which published tables are looked for.
    pub path: &'a Path,
    pub problems: Vec<Problem>,
    pub warnings: Vec<String>,
}

impl<'a> Scope<'a> {
    /// Adds a problem at `part`, a slice of the document.
    pub fn problem(&mut self, part: &str, message: impl Into<String>, hint: impl Into<Option<String>>) {
        let position = Some(self.document.position(part));
        self.problems.push(Problem { position, message: message.into(), hint: hint.into() });
    }

    /// Reads `part`; adds a problem if it is not a `T`.
    pub fn parse<T: Deserialize<'a>>(&mut self, part: &'a str) -> Option<T> {
        self.document.parse(part).map_err(|problem| self.problems.push(problem)).ok()
    }

    /// Reads a name that becomes a folder.
    pub fn folder_name(&mut self, part: &'a str) -> Option<String> {
        let name: String = self.parse(part)?;
        let is_allowed = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(is_allowed) {
            let hint = "use up to 100 of a-z, A-Z, 0-9, `-`, `_` and `.`, not beginning with `.`";
            self.problem(part, format!("`{name}` cannot name a folder"), Some(hint.into()));
            return None;
        }
        Some(name)
    }
}

/// Returns the text of a value, without the comments around it.
pub(crate) fn written_text(value: &RawValue) -> &str {
    value.trim().get_ron()
}
