//! What is wrong with a pipeline file, in words.

use std::fmt;

use super::document::Position;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, if it stands somewhere.
    pub position: Option<Position>,
    /// What failed, on what, got against allowed.
    pub message: String,
    /// The way out.
    pub hint: Option<String>,
}

/// Everything that is wrong with a pipeline file, in the order of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    pub(super) file: String,
    pub(super) text: String,
    pub(super) problems: Vec<Problem>,
}

impl std::error::Error for Problems {}

/// Each as `error: FILE:LINE:COLUMN: message`, the line itself, and the hint.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            let Problem { position, message, hint } = problem;
            match position {
                Some(position) => {
                    let Position { line, column } = *position;
                    write!(f, "error: {}:{position}: {message}", self.file)?;
                    let code = self.text.lines().nth(line - 1).unwrap_or_default().trim_end();
                    let (margin, before) = (" ".repeat(line.to_string().len()), " ".repeat(column - 1));
                    write!(f, "\n {margin} |\n {line} | {code}\n {margin} | {before}^")?;
                }
                None => write!(f, "error: {}: {message}", self.file)?,
            }
            if let Some(hint) = hint {
                write!(f, "\nhint: {hint}")?;
            }
        }
        Ok(())
    }
}

/// `did you mean ...? known: ...`, without the guess where nothing is near.
#[must_use]
pub fn did_you_mean(found: &str, known: &[impl AsRef<str>]) -> String {
    let all = known.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    let likeness = |name: &str| strsim::jaro_winkler(&found.to_lowercase(), &name.to_lowercase());
    let nearest =
        known.iter().map(AsRef::as_ref).max_by(|left, right| likeness(left).total_cmp(&likeness(right)));
    match nearest.filter(|name| likeness(name) > 0.8) {
        Some(name) => format!("did you mean `{name}`? known: {all}"),
        None if known.is_empty() => "none is known here".into(),
        None => format!("known: {all}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_is_made_only_where_one_is_near() {
        assert_eq!(did_you_mean("Dffa", &["Backprop", "Dfa"]), "did you mean `Dfa`? known: Backprop, Dfa");
        assert_eq!(did_you_mean("Transformer", &["Backprop", "Dfa"]), "known: Backprop, Dfa");
    }
}
