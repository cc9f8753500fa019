//! Fields of stages that the command line gives another value: `epochs=5`, or `search.epochs=5` for one stage.

use ron::value::RawValue;
use serde::Deserialize;

use super::{
    document::{Document, quoted, value_length, value_of},
    problem::did_you_mean,
    written_text,
};

/// A field with the value that it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The stage's name; absent where every stage that has the field is meant.
    pub stage: Option<String>,
    /// The field.
    pub field: String,
    /// Its value, as a pipeline file spells it.
    pub value: String,
}

/// Why an override cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}`: {problem}")]
pub struct OverrideError {
    /// As it was given.
    pub given: String,
    /// What is wrong with it.
    pub problem: String,
    /// The way out.
    pub hint: String,
}

impl std::str::FromStr for Override {
    type Err = OverrideError;

    fn from_str(given: &str) -> Result<Self, OverrideError> {
        let refused = || OverrideError {
            given: given.to_owned(),
            problem: "expected FIELD=VALUE or STAGE.FIELD=VALUE".into(),
            hint: "for example `epochs=5`, or `search.epochs=5` for one stage".into(),
        };
        let (target, value) = given.split_once('=').ok_or_else(refused)?;
        let (stage, field) = match target.trim().rsplit_once('.') {
            Some((stage, field)) => (Some(stage.trim().to_owned()), field.trim()),
            None => (None, target.trim()),
        };
        let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !is_name(field) || value.trim().is_empty() {
            return Err(refused());
        }
        Ok(Self { stage, field: field.to_owned(), value: value.trim().to_owned() })
    }
}

impl std::fmt::Display for Override {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(stage) = &self.stage {
            write!(f, "{stage}.")?;
        }
        write!(f, "{}={}", self.field, self.value)
    }
}

impl Override {
    /// The pipeline file's `text` with this value instead of what was written. A file that is not right stays as it is: its own
    /// problems are told when it is read.
    ///
    /// # Errors
    /// If no stage is meant.
    pub fn apply(&self, text: &str) -> Result<String, OverrideError> {
        #[derive(Deserialize)]
        #[serde(rename = "Pipeline")]
        struct Written<'a> {
            #[serde(borrow)]
            stages: Vec<&'a RawValue>,
        }
        let document = Document { name: "", text };
        let Ok(written) = document.parse::<Written<'_>>(text) else { return Ok(text.to_owned()) };
        let stages: Vec<&str> = written.stages.iter().map(|stage| written_text(stage)).collect();
        let names: Vec<String> = stages
            .iter()
            .map(|stage| quoted(document.field(stage, "name")).trim_matches('"').to_owned())
            .collect();
        // From the end, so that places before stay where they are.
        let mut changed = text.to_owned();
        let mut count = 0;
        for (stage, name) in stages.iter().zip(&names).rev() {
            if self.stage.as_ref().is_some_and(|wanted| wanted != name) {
                continue;
            }
            let offset = |part: &str| part.as_ptr() as usize - text.as_ptr() as usize;
            match (value_of(stage, &self.field), &self.stage) {
                (Some(value), _) => {
                    let begin = offset(value);
                    changed.replace_range(begin..begin + value_length(value), &self.value);
                }
                // A field that the stage leaves at its default.
                (None, Some(_)) => {
                    let Some(bracket) = stage.find('(') else { continue };
                    changed.insert_str(
                        offset(stage) + bracket + 1,
                        &format!("{}: {}, ", self.field, self.value),
                    );
                }
                (None, None) => continue,
            }
            count += 1;
        }
        if count == 0 {
            return Err(self.misses(&names));
        }
        Ok(changed)
    }

    fn misses(&self, names: &[String]) -> OverrideError {
        let (problem, hint) = match &self.stage {
            Some(stage) => (format!("no stage is named `{stage}`"), did_you_mean(stage, names)),
            None => (
                format!("no stage says `{}`", self.field),
                format!(
                    "name the stage, if it shall: `STAGE.{}={}`; stages: {}",
                    self.field,
                    self.value,
                    names.join(", ")
                ),
            ),
        };
        OverrideError { given: self.to_string(), problem, hint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"Pipeline(name: "p", stages: [
    Dataset(name: "d", source: Glyphs),
    Train(name: "a", epochs: 50 /* long */, early_stopping: (metric: "x", patience: 3), seeds: [1, 2]),
    Train(name: "b", seeds: 3, epochs: 200),
])"#;

    fn apply(given: &str) -> Result<String, OverrideError> {
        given.parse::<Override>()?.apply(TEXT)
    }

    #[test]
    fn a_field_is_replaced_where_it_is_written() {
        let changed = apply("epochs=2").expect("two stages have it");
        assert_eq!(changed, TEXT.replace("epochs: 50", "epochs: 2").replace("epochs: 200", "epochs: 2"));
        assert_eq!(apply("b.epochs=2").expect("it has it"), TEXT.replace("200", "2"));
        assert_eq!(apply("a.seeds=[7]").expect("it has it"), TEXT.replace("[1, 2]", "[7]"));
        assert_eq!(
            apply("a.early_stopping=None").expect("it has it"),
            TEXT.replace("(metric: \"x\", patience: 3)", "None")
        );
    }

    #[test]
    fn a_field_that_a_stage_leaves_at_its_default_is_added_where_the_stage_is_named() {
        let changed = apply("d.fraction=0.1").expect("there is such a stage");
        assert_eq!(changed, TEXT.replace("Dataset(name", "Dataset(fraction: 0.1, name"));
        let error = apply("fraction=0.1").expect_err("nobody says it");
        assert_eq!(error.to_string(), "`fraction=0.1`: no stage says `fraction`");
    }

    #[test]
    fn what_is_meant_by_nobody_is_refused() {
        let error = apply("aa.epochs=2").expect_err("no such stage");
        assert_eq!(error.to_string(), "`aa.epochs=2`: no stage is named `aa`");
        for given in ["epochs", "=2", "a.=2", "epochs=", "a b=2"] {
            assert!(given.parse::<Override>().is_err(), "{given}");
        }
    }

    #[test]
    fn a_file_that_is_not_right_stays_as_it_is() {
        let given: Override = "epochs=2".parse().expect("right");
        assert_eq!(given.apply("Pipeline(").as_deref(), Ok("Pipeline("));
    }
}
