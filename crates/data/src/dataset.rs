use std::path::Path;

use crate::split::{Split, split};
use crate::{
    Augmentation, Counts, DatasetSettings, Error, ImageShape, Loaded, Loading, Part, Problem, Scaler,
    Scaling, Skipped, View,
};

/// A source, split and ready to be gathered into batches.
///
/// The test part is the official one. If there is none, the split seed draws one. With a holdout, configurations are chosen
/// on the holdout and the test part is kept for the end. Without a holdout, validation *is* the test part and nothing is
/// left to test on, which a report must say.
#[derive(Clone, Debug)]
pub struct Dataset {
    shape: ImageShape,
    class_names: Vec<String>,
    counts: Counts,
    official: Option<Counts>,
    skipped: Vec<Skipped>,
    scaling: Scaling,
    scaler: Scaler,
    augmentations: Vec<Augmentation>,
    /// The official training part, or all examples if there are no official parts.
    official_train: Part,
    test: Test,
    /// Ascending indices into `official_train`.
    train: Vec<u32>,
    /// Ascending indices into `official_train`; `None` without a holdout.
    holdout: Option<Vec<u32>>,
}

#[derive(Clone, Debug)]
enum Test {
    Official(Part),
    /// Indices into all examples.
    Drawn(Vec<u32>),
}

impl Dataset {
    /// Reads the source under `data_dir` and splits it. Decoded pictures are not kept.
    pub fn load(settings: &DatasetSettings, data_dir: &Path) -> Result<Self, Error> {
        Self::load_with(settings, &Loading::from(data_dir))
    }

    /// Reads the source or maps its decoded pictures, and splits it.
    pub fn load_with(settings: &DatasetSettings, loading: &Loading<'_>) -> Result<Self, Error> {
        let problems = settings.problems();
        if !problems.is_empty() {
            return Err(Error::Settings { problems });
        }
        Self::new(settings, settings.source.load_with(loading)?)
    }

    /// Splits a loaded source. The settings must have no [`problems`](DatasetSettings::problems).
    pub fn new(settings: &DatasetSettings, loaded: Loaded) -> Result<Self, Error> {
        let counts = loaded.counts();
        let Loaded { shape, class_names, train: official_train, test: official_test, skipped, .. } = loaded;
        let split = split(&official_train.labels, official_test.is_some(), settings);
        require_examples(&split, settings, official_train.labels.len())?;
        let augmentations = settings.augmentations.clone();
        let problems: Vec<_> = augmentations.iter().filter_map(|it| it.problem_with(shape)).collect();
        if !problems.is_empty() {
            return Err(Error::Settings { problems });
        }
        let Split { train, holdout, test } = split;
        let test = match official_test {
            Some(official) => Test::Official(official),
            None => Test::Drawn(test.unwrap_or_default()),
        };
        let scaler = Scaler::new(settings.scaling, shape, &official_train, &train)
            .ok_or_else(|| Error::Settings { problems: vec![other_channels(shape)] })?;
        Ok(Self {
            shape,
            class_names,
            counts,
            official: settings.source.official(),
            skipped,
            scaling: settings.scaling,
            scaler,
            augmentations,
            official_train,
            test,
            train,
            holdout,
        })
    }

    pub fn train(&self) -> View<'_> {
        let view = self.view(&self.official_train, Some(&self.train));
        View { augmentations: &self.augmentations, ..view }
    }

    /// Returns the examples on which configurations are chosen: the holdout, or without one the test part.
    pub fn validation(&self) -> View<'_> {
        match &self.holdout {
            Some(holdout) => self.view(&self.official_train, Some(holdout)),
            None => self.test_part(),
        }
    }

    /// Returns the test part; `None` if it serves as validation.
    pub fn test(&self) -> Option<View<'_>> {
        self.holdout.as_ref().map(|_| self.test_part())
    }

    /// Whether choices made on validation are made on the test part.
    pub fn validation_is_test_split(&self) -> bool {
        self.holdout.is_none()
    }

    /// Whether the test part was drawn by the split seed because its source has no official one.
    pub fn test_is_drawn(&self) -> bool {
        matches!(self.test, Test::Drawn(_))
    }

    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    pub fn scaling(&self) -> Scaling {
        self.scaling
    }

    pub fn scaler(&self) -> &Scaler {
        &self.scaler
    }

    /// Returns `[classes]`, in the order of the labels.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// Returns the number of classes, including classes without examples in a small split.
    pub fn classes(&self) -> usize {
        self.class_names.len()
    }

    /// Returns the size of the source before the split.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Returns the official size, if the source has another size.
    pub fn partial_of(&self) -> Option<Counts> {
        self.official.filter(|official| *official != self.counts)
    }

    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    fn test_part(&self) -> View<'_> {
        match &self.test {
            Test::Official(part) => self.view(part, None),
            Test::Drawn(indices) => self.view(&self.official_train, Some(indices)),
        }
    }

    fn view<'a>(&'a self, part: &'a Part, indices: Option<&'a [u32]>) -> View<'a> {
        View { part, shape: self.shape, scaler: self.scaler, augmentations: &[], indices }
    }
}

fn require_examples(split: &Split, settings: &DatasetSettings, of: usize) -> Result<(), Error> {
    let DatasetSettings { holdout, fraction, .. } = *settings;
    let lists = [
        ("test", split.test.as_ref()),
        ("validation", split.holdout.as_ref()),
        ("training", Some(&split.train)),
    ];
    match lists.into_iter().find(|(_, indices)| indices.is_some_and(Vec::is_empty)) {
        Some((part, _)) => Err(Error::EmptySplit { part, holdout, fraction, of }),
        None => Ok(()),
    }
}

fn other_channels(shape: ImageShape) -> Problem {
    let (channels, allowed) = if shape.channels == 1 { (3, "Grey") } else { (1, "Color") };
    let message = format!(
        "got values for {channels} channel(s), the images have {}; allowed: `Measured`, `{allowed}`",
        shape.channels
    );
    Problem { field: "scaling", message }
}
