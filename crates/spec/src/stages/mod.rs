//! The stages of a pipeline file. Each file here reads one kind of stage and checks it.

mod dataset;
mod grid;
mod halving;
mod range;
mod search;
mod summarize;
mod train;

use std::sync::Arc;

use ron::value::RawValue;
use serde::Deserialize;

pub use train::DIVERGENCE_FACTOR;

use crate::{
    problem::did_you_mean,
    scope::{Scope, written_text},
    stage::{Dataset, Grid, Stage, Summarize, Train},
};

/// A stage as written.
#[derive(Deserialize)]
#[serde(rename = "Stage")]
enum Written<'a> {
    /// Images, their scaling and their split.
    #[serde(borrow)]
    Dataset(dataset::Written<'a>),
    /// Axes; all combinations of their values are compared.
    #[serde(borrow)]
    Grid(grid::Written<'a>),
    /// Trials: every configuration of a grid with every seed, on a dataset.
    #[serde(borrow)]
    Train(train::Written<'a>),
    /// Tables and a report over the trials of some train stages.
    #[serde(borrow)]
    Summarize(summarize::Written<'a>),
}

/// The kinds of stages as a pipeline file spells them.
pub(crate) const KINDS: [&str; 4] = ["Dataset", "Grid", "Train", "Summarize"];

/// Returns the fields that a stage of this kind has; none for an unknown kind.
pub(crate) fn fields_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "Dataset" => field_names::<dataset::Written<'_>>(),
        "Grid" => field_names::<grid::Written<'_>>(),
        "Train" => field_names::<train::Written<'_>>(),
        "Summarize" => field_names::<summarize::Written<'_>>(),
        _ => &[],
    }
}

/// Returns the fields of the struct `T` from its refusal of an unknown one.
fn field_names<'a, T: Deserialize<'a>>() -> &'static [&'static str] {
    match ron::from_str::<T>("(unknown_field: 0)").map_err(|error| error.code) {
        Err(ron::Error::NoSuchStructField { expected, .. }) => expected,
        _ => &[],
    }
}

/// The stages that are read so far: names, each with its checked stage unless the stage has problems.
#[derive(Default)]
pub(crate) struct Stages(Vec<(String, Option<Stage>)>);

impl Stages {
    pub fn into_checked(self) -> Vec<Stage> {
        self.0.into_iter().filter_map(|(_, stage)| stage).collect()
    }

    /// Reads the stage that `part` holds and adds it, or adds its problems to `scope`.
    pub fn check<'a>(&mut self, part: &'a RawValue, scope: &mut Scope<'a>) {
        let part = written_text(part);
        let Some(written) = scope.parse::<Written>(part) else {
            // References to a stage that cannot be read are no problems of their own.
            if let Ok(name) = scope.document.parse(scope.document.field(part, "name")) {
                self.0.push((name, None));
            }
            return;
        };
        let name = match &written {
            Written::Dataset(written) => written.name,
            Written::Grid(written) => written.name,
            Written::Train(written) => written.name,
            Written::Summarize(written) => written.name,
        };
        let at = written_text(name);
        let Some(name) = scope.folder_name(at) else { return };
        if self.0.iter().any(|(above, _)| *above == name) {
            let hint = "a stage's name is its folder and how others refer to it: rename one";
            scope.problem(at, format!("two stages are named `{name}`"), Some(hint.into()));
        }
        let stage = match written {
            Written::Dataset(written) => {
                written.check(part, name.clone(), scope).map(|stage| Stage::Dataset(Arc::new(stage)))
            }
            Written::Grid(written) => {
                let find = |part, scope: &mut Scope<'a>| self.find(part, "Summarize", summarize, scope);
                written.check(name.clone(), find, scope).map(|stage| Stage::Grid(Arc::new(stage)))
            }
            Written::Train(written) => {
                let dataset = self.find(written_text(written.dataset), "Dataset", dataset, scope);
                let grid = self.find(written_text(written.grid), "Grid", grid, scope);
                let halving = written.halving.map(written_text).filter(|part| *part != "None");
                let whole = written.check(part, name.clone(), dataset, grid, scope);
                let stage = match halving {
                    Some(part) => whole.and_then(|train| halving::apply(part, train, scope)),
                    None => whole,
                };
                stage.map(|stage| Stage::Train(Arc::new(stage)))
            }
            Written::Summarize(written) => {
                let of = written.of.iter();
                let of = of.filter_map(|part| self.find(written_text(part), "Train", train, scope)).collect();
                written.check(part, name.clone(), of, scope).map(|stage| Stage::Summarize(Arc::new(stage)))
            }
        };
        if let Some(Stage::Train(train)) = &stage {
            for rung in &train.rungs {
                if self.0.iter().any(|(above, _)| *above == rung.name) {
                    let hint = "rename one: a rung of `halving` is a stage of its own";
                    scope.problem(at, format!("two stages are named `{}`", rung.name), Some(hint.into()));
                }
                self.0.push((rung.name.clone(), Some(Stage::Train(Arc::clone(rung)))));
            }
        }
        self.0.push((name, stage));
    }

    /// Returns the stage that `part` names, if `wanted` accepts it; adds a problem if there is none of this kind.
    fn find<'a, T>(
        &self,
        part: &'a str,
        kind: &str,
        wanted: fn(&Stage) -> Option<&Arc<T>>,
        scope: &mut Scope<'a>,
    ) -> Option<Arc<T>> {
        let name: String = scope.parse(part)?;
        let message = match self.0.iter().find(|(above, _)| *above == name) {
            // The problems of the stage above are reported there.
            Some((_, None)) => return None,
            Some((_, Some(stage))) => match wanted(stage) {
                Some(found) => return Some(Arc::clone(found)),
                None => format!("`{name}` is a {} stage, a {kind} stage is needed here", stage.kind()),
            },
            None => format!("no {kind} stage above is named `{name}`"),
        };
        let fits = |stage: &Option<Stage>| stage.as_ref().is_none_or(|stage| wanted(stage).is_some());
        let known: Vec<&String> =
            self.0.iter().filter(|(_, stage)| fits(stage)).map(|(name, _)| name).collect();
        scope.problem(part, message, Some(did_you_mean(&name, &known)));
        None
    }
}

fn dataset(stage: &Stage) -> Option<&Arc<Dataset>> {
    if let Stage::Dataset(dataset) = stage { Some(dataset) } else { None }
}

fn grid(stage: &Stage) -> Option<&Arc<Grid>> {
    if let Stage::Grid(grid) = stage { Some(grid) } else { None }
}

fn train(stage: &Stage) -> Option<&Arc<Train>> {
    if let Stage::Train(train) = stage { Some(train) } else { None }
}

fn summarize(stage: &Stage) -> Option<&Arc<Summarize>> {
    if let Stage::Summarize(summarize) = stage { Some(summarize) } else { None }
}
