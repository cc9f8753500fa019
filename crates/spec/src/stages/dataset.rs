//! `Dataset`: images, their scaling and their split.

use data::{Augmentation, DatasetSettings, Scaling, Source};
use ron::value::RawValue;
use serde::Deserialize;

use crate::{
    scope::{Scope, written_text},
    stage::Dataset,
};

/// A dataset as it is written; the fields are those of [`DatasetSettings`].
#[derive(Deserialize)]
#[serde(rename = "Dataset", deny_unknown_fields)]
pub(super) struct Written<'a> {
    /// The name that other stages refer to.
    ///
    /// Type: text that can name a folder. Example: `"images"`.
    #[serde(borrow)]
    pub name: &'a RawValue,
    /// The source of the images.
    ///
    /// Type: [`Source`], its bare name if all settings are at their defaults.
    #[serde(borrow)]
    source: &'a RawValue,
    /// Whether the files must be those that the authors publish. With `false`, files of the same names and other content are
    /// used, and results name them so.
    ///
    /// Default: `true`.
    #[serde(default)]
    official: Option<bool>,
    /// How a pixel becomes an input of the network.
    ///
    /// Default: `Standard`.
    #[serde(default)]
    scaling: Option<Scaling>,
    /// The fraction of the training examples that is used, after the holdout is taken away.
    ///
    /// Allowed: above 0, at most 1. Default: `1.0`. Example: `0.5`.
    #[serde(default)]
    fraction: Option<f64>,
    /// The fraction of all training examples that is kept for validation. Without a holdout, the test split is used for validation.
    ///
    /// Allowed: at least 0, below 1. Default: `0.0`. Example: `0.1`.
    #[serde(default)]
    holdout: Option<f64>,
    /// The seed that decides which examples are held out and which are used.
    ///
    /// Default: `0`.
    #[serde(default)]
    split_seed: Option<u64>,
    /// Random changes of the training images, different in each epoch.
    ///
    /// Default: `[]`. Example: `[Translation(largest: 0.1), HorizontalFlip]`.
    #[serde(default)]
    augmentations: Option<Vec<Augmentation>>,
}

impl<'a> Written<'a> {
    pub(super) fn check(self, part: &'a str, name: String, scope: &mut Scope<'a>) -> Option<Dataset> {
        let source: Source = match scope.document.parse_variant(written_text(self.source)) {
            Ok(source) => source,
            Err(problem) => {
                scope.problems.push(problem);
                return None;
            }
        };
        let defaults = DatasetSettings::of(source);
        let settings = DatasetSettings {
            official: self.official.unwrap_or(defaults.official),
            scaling: self.scaling.unwrap_or(defaults.scaling),
            fraction: self.fraction.unwrap_or(defaults.fraction),
            holdout: self.holdout.unwrap_or(defaults.holdout),
            split_seed: self.split_seed.unwrap_or(defaults.split_seed),
            augmentations: self.augmentations.unwrap_or_default(),
            ..defaults
        };
        let problems = settings.problems();
        for problem in &problems {
            let field = problem.field.split('.').next().unwrap_or(problem.field);
            let at = scope.document.field(part, field);
            scope.problem(at, format!("`{}`: {}", problem.field, problem.message), None);
        }
        problems.is_empty().then_some(Dataset { name, settings })
    }
}
