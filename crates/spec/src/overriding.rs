//! Values of fields and axes that the command line overrides: `epochs=5`, or `search.epochs=5` for one stage. The `count` and the `seed` of
//! a search are fields of its grid.

use ron::value::RawValue;
use settings::Axis;

use crate::{
    document::Document,
    fields::Fields,
    problem::did_you_mean,
    scope::written_text,
    stages::{KINDS, fields_of},
};

/// A field, or an axis of a grid, and its new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The stage's name; `None` for every stage that knows the field.
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
    /// Returns the pipeline file's `text` with the new value in every stage that knows the field, written there or at its default.
    /// A wrong file stays as it is: its problems are reported when it is read.
    ///
    /// # Errors
    /// If no stage has the name or the field, or the value is no single value.
    pub fn apply(&self, text: &str) -> Result<Changed, OverrideError> {
        self.check_value()?;
        let document = Document { name: "", text };
        // Without the comments before and after it.
        let pipeline = document.parse::<&RawValue>(text).ok().map(written_text);
        let stages = pipeline.and_then(Fields::of).and_then(|fields| fields.value("stages"));
        let Some(Ok(stages)) = stages.map(|stages| document.parse::<Vec<&RawValue>>(stages)) else {
            return Ok(Changed { text: text.to_owned(), stages: Vec::new() });
        };
        let places: Vec<Place<'_>> =
            stages.into_iter().filter_map(|stage| Place::of(&document, stage)).collect();
        let is_meant = |place: &&Place<'_>| self.stage.as_ref().is_none_or(|stage| *stage == place.name);
        let (mut changed, mut copied, mut stages) = (String::new(), 0, Vec::new());
        for place in places.iter().filter(is_meant) {
            let Some(fields) = self.fields_to_change(place) else { continue };
            let (range, new) = match (fields.value(&self.field), fields.0.first()) {
                (Some(value), _) => {
                    let start = document.offset(value);
                    (start..start + value.len(), self.value.clone())
                }
                // The stage has the field at its default.
                (None, Some((first, _))) => {
                    let start = document.offset(first);
                    (start..start, format!("{}: {}, ", self.field, self.value))
                }
                (None, None) => continue,
            };
            changed += &text[copied..range.start];
            changed += &new;
            copied = range.end;
            stages.push(place.name.clone());
        }
        if stages.is_empty() {
            return Err(self.misses(&places));
        }
        Ok(Changed { text: changed + &text[copied..], stages })
    }

    /// Returns the fields of the stage, or of its axes, among which the field belongs; none if the stage does not know the field.
    fn fields_to_change<'a>(&self, place: &Place<'a>) -> Option<Fields<'a>> {
        let is_axis = self.is_axis();
        let is_field = fields_of(place.kind).contains(&self.field.as_str());
        // A batch size is an axis of a grid and a field of a train stage. An axis is a list.
        let is_winners = self.value.starts_with(char::is_alphabetic) && self.value != "None";
        let is_list = self.value.starts_with('[') || is_winners;
        let fits = |is_list: bool| self.stage.is_some() || !self.is_field_and_axis() || is_list;
        match place.kind {
            "Grid" if is_axis => place.axes().filter(|_| fits(is_list)),
            "Grid" if DRAWN.contains(&self.field.as_str()) => {
                place.draws().filter(|draws| draws.value(&self.field).is_some())
            }
            _ if is_field => Fields::of(place.part).filter(|_| fits(!is_list)),
            _ => None,
        }
    }

    fn is_axis(&self) -> bool {
        Axis::NAMES.contains(&self.field.as_str())
    }

    fn is_field_and_axis(&self) -> bool {
        self.is_axis() && KINDS.iter().any(|kind| fields_of(kind).contains(&self.field.as_str()))
    }

    fn check_value(&self) -> Result<(), OverrideError> {
        match ron::from_str::<&RawValue>(&self.value) {
            Ok(_) => Ok(()),
            Err(_) => Err(OverrideError {
                given: self.to_string(),
                problem: format!("`{}` is not one value as a pipeline file spells it", self.value),
                hint: format!(
                    "text is in quotes, and the shell keeps them in others: `--set '{}=\"...\"'`",
                    self.field
                ),
            }),
        }
    }

    fn misses(&self, places: &[Place<'_>]) -> OverrideError {
        let names: Vec<&str> = places.iter().map(|place| place.name.as_str()).collect();
        let named =
            self.stage.as_deref().map(|stage| (stage, places.iter().find(|place| place.name == stage)));
        let without_axes = |place: &&Place<'_>| place.kind == "Grid" && place.axes().is_none();
        let (problem, hint) = match named {
            Some((stage, None)) => {
                let inner = stage.split_once('.').filter(|(first, _)| names.contains(first));
                match inner {
                    Some((stage, field)) => (
                        format!("`--set` changes whole fields, and `{stage}` is followed by two names"),
                        format!("give the field all its settings: `--set '{stage}.{field}=...'`"),
                    ),
                    None => (format!("no stage is named `{stage}`"), did_you_mean(stage, &names)),
                }
            }
            _ if DRAWN.contains(&self.field.as_str()) => (
                format!("no grid that is meant has a `{}`", self.field),
                "it is written in `axes: Random(count: 60, seed: 0, axes: (...))`, or `axes: BestOf(stage: \"...\", count: 3)`".to_owned(),
            ),
            _ if self.is_axis() && places.iter().any(|place| without_axes(&place)) => (
                "the axes of this grid are the winners of a summary".to_owned(),
                "set the axis in the grid that the summary chooses from".to_owned(),
            ),
            Some((stage, Some(place))) => (
                format!("`{stage}` is a {} stage, which has no field `{}`", place.kind, self.field),
                did_you_mean(&self.field, &known_fields(&[place.kind])),
            ),
            None => {
                let kinds: Vec<&str> = places.iter().map(|place| place.kind).collect();
                let problem = format!("no stage has the field `{}`", self.field);
                (problem, did_you_mean(&self.field, &known_fields(&kinds)))
            }
        };
        OverrideError { given: self.to_string(), problem, hint }
    }
}

/// A pipeline file with the new value of an [`Override`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    pub text: String,
    /// The names of the stages in which the field was set.
    pub stages: Vec<String>,
}

/// The fields of a search, and of several winners for each group.
const DRAWN: [&str; 2] = ["count", "seed"];

/// A stage as written.
struct Place<'a> {
    name: String,
    /// The kind of the stage: `Dataset`.
    kind: &'a str,
    part: &'a str,
}

impl<'a> Place<'a> {
    fn of(document: &Document<'a>, stage: &'a RawValue) -> Option<Self> {
        let part = written_text(stage);
        let fields = Fields::of(part)?;
        let name = fields.value("name").and_then(|name| document.parse(name).ok()).unwrap_or_default();
        let end = part.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(part.len());
        Some(Self { name, kind: &part[..end], part })
    }

    /// Returns the axes of a grid or of its search, unless they are the winners of a summary.
    fn axes(&self) -> Option<Fields<'a>> {
        let axes = Fields::of(self.part)?.value("axes")?;
        if axes.starts_with('(') {
            return Fields::of(axes);
        }
        self.draws()?.value("axes").and_then(Fields::of)
    }

    /// Returns the fields of a search, or of winners if they have names.
    fn draws(&self) -> Option<Fields<'a>> {
        let axes = Fields::of(self.part)?.value("axes")?;
        Fields::of(axes).filter(|_| axes.starts_with(char::is_alphabetic))
    }
}

/// Returns the fields of the stages of these kinds, and the axes of grids, each once.
fn known_fields(kinds: &[&str]) -> Vec<&'static str> {
    let mut known: Vec<&str> = Vec::new();
    for kind in KINDS.iter().filter(|kind| kinds.contains(kind)) {
        let axes: &[&str] = if *kind == "Grid" { Axis::NAMES } else { &[] };
        for field in fields_of(kind).iter().chain(axes) {
            if !known.contains(field) {
                known.push(field);
            }
        }
    }
    known
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
        given.parse::<Override>()?.apply(TEXT).map(|changed| changed.text)
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
    fn a_field_at_its_default_is_added_to_every_stage_that_knows_it() {
        let changed = apply("fraction=0.1").expect("there is such a stage");
        assert_eq!(changed, TEXT.replace("Dataset(name", "Dataset(fraction: 0.1, name"));
        assert_eq!(apply("d.fraction=0.1").expect("there is such a stage"), changed);
        let changed = "early_stopping=None"
            .parse::<Override>()
            .and_then(|given| given.apply(TEXT))
            .expect("it is known");
        let expected = TEXT.replace("(metric: \"x\", patience: 3)", "None");
        assert_eq!(changed.text, expected.replace("name: \"b\"", "early_stopping: None, name: \"b\""));
        assert_eq!(changed.stages, ["a", "b"]);
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
        let apply = |given: &str| Ok::<_, OverrideError>(given.parse::<Override>()?.apply(GRIDS)?.text);
        assert_eq!(apply("g.batch_size=[8]").expect("an axis"), GRIDS.replace("[16, 32]", "[8]"));
        assert_eq!(apply("hidden=[[4]]").expect("axes"), GRIDS.replace("[[8]]", "[[4]]"));
        assert_eq!(apply("b.batch_size=None").expect("a field"), GRIDS.replace("64", "None"));
        let added = GRIDS.replace("(hidden: [[8]]))", "(batch_size: [8], hidden: [[8]]))");
        assert_eq!(apply("h.batch_size=[8]").expect("an axis at its default"), added);
        let both = added.replace("[16, 32]", "[8]");
        assert_eq!(apply("batch_size=[8]").expect("a list is an axis"), both);
        let stages =
            GRIDS.replace("Train(name: \"a\"", "Train(batch_size: 8, name: \"a\"").replace("64", "8");
        assert_eq!(apply("batch_size=8").expect("a number is a field"), stages);
        let error = apply("w.hidden=[[4]]").expect_err("it has winners");
        assert_eq!(error.problem, "the axes of this grid are the winners of a summary");
    }

    #[test]
    fn axes_counts_and_seeds_of_a_search_are_fields_of_its_grid() {
        const SEARCHES: &str = r#"Pipeline(stages: [
    Grid(name: "r", axes: Random(count: 60, seed: 0, axes: (hidden: [[8]], learning_rate: LogUniform(1e-5, 1e-1)))),
    Grid(name: "q", axes: Quasi (axes: (hidden: [[8]], learning_rate: [0.1]), seed: 1, count: 20)),
    Grid(name: "all", axes: (hidden: [[8]])),
    Grid(name: "one", axes: BestOf("best")),
    Grid(name: "three", axes: BestOf(stage: "best", count: 3)),
])"#;
        let apply = |given: &str| Ok::<_, OverrideError>(given.parse::<Override>()?.apply(SEARCHES)?.text);
        let changed = |from: &str, to: &str| Ok(SEARCHES.replace(from, to));
        assert_eq!(apply("r.learning_rate=[1e-3]"), changed("LogUniform(1e-5, 1e-1)", "[1e-3]"));
        assert_eq!(apply("q.learning_rate=Uniform(0.1, 0.2)"), changed("[0.1]", "Uniform(0.1, 0.2)"));
        assert_eq!(
            apply("q.dropout=[0.5]"),
            changed(
                "(hidden: [[8]], learning_rate: [0.1]",
                "(dropout: [0.5], hidden: [[8]], learning_rate: [0.1]"
            )
        );
        assert_eq!(apply("r.count=100"), changed("count: 60", "count: 100"));
        assert_eq!(apply("three.count=5"), changed("count: 3", "count: 5"));
        assert_eq!(apply("seed=7"), Ok(SEARCHES.replace("seed: 0", "seed: 7").replace("seed: 1", "seed: 7")));
        let stages =
            "count=9".parse::<Override>().and_then(|given| given.apply(SEARCHES)).expect("three have it");
        assert_eq!(stages.stages, ["r", "q", "three"]);
        for given in ["all.count=3", "one.count=3", "three.seed=3"] {
            let error = apply(given).expect_err("it has none");
            assert!(error.hint.contains("BestOf(stage:"), "{error}");
        }
        let error = apply("three.hidden=[[4]]").expect_err("it has winners");
        assert_eq!(error.problem, "the axes of this grid are the winners of a summary");
    }

    #[test]
    fn comments_and_strings_are_never_changed() {
        #[track_caller]
        fn check(stage: &str, given: &str, expected: &str) {
            let file = |stage: &str| format!("Pipeline(stages: [{stage}])");
            let given: Override = given.parse().expect("it names a field and a value");
            assert_eq!(given.apply(&file(stage)).map(|changed| changed.text), Ok(file(expected)));
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
            r#"Train(name: "d (x, epochs: 1)", epochs: 3)"#,
            "epochs=5",
            r#"Train(name: "d (x, epochs: 1)", epochs: 5)"#,
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
    fn an_override_that_reaches_nothing_is_refused_with_the_nearest_names() {
        #[track_caller]
        fn check(given: &str, problem: &str, hint: &str) {
            let error = apply(given).expect_err("it reaches nothing");
            assert_eq!(error.to_string(), format!("`{given}`: {problem}"));
            assert!(error.hint.starts_with(hint), "{}", error.hint);
        }
        check("aa.epochs=2", "no stage is named `aa`", "did you mean `a`? known: d, a, b");
        check("epoches=2", "no stage has the field `epoches`", "did you mean `epochs`? known: name, source,");
        check("d.epochs=2", "`d` is a Dataset stage, which has no field `epochs`", "known: name, source, ");
        check(
            "a.holdout=0.5",
            "`a` is a Train stage, which has no field `holdout`",
            "known: name, dataset, ",
        );
        check("learning_rate=[1.0]", "no stage has the field `learning_rate`", "known: ");
        check(
            "d.source.train=5",
            "`--set` changes whole fields, and `d` is followed by two names",
            "give the field all its settings: `--set 'd.source=...'`",
        );
        for value in ["error_rate/test", "1, seeds: 2", "[1", "1)"] {
            check(
                &format!("epochs={value}"),
                &format!("`{value}` is not one value as a pipeline file spells it"),
                "text is in quotes",
            );
        }
        for given in ["epochs", "=2", "a.=2", "epochs=", "a b=2"] {
            assert!(given.parse::<Override>().is_err(), "{given}");
        }
    }

    #[test]
    fn every_kind_of_stage_has_its_fields() {
        for kind in KINDS {
            assert_eq!(fields_of(kind)[0], "name", "{kind}");
        }
        assert_eq!(fields_of("Grid"), ["name", "axes"]);
    }

    #[test]
    fn a_wrong_file_stays_as_it_is() {
        let given: Override = "epochs=2".parse().expect("it names a field and a value");
        assert_eq!(given.apply("Pipeline(").map(|changed| changed.text), Ok("Pipeline(".to_owned()));
    }
}
