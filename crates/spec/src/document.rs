//! The text of a pipeline file: positions in it, and values that are read from parts of it.

use ron::{Options, error::SpannedError, extensions::Extensions};
use serde::Deserialize;
use settings::Metric;

use crate::{
    fields::Fields,
    problem::{Position, Problem, Problems, did_you_mean},
};

/// A pipeline file's text under the name that messages give it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Document<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

impl<'a> Document<'a> {
    /// Returns the offset of `part`, a slice of the text.
    pub fn offset(&self, part: &str) -> usize {
        (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize)
    }

    /// Returns the position of `part`, a slice of the text.
    pub fn position(&self, part: &str) -> Position {
        let offset = self.offset(part);
        let before = &self.text[..offset.min(self.text.len())];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }

    /// Reads `part`, a slice of the text, as a `T`.
    pub fn parse<T: Deserialize<'a>>(&self, part: &'a str) -> Result<T, Problem> {
        options().from_str(part).map_err(|error| self.problem(part, &error))
    }

    /// Reads `part` as a `T`, or as the variant of that name with all its settings at their defaults.
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

    /// Returns the value of the field `name` of the stage or struct `part`; `part` itself if it has no such field, so that a
    /// message about a default still points to its stage.
    pub fn field(&self, part: &'a str, name: &str) -> &'a str {
        Fields::of(part).and_then(|fields| fields.value(name)).unwrap_or(part)
    }

    /// Returns the problems in the order of the text, for printing.
    pub fn refuse(&self, mut problems: Vec<Problem>) -> Problems {
        problems.sort_by_key(|problem| problem.position);
        Problems { file: self.name.into(), text: self.text.into(), problems }
    }
}

fn options() -> Options {
    Options::default()
        .with_default_extension(Extensions::IMPLICIT_SOME)
        .with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES)
}

fn explain(error: &ron::Error) -> (String, Option<String>) {
    use ron::Error as E;
    match error {
        E::NoSuchEnumVariant { expected, found, outer } => (
            format!("unknown {} `{found}`", outer.as_deref().map_or("name".into(), words)),
            Some(did_you_mean(found, expected)),
        ),
        E::NoSuchStructField { expected, found, outer } => (
            format!("unknown field `{found}`{}", of_type(outer.as_deref())),
            Some(did_you_mean(found, expected)),
        ),
        E::MissingStructField { field, outer } => (
            format!("the field `{field}`{} is missing", of_type(outer.as_deref())),
            Some(format!("add `{field}: ...`")),
        ),
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
            Some(
                "for example `LocalLoss(CrossEntropy)`; with all settings at their defaults, `Cosine()`"
                    .into(),
            ),
        ),
        E::ExpectedComma => (
            "expected a comma".into(),
            Some("a comma may be missing before this position, or a whole number has decimals".into()),
        ),
        E::ExpectedFloat => ("expected a number".into(), None),
        E::ExpectedInteger => ("expected a whole number".into(), None),
        E::ExpectedBoolean => ("expected `true` or `false`".into(), None),
        E::ExpectedString => ("expected text in quotes".into(), None),
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

fn of_type(type_name: Option<&str>) -> String {
    type_name.map_or(String::new(), |type_name| format!(" of {type_name}"))
}

/// Returns the words of a type's name: `epoch rule` for `EpochRule`.
fn words(type_name: &str) -> String {
    match type_name {
        "TargetLoss" => return "local loss".into(),
        "Cifar100Labels" => return "labels".into(),
        "PerChannel" => return "channel statistics".into(),
        _ => {}
    }
    let mut words = String::new();
    for letter in type_name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters() {
        let document = Document { name: "a.ron", text: "é(\n  äb: 1)" };
        let part = &document.text[document.text.find('b').expect("it is there")..];
        assert_eq!(document.position(part), Position { line: 2, column: 4 });
    }
}
