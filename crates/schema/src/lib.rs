//! What may a pipeline file hold?
//!
//! [`Schema::read`] finds out from the types that read pipeline files, as they stand in this project's sources: their
//! fields, their doc comments, their serde attributes. Whoever adds a field or a variant writes its doc comment there,
//! and nothing here.
//!
//! A doc comment may end in a paragraph of labels, for what the type alone does not say:
//!
//! ```text
//! /// Ends a trial that has stopped improving.
//! ///
//! /// Type: [`EarlyStopping`]. Example: `(metric: "loss/validation", patience: 3)`.
//! ```
//!
//! | label | says | needed |
//! |---|---|---|
//! | `Type:` | what is written, in words; a linked type gets a section of its own | where the field is read as raw text |
//! | `Allowed:` | bounds | where there are some |
//! | `Default:` | the value of a field that is left out | where serde's attributes do not say it |
//! | `Example:` | a value | where the default or the type gives none that fits |
//!
//! A test of the whole parses every example, holds every default against the parser's, and asks the parser which fields
//! and values it knows.

mod code;
mod documentation;
mod page;
mod reader;
mod serde_attributes;
mod value;

use std::path::{Path, PathBuf};

/// Everything that a pipeline file may hold.
#[derive(Clone, Debug)]
pub struct Schema {
    /// The file itself, then whatever is reached from there.
    pub sections: Vec<Section>,
}

/// A type that a pipeline file's text becomes.
#[derive(Clone, Debug)]
pub struct Section {
    /// As a pipeline file or an error message calls it.
    pub name: String,
    /// What it is.
    pub meaning: String,
    /// How it is written.
    pub content: Content,
    /// A value of it, with every setting.
    pub example: String,
}

/// How a type is written.
#[derive(Clone, Debug)]
pub enum Content {
    /// In parentheses.
    Settings(Vec<Field>),
    /// As one of these.
    Choice(Vec<Variant>),
    /// In quotes; the meaning of each form.
    Text(Vec<String>),
}

/// Something that has a name and a value.
#[derive(Clone, Debug)]
pub struct Field {
    /// As written.
    pub name: String,
    /// What its value is and what is allowed, in words.
    pub kind: String,
    /// Names of the sections that `kind` links to.
    pub sections: Vec<String>,
    /// What holds where it is left out.
    pub presence: Presence,
    /// What it is for.
    pub meaning: String,
    /// A value.
    pub example: String,
}

/// What holds where a field is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It must not be.
    Required,
    /// What it is for does not happen.
    Optional,
    /// This value.
    Default(String),
}

/// One value of a choice.
#[derive(Clone, Debug)]
pub struct Variant {
    /// As written.
    pub name: String,
    /// What it does.
    pub meaning: String,
    /// What stands in parentheses behind its name.
    pub settings: Settings,
}

/// What stands in parentheses behind the name of a variant.
#[derive(Clone, Debug)]
pub enum Settings {
    /// Nothing, not even parentheses.
    None,
    /// What the section of this name says.
    Of(String),
    /// Fields of its own.
    Fields(Vec<Field>),
}

/// Why the sources do not say what a pipeline file may hold.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Of the file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is no Rust.
    #[error("{} cannot be parsed", path.display())]
    NoRust {
        /// Of the file.
        path: PathBuf,
        /// What is wrong with it.
        source: syn::Error,
    },
    /// A type does not say enough of itself.
    #[error("{place}: {message}")]
    Unclear {
        /// File, type and field.
        place: String,
        /// What is missing, and how it is said.
        message: String,
    },
}

impl Schema {
    /// From the sources of the project at `root`.
    ///
    /// # Errors
    /// If they cannot be read, or do not say enough.
    pub fn read(root: &Path) -> Result<Self, Error> {
        let code = code::Code::read(&root.join("crates"))?;
        Ok(Self { sections: reader::sections(&code)? })
    }

    /// The section of this name.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// The file itself.
    #[must_use]
    pub fn file(&self) -> &Section {
        &self.sections[0]
    }

    /// What the file is a list of: the kinds of stages.
    #[must_use]
    pub fn stages(&self) -> &[Variant] {
        let Content::Settings(fields) = &self.file().content else { return &[] };
        let of = |field: &Field| field.sections.iter().find_map(|name| self.section(name));
        match fields.iter().find_map(of).map(|section| &section.content) {
            Some(Content::Choice(stages)) => stages,
            _ => &[],
        }
    }

    /// As a page of Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        page::markdown(self)
    }
}

impl Section {
    /// Its fields, if it is written as settings in parentheses.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        match &self.content {
            Content::Settings(fields) => fields,
            Content::Choice(_) | Content::Text(_) => &[],
        }
    }
}

impl Schema {
    /// The fields of `variant`.
    #[must_use]
    pub fn fields<'s>(&'s self, variant: &'s Variant) -> &'s [Field] {
        match &variant.settings {
            Settings::None => &[],
            Settings::Of(name) => self.section(name).map_or(&[], Section::fields),
            Settings::Fields(fields) => fields,
        }
    }

    /// A value of `variant`, with every setting.
    #[must_use]
    pub fn example(&self, variant: &Variant) -> String {
        let Variant { name, settings, .. } = variant;
        match settings {
            Settings::None => name.clone(),
            Settings::Of(section) => {
                let example = self.section(section).map_or("", |section| &section.example);
                behind(name, example)
            }
            Settings::Fields(fields) => behind(name, &in_parentheses(fields)),
        }
    }
}

/// `Name(settings)`; settings that are in parentheses already get no second pair.
fn behind(name: &str, settings: &str) -> String {
    if settings.starts_with('(') { format!("{name}{settings}") } else { format!("{name}({settings})") }
}

/// Every field with its example.
fn in_parentheses(fields: &[Field]) -> String {
    let written: Vec<String> =
        fields.iter().map(|Field { name, example, .. }| format!("{name}: {example}")).collect();
    format!("({})", written.join(", "))
}
