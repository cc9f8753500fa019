//! The text of a pipeline file: positions in it, and values that are read from parts of it.

use ron::{Options, error::SpannedError, extensions::Extensions};
use serde::Deserialize;
use settings::Metric;

use crate::{
    brackets::Before,
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
        self.position_of(self.offset(part))
    }

    fn position_of(&self, offset: usize) -> Position {
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
        if let Some(problem) = self.spelling(self.offset_of(position), &error.code) {
            return problem;
        }
        let (message, hint) = explain(&error.code);
        Problem { position: Some(position), message, hint }
    }

    fn offset_of(&self, position: Position) -> usize {
        let line = self.text.split_inclusive('\n').take(position.line - 1).map(str::len).sum::<usize>();
        let columns = self.text[line..].char_indices().nth(position.column - 1);
        columns.map_or(self.text.len(), |(column, _)| line + column)
    }

    /// Returns the problem of a number with decimals, a missing bracket or a missing comma, where it is and not where the parser
    /// noticed it.
    fn spelling(&self, at: usize, error: &ron::Error) -> Option<Problem> {
        use ron::Error as E;
        let (before_text, rest) = self.text.split_at(at);
        let problem = |offset: usize, message: String, hint: String| {
            Some(Problem { position: Some(self.position_of(offset)), message, hint: Some(hint) })
        };
        let digits =
            before_text.len() - before_text.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
        if matches!(error, E::ExpectedComma | E::TrailingCharacters) && digits > 0 && rest.starts_with('.') {
            let start = at - digits;
            let length = self.text[start..].find(|letter: char| !letter.is_ascii_digit() && letter != '.');
            let number = &self.text[start..][..length.unwrap_or(rest.len() + digits)];
            let whole = &number[..digits];
            return problem(
                start,
                format!("expected a whole number, found {number}"),
                format!("without decimals: {whole}"),
            );
        }
        let before = Before::of(self.text, at);
        let innermost = before.open.last().copied();
        let is_end = *error == E::Eof || (*error == E::ExpectedComma && rest.trim().is_empty());
        let is_missing = match error {
            _ if is_end => innermost.is_some(),
            // A stage begins where the parser expects a field, or a field where it expects an element of a list.
            E::ExpectedMapColon => rest.starts_with('('),
            E::ExpectedComma => {
                rest.starts_with(':') && innermost.is_some_and(|open| self.text[open..].starts_with('['))
            }
            _ => false,
        };
        if let (true, Some(open)) = (is_missing, innermost) {
            // The name that the parser read last belongs to what follows the missing bracket.
            let name = if is_end { at } else { at - word(before_text).len() };
            let before = Before::of(self.text, name);
            let closing = if self.text[open..].starts_with('[') { "]" } else { ")" };
            let line = self.position_of(open).line;
            let opened = format!("{}{}", word(&self.text[..open]), &self.text[open..=open]);
            return problem(
                if is_end { before.end } else { before.end_without_comma },
                format!("a `{closing}` is missing here: `{opened}` in line {line} is still open"),
                format!("add `{closing}` here, or where that bracket ends"),
            );
        }
        let is_winners = |open: usize| word(&self.text[..open]) == "BestOf";
        if *error == E::ExpectedComma && rest.starts_with(':') && innermost.is_some_and(is_winners) {
            let hint =
                "`BestOf(\"best\")`, or with names for both: `BestOf(stage: \"best\", count: 3)`".to_owned();
            return problem(at, "the value before has no name, and this one has".into(), hint);
        }
        if *error == E::ExpectedComma {
            let hint = "fields, stages and elements of a list are separated by commas".to_owned();
            return problem(before.end, "a comma is missing here".into(), hint);
        }
        None
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

/// Returns the name at the end of `text`.
fn word(text: &str) -> &str {
    &text[text.trim_end_matches(|letter: char| letter.is_alphanumeric() || letter == '_').len()..]
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
        E::InvalidIdentifier(found) | E::SuggestRawIdentifier(found) => (
            format!("expected a name, found `{found}`"),
            Some("choices are written bare: `Dfa`, `Tanh`, `Final`".into()),
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
        E::ExpectedDifferentLength { expected, .. } if expected.contains("Distribution::") => (
            "a distribution has two bounds".into(),
            Some("for example `LogUniform(1e-5, 1e-1)` or `Uniform(0.0, 0.5)`".into()),
        ),
        E::ExpectedMapColon => ("expected a colon after the name of the field".into(), None),
        E::TrailingCharacters => ("unexpected text after the value".into(), None),
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
