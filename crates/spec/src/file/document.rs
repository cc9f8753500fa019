//! The text of a pipeline file, and where in it something stands.

use std::fmt;

use ron::{Options, error::SpannedError, extensions::Extensions, value::RawValue};
use serde::Deserialize;
use settings::Metric;

use super::problem::{Problem, Problems, did_you_mean};

/// A pipeline file's text under the name that messages give it.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// As the user wrote it.
    pub name: &'a str,
    /// The whole file.
    pub text: &'a str,
}

/// A place in a document; both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl<'a> Document<'a> {
    /// Where `part`, a slice of the text, begins.
    #[must_use]
    pub fn position(&self, part: &str) -> Position {
        let offset = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let before = &self.text[..offset.min(self.text.len())];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }

    /// Reads `part`, a slice of the text, as a `T`.
    ///
    /// # Errors
    /// If it is none; the problem says where in the document.
    pub fn parse<T: Deserialize<'a>>(&self, part: &'a str) -> Result<T, Problem> {
        options().from_str(part).map_err(|error| self.problem(part, &error))
    }

    /// Reads `part` as a `T`, or as the variant of that name with all its settings at their defaults.
    ///
    /// # Errors
    /// If it is none; the problem says where in the document.
    pub fn parse_variant<T: for<'de> Deserialize<'de>>(&self, part: &'a str) -> Result<T, Problem> {
        self.parse(part).or_else(|problem| options().from_str(&format!("{part}()")).map_err(|_| problem))
    }

    fn problem(&self, part: &str, error: &SpannedError) -> Problem {
        let base = self.position(part);
        let at = error.span.start;
        let position = if at.line == 1 {
            Position { line: base.line, column: base.column + at.col - 1 }
        } else {
            Position { line: base.line + at.line - 1, column: at.col }
        };
        let (message, hint) = explain(&error.code);
        Problem { position: Some(position), message, hint }
    }

    /// The value of the field `name` of the stage or struct that `part` holds; `part` itself where it has no such
    /// field, so that a message about a default still points to its stage.
    #[must_use]
    pub fn field(&self, part: &'a str, name: &str) -> &'a str {
        value_of(part, name).unwrap_or(part)
    }

    /// Everything that is wrong with the document, for printing.
    #[must_use]
    pub fn refuse(&self, mut problems: Vec<Problem>) -> Problems {
        problems.sort_by_key(|problem| problem.position);
        Problems { file: self.name.into(), text: self.text.into(), problems }
    }
}

/// The text of a value, without comments before it.
pub(crate) fn written_text(value: &RawValue) -> &str {
    let mut text = value.get_ron();
    loop {
        text = text.trim_start();
        let end = if text.starts_with("//") {
            text.find('\n')
        } else if text.starts_with("/*") {
            text.find("*/").map(|end| end + 2)
        } else {
            return text;
        };
        text = end.map_or("", |end| &text[end..]);
    }
}

/// The quoted text that `part` begins with, or nothing.
pub(crate) fn quoted(part: &str) -> &str {
    part.strip_prefix('"').and_then(|rest| rest.find('"')).map_or("", |end| &part[..end + 2])
}

fn options() -> Options {
    Options::default()
        .with_default_extension(Extensions::IMPLICIT_SOME)
        .with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES)
}

fn explain(error: &ron::Error) -> (String, Option<String>) {
    use ron::Error as E;
    let of =
        |outer: &Option<String>| outer.as_deref().map_or(String::new(), |kind| format!(" of {}", what(kind)));
    match error {
        E::NoSuchEnumVariant { expected, found, outer } => (
            format!("unknown {} `{found}`", outer.as_deref().map_or("name", what)),
            Some(did_you_mean(found, expected)),
        ),
        E::NoSuchStructField { expected, found, outer } => {
            (format!("unknown field `{found}`{}", of(outer)), Some(did_you_mean(found, expected)))
        }
        E::MissingStructField { field, outer } => {
            (format!("the field `{field}`{} is missing", of(outer)), Some(format!("add `{field}: ...`")))
        }
        E::DuplicateStructField { field, .. } => {
            (format!("the field `{field}` is given twice"), Some("keep one of them".into()))
        }
        E::ExpectedDifferentStructName { expected: expected @ "Pipeline", found } => (
            format!("expected `{expected}(`, found `{found}`"),
            Some("a pipeline file is `Pipeline(name: \"...\", stages: [...])`".into()),
        ),
        E::ExpectedNamedStructLike("Pipeline") => (
            "this is not a pipeline file".into(),
            Some("a pipeline file is `Pipeline(name: \"...\", stages: [...])`".into()),
        ),
        E::ExpectedDifferentStructName { found, .. } => {
            (format!("expected settings in parentheses, found `{found}`"), None)
        }
        E::ExpectedNamedStructLike(_) => ("expected settings in parentheses".into(), None),
        E::ExpectedArray => (
            "expected a list `[...]`".into(),
            Some("one network with one layer: `hidden: [[500]]`; names: `[\"a\"]`".into()),
        ),
        E::ExpectedIdentifier => (
            "expected a name without quotes".into(),
            Some("choices are written bare: `Dfa`, `Tanh`, `Orthogonal`, `Mnist`".into()),
        ),
        E::ExpectedStructLike => (
            "expected settings in parentheses".into(),
            Some("for example `LocalLoss(CrossEntropy)` or `LocalLoss(MeanSquaredError)`".into()),
        ),
        E::ExpectedComma => (
            "expected a comma".into(),
            Some("is one missing before this place, or a whole number not whole?".into()),
        ),
        E::ExpectedFloat => ("expected a number".into(), None),
        E::ExpectedInteger => ("expected a whole number".into(), None),
        E::ExpectedBoolean => ("expected `true` or `false`".into(), None),
        E::ExpectedString => ("expected a text in quotes".into(), None),
        E::InvalidValueForType { expected, found } if expected == "a nonzero u32" => {
            (format!("expected a whole number from 1 to 4294967295, found {found}"), None)
        }
        E::IntegerOutOfBounds => ("expected a whole number from 0 to 4294967295".into(), None),
        E::Message(text) if text.starts_with("unknown metric `") => {
            let found = text.trim_start_matches("unknown metric `").trim_end_matches('`');
            (text.clone(), Some(did_you_mean(found, &Metric::KNOWN.map(|metric| metric.to_string()))))
        }
        E::UnexpectedChar('#') => ("unexpected `#`".into(), Some("comments begin with `//`".into())),
        E::Eof => ("the file ends too early".into(), Some("is a bracket still open?".into())),
        other => {
            let text = other.to_string();
            let mut letters = text.chars();
            let first = letters.next().map(|letter| letter.to_lowercase().to_string()).unwrap_or_default();
            (format!("{first}{}", letters.as_str()), None)
        }
    }
}

/// What a user calls the type that ron names.
fn what(type_name: &str) -> &str {
    match type_name {
        "Stage" => "stage",
        "Algorithm" => "algorithm",
        "TargetLoss" => "local loss",
        "Activation" => "activation",
        "Initialization" => "initialization",
        "WeightInitialization" => "initialization of weights",
        "Source" => "source",
        "Cifar100Labels" => "labels",
        "Scaling" => "scaling",
        "PerChannel" => "channel statistics",
        "Augmentation" => "augmentation",
        "Task" => "task",
        "EpochRule" => "epoch rule",
        "Range" => "range",
        "EarlyStopping" => "early_stopping",
        "Tracker" => "tracker",
        other => other,
    }
}

/// The text from the value of the field `name` on, at the first level of brackets of `part`.
pub(crate) fn value_of<'a>(part: &'a str, name: &str) -> Option<&'a str> {
    let mut depth = 0_usize;
    let mut rest = part;
    while let Some(character) = rest.chars().next() {
        let skip = match character {
            '"' => string_length(rest),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '(' | '[' | '{' => {
                depth += 1;
                1
            }
            ')' | ']' | '}' => {
                depth = depth.saturating_sub(1);
                1
            }
            letter if letter.is_alphabetic() || letter == '_' => {
                let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                let after = rest[length..].trim_start();
                if depth == 1 && &rest[..length] == name && after.starts_with(':') {
                    return Some(after[1..].trim_start());
                }
                length
            }
            other => other.len_utf8(),
        };
        rest = &rest[skip..];
    }
    None
}

/// Length of the value that `rest` begins with, to the comma or bracket after it.
pub(crate) fn value_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut length = 0;
    let mut end = 0;
    while let Some(character) = rest[length..].chars().next() {
        let here = &rest[length..];
        let skip = match character {
            '"' => string_length(here),
            '/' if here.starts_with("//") => here.find('\n').unwrap_or(here.len()),
            '/' if here.starts_with("/*") => here.find("*/").map_or(here.len(), |end| end + 2),
            ',' | ')' | ']' | '}' if depth == 0 => break,
            '(' | '[' | '{' => {
                depth += 1;
                1
            }
            ')' | ']' | '}' => {
                depth -= 1;
                1
            }
            other => other.len_utf8(),
        };
        length += skip;
        // Comments and spaces after a value are no part of it.
        let is_comment = character == '/' && skip > 1;
        if !character.is_whitespace() && !is_comment {
            end = length;
        }
    }
    end
}

/// Length of the quoted text that `rest` begins with, quotes included.
fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    for (index, character) in rest.char_indices().skip(1) {
        match character {
            '"' if !escaped => return index + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_at_their_own_level_only() {
        let text = "Train(\n  // grid: no\n  axes: (grid: 1, text: \"grid: 2\"), grid: \"rates\")";
        assert!(value_of(text, "grid").expect("it is there").starts_with("\"rates\""));
        assert_eq!(value_of(text, "text"), None);
    }

    #[test]
    fn positions_count_lines_and_characters() {
        let document = Document { name: "a.ron", text: "é(\n  äb: 1)" };
        let part = &document.text[document.text.find('b').expect("it is there")..];
        assert_eq!(document.position(part), Position { line: 2, column: 4 });
    }
}
