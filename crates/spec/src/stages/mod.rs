//! What kinds of stages are there? Each file reads one, checks it and holds its checked form.

mod dataset;
mod grid;
mod summarize;
mod train;

use ron::value::RawValue;
use serde::Deserialize;

pub use dataset::Dataset;
pub use grid::{Grid, Points};
pub use summarize::{EpochRule, Expectation, Summarize};
pub use train::DIVERGENCE_FACTOR;
pub use train::Train;

use crate::file::{Scope, written_text};

/// A checked stage of a pipeline.
#[derive(Clone, Debug)]
pub enum Stage {
    /// Images to train on.
    Dataset(Dataset),
    /// Configurations to compare.
    Grid(Grid),
    /// Trials: configurations of a grid times seeds, on a dataset.
    Train(Train),
    /// A table of trials.
    Summarize(Summarize),
}

impl Stage {
    /// Its name in the file.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Dataset(stage) => &stage.name,
            Self::Grid(stage) => &stage.name,
            Self::Train(stage) => &stage.name,
            Self::Summarize(stage) => &stage.name,
        }
    }

    /// As a pipeline file spells it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dataset(_) => "Dataset",
            Self::Grid(_) => "Grid",
            Self::Train(_) => "Train",
            Self::Summarize(_) => "Summarize",
        }
    }
}

/// A stage as written.
#[derive(Deserialize)]
#[serde(rename = "Stage")]
enum Written<'a> {
    /// Which images, how scaled, and how split.
    #[serde(borrow)]
    Dataset(dataset::Written<'a>),
    /// The axes whose every combination is compared.
    #[serde(borrow)]
    Grid(grid::Written<'a>),
    /// Trials: every configuration of a grid with every seed, on a dataset.
    #[serde(borrow)]
    Train(train::Written<'a>),
    /// A table of what the trials of some train stages amount to, over seeds.
    #[serde(borrow)]
    Summarize(summarize::Written<'a>),
}

/// Reads the stage that `part` holds and adds it, or its problems, to `scope`.
pub(crate) fn check<'a>(part: &'a RawValue, scope: &mut Scope<'a>) {
    let part = written_text(part);
    let Some(written) = scope.parse::<Written>(part) else {
        // References to a stage that cannot be read are no problems of their own.
        if let Ok(name) =
            scope.document.parse::<String>(crate::file::quoted(scope.document.field(part, "name")))
        {
            scope.stages.push((name, None));
        }
        return;
    };
    let name = match &written {
        Written::Dataset(written) => written.name,
        Written::Grid(written) => written.name,
        Written::Train(written) => written.name,
        Written::Summarize(written) => written.name,
    };
    let Some(name) = scope.folder_name(written_text(name)) else { return };
    if scope.stages.iter().any(|(above, _)| *above == name) {
        let at = scope.document.field(part, "name");
        scope.problem(
            at,
            format!("two stages are named `{name}`"),
            Some("a stage's name is its folder and how others refer to it: rename one".into()),
        );
    }
    let stage = match written {
        Written::Dataset(written) => written.check(part, name.clone(), scope).map(Stage::Dataset),
        Written::Grid(written) => written.check(name.clone(), scope).map(Stage::Grid),
        Written::Train(written) => written.check(part, name.clone(), scope).map(Stage::Train),
        Written::Summarize(written) => written.check(part, name.clone(), scope).map(Stage::Summarize),
    };
    scope.stages.push((name, stage));
}
