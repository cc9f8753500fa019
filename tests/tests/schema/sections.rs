//! The contents of a pipeline file, as sections of a page.

use std::path::Path;

use crate::{page, reader, sources::Sources};

/// The sections of all types in a pipeline file: the file itself, then each type after the first that needs it.
pub struct Schema(pub Vec<Section>);

/// A type in a pipeline file.
pub struct Section {
    /// The name in a pipeline file or in an error message.
    pub name: String,
    /// The name in the code.
    pub ident: String,
    pub meaning: String,
    pub content: Content,
    /// A value with every setting.
    pub example: String,
}

/// The way a type is written.
pub enum Content {
    /// The fields in a pair of parentheses.
    Settings(Vec<Field>),
    /// One of these values.
    Choice(Vec<Variant>),
    /// A text in quotes, with the meaning of each form.
    Text(Vec<String>),
}

pub struct Field {
    pub name: String,
    /// The type and its bounds, in words.
    pub kind: String,
    /// The names of the sections in `kind`.
    pub sections: Vec<String>,
    pub presence: Presence,
    pub meaning: String,
    pub example: String,
}

/// The meaning of a field that is left out.
#[derive(PartialEq)]
pub enum Presence {
    Required,
    /// Required, but not under this condition.
    RequiredUnless(String),
    Optional,
    Default(String),
}

/// One value of a choice.
pub struct Variant {
    pub name: String,
    pub meaning: String,
    pub settings: Settings,
}

/// The settings in parentheses after the name of a variant.
pub enum Settings {
    None,
    /// The settings of the section with this name.
    Section(String),
    Fields(Vec<Field>),
    /// A value without a name: a number, for example.
    Value {
        /// The type and its bounds, in words.
        kind: String,
        example: String,
    },
}

impl Schema {
    /// Reads the sources of the project at `root`.
    pub fn read(root: &Path) -> Self {
        reader::schema(&Sources::read(&root.join("crates")))
    }

    pub fn section(&self, name: &str) -> &Section {
        let section = self.0.iter().find(|section| section.name == name);
        section.unwrap_or_else(|| panic!("there is no section `{name}`"))
    }

    /// Returns the section of the whole file.
    pub fn file(&self) -> &Section {
        &self.0[0]
    }

    /// Returns the section of the list of stages.
    pub fn stage_list(&self) -> &Section {
        let stages = self.file().fields().iter().find(|field| field.name == "stages").expect("stages");
        self.section(&stages.sections[0])
    }

    /// Returns the kinds of stages.
    pub fn stages(&self) -> &[Variant] {
        match &self.stage_list().content {
            Content::Choice(stages) => stages,
            _ => panic!("a stage is one of several kinds"),
        }
    }

    pub fn fields<'s>(&'s self, variant: &'s Variant) -> &'s [Field] {
        match &variant.settings {
            Settings::None | Settings::Value { .. } => &[],
            Settings::Section(name) => self.section(name).fields(),
            Settings::Fields(fields) => fields,
        }
    }

    /// Returns a value of `variant` with every setting.
    pub fn example(&self, variant: &Variant) -> String {
        let settings = match &variant.settings {
            Settings::None => return variant.name.clone(),
            Settings::Section(name) => self.section(name).example.clone(),
            Settings::Fields(fields) => in_parentheses(fields),
            Settings::Value { example, .. } => example.clone(),
        };
        // Without a second pair of parentheses.
        let inside = settings.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        format!("{}({})", variant.name, inside.unwrap_or(&settings))
    }

    pub fn markdown(&self) -> String {
        page::markdown(self)
    }
}

impl Section {
    /// Returns the fields of settings in parentheses.
    pub fn fields(&self) -> &[Field] {
        match &self.content {
            Content::Settings(fields) => fields,
            Content::Choice(_) | Content::Text(_) => &[],
        }
    }
}

/// Returns every field with its example.
pub fn in_parentheses(fields: &[Field]) -> String {
    let written = fields.iter().map(|Field { name, example, .. }| format!("{name}: {example}"));
    format!("({})", written.collect::<Vec<_>>().join(", "))
}
