//! The problems of a pipeline file, as messages.

use std::fmt;

/// A position in a pipeline file; lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The position, unless the problem concerns the whole file.
    pub position: Option<Position>,
    pub message: String,
    pub hint: Option<String>,
}

/// All problems of a pipeline file, in the order of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) problems: Vec<Problem>,
}

impl std::error::Error for Problems {}

/// Writes each problem as `error: FILE:LINE:COLUMN: message`, the line itself, and the hint.
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

/// Returns `did you mean ...? known: ...`, without the guess if no known name is similar.
pub fn did_you_mean(found: &str, known: &[impl AsRef<str>]) -> String {
    let all = known.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    let similarities = known.iter().map(|name| {
        let name = name.as_ref();
        let is_short_form = found.len() > 1 && found == initials(name);
        let similarity = strsim::jaro_winkler(&found.to_lowercase(), &name.to_lowercase());
        (if is_short_form { 1.0 } else { similarity }, name)
    });
    match similarities.max_by(|(left, _), (right, _)| left.total_cmp(right)) {
        Some((similarity, name)) if similarity > 0.8 => format!("did you mean `{name}`? known: {all}"),
        Some(_) => format!("known: {all}"),
        None => "none is known here".into(),
    }
}

/// Returns the first letters of the words of a name: `lr` for `learning_rate`.
fn initials(name: &str) -> String {
    name.split('_').filter_map(|word| word.chars().next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_is_made_only_where_one_is_near() {
        assert_eq!(did_you_mean("Dffa", &["Backprop", "Dfa"]), "did you mean `Dfa`? known: Backprop, Dfa");
        assert_eq!(
            did_you_mean("lr", &["loss", "learning_rate"]),
            "did you mean `learning_rate`? known: loss, learning_rate"
        );
        assert_eq!(did_you_mean("Transformer", &["Backprop", "Dfa"]), "known: Backprop, Dfa");
    }
}
