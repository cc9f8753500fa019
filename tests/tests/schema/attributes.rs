//! Doc comments, and the attributes that decide how serde reads a type.
//!
//! A doc comment may end in a paragraph of labels, for facts that the type does not state:
//!
//! ```text
//! /// Ends a trial that has stopped improving.
//! ///
//! /// Type: [`EarlyStopping`]. Example: `(metric: "loss/validation", patience: 3)`.
//! ```
//!
//! | label | states | needed |
//! |---|---|---|
//! | `Type:` | the type in words; a linked type gets a section of its own | for a field that is read as raw text |
//! | `Allowed:` | bounds | for a number with bounds |
//! | `Default:` | the value of a field that is left out | if serde's attributes do not state it |
//! | `Required:` | the condition under which a field is left out | for a field that is else required |
//! | `Example:` | a value | if neither the default nor the type has one that fits |

use syn::{Attribute, Expr, Lit, LitStr, Meta, Token};

/// A doc comment: its text, and the labels at its end.
#[derive(Default)]
pub struct Documentation {
    /// Paragraphs, each on one line.
    pub paragraphs: Vec<String>,
    pub kind: Option<String>,
    pub allowed: Option<String>,
    pub default: Option<String>,
    pub required: Option<String>,
    pub example: Option<String>,
}

const LABELS: [&str; 5] = ["Type: ", "Allowed: ", "Default: ", "Required: ", "Example: "];

impl Documentation {
    pub fn read(attributes: &[Attribute]) -> Self {
        let lines: Vec<String> = attributes.iter().filter_map(line).collect();
        Self::parse(&lines.join("\n"))
    }

    pub fn parse(text: &str) -> Self {
        let paragraphs = text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>());
        let mut paragraphs: Vec<String> =
            paragraphs.map(|words| words.join(" ")).filter(|text| !text.is_empty()).collect();
        let last = paragraphs.pop_if(|last| LABELS.iter().any(|label| last.starts_with(label)));
        let last = last.unwrap_or_default();
        let [kind, allowed, default, required, example] = LABELS.map(|label| labelled(&last, label));
        Self { paragraphs, kind, allowed, default: default.map(code), required, example: example.map(code) }
    }

    /// Returns the text on one line.
    pub fn text(&self) -> String {
        self.paragraphs.join(" ")
    }
}

fn line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(value) = &attribute.meta else { return None };
    match &value.value {
        Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) if value.path.is_ident("doc") => {
            let text = text.value();
            Some(text.strip_prefix(' ').unwrap_or(&text).to_owned())
        }
        _ => None,
    }
}

/// Returns the text from `label` to the next label.
fn labelled(paragraph: &str, label: &str) -> Option<String> {
    let start = if paragraph.starts_with(label) { 0 } else { paragraph.find(&format!(". {label}"))? + 2 };
    let text = &paragraph[start + label.len()..];
    let end = LABELS.iter().filter_map(|label| text.find(&format!(". {label}"))).min();
    let text = text[..end.unwrap_or(text.len())].trim();
    Some(text.strip_suffix('.').unwrap_or(text).to_owned())
}

/// Removes the backticks around a value.
fn code(text: String) -> String {
    let value = text.strip_prefix('`').and_then(|text| text.strip_suffix('`'));
    value
        .filter(|value| !value.contains('`'))
        .unwrap_or_else(|| panic!("{text} is not in backticks"))
        .to_owned()
}

/// Replaces each link like ``[`Source`]`` by the text that `shown` returns for its path.
pub fn with_links(text: &str, mut shown: impl FnMut(&str) -> String) -> String {
    let mut rest = text;
    let mut replaced = String::new();
    while let Some((before, after)) = rest.split_once("[`") {
        let Some((path, after)) = after.split_once("`]") else { break };
        replaced.push_str(before);
        replaced.push_str(&shown(path));
        // The target in [`text`](target) has no meaning outside the code.
        rest = match after.strip_prefix('(').and_then(|target| target.split_once(')')) {
            Some((_, after)) => after,
            None => after,
        };
    }
    replaced + rest
}

/// The attributes of serde that decide how text is read.
#[derive(Default)]
pub struct SerdeAttributes {
    pub rename: Option<String>,
    pub default: SerdeDefault,
    /// Whether the type is read as text and made from that.
    pub is_text: bool,
}

/// The value that serde takes for something that is left out.
#[derive(Default, PartialEq)]
pub enum SerdeDefault {
    #[default]
    None,
    OfType,
    /// The value of the function with this path.
    Function(String),
}

impl SerdeAttributes {
    pub fn read(attributes: &[Attribute]) -> Self {
        let mut read = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            let parsed = attribute.parse_nested_meta(|meta| {
                let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
                let value = match meta.input.peek(Token![=]) {
                    true => Some(meta.value()?.parse::<LitStr>()?.value()),
                    false => None,
                };
                match (name.as_str(), value) {
                    ("rename", name) => read.rename = name,
                    ("default", Some(function)) => read.default = SerdeDefault::Function(function),
                    ("default", None) => read.default = SerdeDefault::OfType,
                    ("try_from" | "from", Some(source)) => read.is_text = source == "String",
                    _ => {}
                }
                Ok(())
            });
            parsed.expect("serde understands its attributes");
        }
        read
    }
}
