//! Everything a training run sees.

use std::path::Path;

use crate::split::{Split, split};
use crate::{DatasetSettings, Error, ImageShape, Loaded, Part, Scaling, View};

/// A source, split and ready to be gathered into batches.
///
/// With a holdout, examples are chosen on the holdout and the official test part is kept for the end. Without one,
/// validation *is* the official test part and there is nothing left to test on, which a report must say.
#[derive(Clone, Debug)]
pub struct Dataset {
    shape: ImageShape,
    class_names: Vec<String>,
    scaling: Scaling,
    official_train: Part,
    official_test: Part,
    /// Indices into the official training part.
    train: Vec<u32>,
    /// Indices into the official training part; `None` without a holdout.
    holdout: Option<Vec<u32>>,
}

impl Dataset {
    /// Reads the source under `data_dir` and splits it.
    pub fn load(settings: &DatasetSettings, data_dir: &Path) -> Result<Self, Error> {
        let problems = settings.problems();
        if !problems.is_empty() {
            return Err(Error::Settings { problems });
        }
        Self::new(settings, settings.source.load(data_dir)?)
    }

    /// Splits what is already in memory. The settings have no [`problems`](DatasetSettings::problems).
    pub fn new(settings: &DatasetSettings, loaded: Loaded) -> Result<Self, Error> {
        let Split { train, holdout } = split(&loaded.train.labels, settings);
        let empty =
            |part| Error::EmptySplit { part, settings: settings.clone(), of: loaded.train.labels.len() };
        if holdout.as_ref().is_some_and(Vec::is_empty) {
            return Err(empty("validation"));
        }
        if train.is_empty() {
            return Err(empty("training"));
        }
        Ok(Self {
            shape: loaded.shape,
            class_names: loaded.class_names,
            scaling: settings.scaling,
            official_train: loaded.train,
            official_test: loaded.test,
            train,
            holdout,
        })
    }

    /// The examples weights are learned from.
    #[must_use]
    pub fn train(&self) -> View<'_> {
        self.view(&self.official_train, Some(&self.train))
    }

    /// The examples configurations are chosen on: the holdout, or else the official test part.
    #[must_use]
    pub fn validation(&self) -> View<'_> {
        match &self.holdout {
            Some(holdout) => self.view(&self.official_train, Some(holdout)),
            None => self.view(&self.official_test, None),
        }
    }

    /// The official test part, or `None` when it already serves as validation.
    #[must_use]
    pub fn test(&self) -> Option<View<'_>> {
        self.holdout.as_ref().map(|_| self.view(&self.official_test, None))
    }

    /// Whether choices made on validation were made on the official test part.
    #[must_use]
    pub fn validation_is_test_split(&self) -> bool {
        self.holdout.is_none()
    }

    /// The shape of every image.
    #[must_use]
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// How pixels become inputs.
    #[must_use]
    pub fn scaling(&self) -> Scaling {
        self.scaling
    }

    /// `[classes]`, in the order of the labels.
    #[must_use]
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// How many classes there are, including any that a small split happens to lack.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.class_names.len()
    }

    fn view<'a>(&'a self, part: &'a Part, indices: Option<&'a [u32]>) -> View<'a> {
        View { part, shape: self.shape, scaling: self.scaling, indices }
    }
}
