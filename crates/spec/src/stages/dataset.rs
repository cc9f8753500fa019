//! `Dataset`: which images, how scaled, and how split.

use data::{Augmentation, DatasetSettings, Scaling, Source};
use ron::value::RawValue;
use serde::Deserialize;

use crate::file::{Scope, written_text};

/// As written; the fields are those of [`DatasetSettings`].
#[derive(Deserialize)]
#[serde(rename = "Dataset", deny_unknown_fields)]
pub(super) struct Written<'a> {
    /// How other stages call it.
    ///
    /// Type: text that can name a folder. Example: `"images"`.
    #[serde(borrow)]
    pub name: &'a RawValue,
    /// Where the images come from.
    ///
    /// Type: [`Source`], its bare name where all settings are at their defaults.
    #[serde(borrow)]
    source: &'a RawValue,
    /// How a pixel becomes an input of the network.
    ///
    /// Default: `Standard`.
    #[serde(default)]
    scaling: Option<Scaling>,
    /// The share of the training examples that is trained on, after the holdout was taken away.
    ///
    /// Allowed: above 0, at most 1. Default: `1.0`. Example: `0.5`.
    #[serde(default)]
    fraction: Option<f64>,
    /// The share of all training examples that is kept for validation. Without one, validation is the test part.
    ///
    /// Allowed: at least 0, below 1. Default: `0.0`. Example: `0.1`.
    #[serde(default)]
    holdout: Option<f64>,
    /// Decides which examples are held out and which are used.
    ///
    /// Default: `0`.
    #[serde(default)]
    split_seed: Option<u64>,
    /// Random changes of training images, anew in each epoch.
    ///
    /// Default: `[]`. Example: `[Translation(largest: 0.1), HorizontalFlip]`.
    #[serde(default)]
    augmentations: Option<Vec<Augmentation>>,
}

/// Images to train on.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Of the stage.
    pub name: String,
    /// Which images.
    pub settings: DatasetSettings,
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
