//! Values of fields and axes that the command line overrides: `epochs=5`, or `search.epochs=5` for one stage.

use ron::value::RawValue;
use serde::Deserialize;
use settings::Axis;

use crate::{document::Document, fields::Fields, problem::did_you_mean, scope::written_text};

/// A field, or an axis of a grid, and its new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The stage's name; `None` for every stage that has the field.
    pub stage: Option<String>,
    pub field: String,
    /// The value as a pipeline file spells it.
    pub value: String,
}

/// An override that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}`: {problem}")]
pub struct OverrideError {
    pub given: String,
    pub problem: String,
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
    /// Returns the pipeline file's `text` with the new value. A wrong file stays as it is: its problems are reported when it is
    /// read.
    ///
    /// # Errors
    /// If no stage has the field, or no stage has the name.
    pub fn apply(&self, text: &str) -> Result<String, OverrideError> {
        #[derive(Deserialize)]
        #[serde(rename = "Pipeline")]
        struct Written<'a> {
            #[serde(borrow)]
            stages: Vec<&'a RawValue>,
        }
        let document = Document { name: "", text };
        let Ok(written) = document.parse::<Written<'_>>(text) else { return Ok(text.to_owned()) };
        let mut names: Vec<String> = Vec::new();
        let (mut changed, mut copied) = (String::new(), 0);
        for fields in written.stages.iter().filter_map(|stage| Fields::of(written_text(stage))) {
            let name = fields.value("name").and_then(|name| document.parse(name).ok()).unwrap_or_default();
            let is_named = self.stage.as_ref().map(|stage| *stage == name);
            names.push(name);
            let fields = self.place_in(fields);
            let (range, new) = match (is_named, fields.value(&self.field), fields.0.first()) {
                (Some(false), ..) | (None, None, _) | (_, None, None) => continue,
                (_, Some(value), _) => {
                    let start = document.offset(value);
                    (start..start + value.len(), self.value.clone())
                }
                // The stage has the field at its default.
                (Some(true), None, Some((first, _))) => {
                    let start = document.offset(first);
                    (start..start, format!("{}: {}, ", self.field, self.value))
                }
            };
            changed += &text[copied..range.start];
            changed += &new;
            copied = range.end;
        }
        if copied == 0 {
            return Err(self.misses(&names));
        }
        Ok(changed + &text[copied..])
    }

    /// Returns the fields of a stage, or its axes if the field to override is an axis of a grid.
    fn place_in<'a>(&self, stage: Fields<'a>) -> Fields<'a> {
        let is_axis = Axis::NAMES.contains(&self.field.as_str());
        let axes = stage.value("axes").filter(|axes| is_axis && axes.starts_with('('));
        axes.and_then(Fields::of).unwrap_or(stage)
    }

    fn misses(&self, names: &[String]) -> OverrideError {
        let (problem, hint) = match &self.stage {
            Some(stage) => (format!("no stage is named `{stage}`"), did_you_mean(stage, names)),
            None => (
                format!("no stage has the field `{}`", self.field),
                format!(
                    "to add it to one stage, name the stage: `STAGE.{}={}`; stages: {}",
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
        let error = apply("fraction=0.1").expect_err("no stage has it");
        assert_eq!(error.to_string(), "`fraction=0.1`: no stage has the field `fraction`");
    }

    #[test]
    fn axes_are_fields_of_their_grid() {
        const GRIDS: &str = r#"Pipeline(stages: [
    Grid(name: "g", axes: (hidden: [[8]], batch_size: [16, 32])),
    Train(name: "a", grid: "g"),
    Grid(name: "h", axes: (hidden: [[8]])),
    Train(name: "b", grid: "h", batch_size: 64),
    Grid(name: "w", axes: BestOf("best")),
])"#;
        let apply = |given: &str| given.parse::<Override>()?.apply(GRIDS);
        assert_eq!(apply("g.batch_size=[8]").expect("an axis"), GRIDS.replace("[16, 32]", "[8]"));
        assert_eq!(apply("hidden=[[4]]").expect("axes"), GRIDS.replace("[[8]]", "[[4]]"));
        assert_eq!(apply("b.batch_size=None").expect("a field"), GRIDS.replace("64", "None"));
        let added = GRIDS.replace("(hidden: [[8]]))", "(batch_size: [8], hidden: [[8]]))");
        assert_eq!(apply("h.batch_size=[8]").expect("an axis at its default"), added);
    }

    #[test]
    fn comments_and_strings_are_never_changed() {
        #[track_caller]
        fn check(stage: &str, given: &str, expected: &str) {
            let file = |stage: &str| format!("Pipeline(stages: [{stage}])");
            let given: Override = given.parse().expect("it names a field and a value");
            assert_eq!(given.apply(&file(stage)).as_deref(), Ok(file(expected).as_str()));
        }
        check("Train(epochs /* x */: 3)", "epochs=5", "Train(epochs /* x */: 5)");
        check(
            "Train(epochs: /* epochs: 1, */ 3 /* y */)",
            "epochs=5",
            "Train(epochs: /* epochs: 1, */ 5 /* y */)",
        );
        check(
            "Train(/* /* epochs: 1, */ epochs: 2, */ epochs: 3)",
            "epochs=5",
            "Train(/* /* epochs: 1, */ epochs: 2, */ epochs: 5)",
        );
        check(
            r#"Dataset /* (a) */ (name: "d", seed: 1)"#,
            "d.fraction=0.5",
            r#"Dataset /* (a) */ (fraction: 0.5, name: "d", seed: 1)"#,
        );
        check(
            r#"Dataset(name: "d (x, epochs: 1)", epochs: 3)"#,
            "epochs=5",
            r#"Dataset(name: "d (x, epochs: 1)", epochs: 5)"#,
        );
        check(
            r##"Train(name: r#"a" epochs: 1"#, epochs: 3)"##,
            "epochs=5",
            r##"Train(name: r#"a" epochs: 1"#, epochs: 5)"##,
        );
        check(
            "Train(axes: Dfa(epochs: 1), epochs: Every(epochs: 2))",
            "epochs=5",
            "Train(axes: Dfa(epochs: 1), epochs: 5)",
        );
    }

    #[test]
    fn an_override_of_no_stage_is_refused() {
        let error = apply("aa.epochs=2").expect_err("no such stage");
        assert_eq!(error.to_string(), "`aa.epochs=2`: no stage is named `aa`");
        for given in ["epochs", "=2", "a.=2", "epochs=", "a b=2"] {
            assert!(given.parse::<Override>().is_err(), "{given}");
        }
    }

    #[test]
    fn a_wrong_file_stays_as_it_is() {
        let given: Override = "epochs=2".parse().expect("it names a field and a value");
        assert_eq!(given.apply("Pipeline(").as_deref(), Ok("Pipeline("));
    }
}
