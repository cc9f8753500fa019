//! Everything a training run sees.

use std::path::{Path, PathBuf};

use crate::split::{Split, split, split_with_test};
use crate::{
    Augmentation, Counts, DatasetSettings, Error, ImageShape, Loaded, Loading, Part, Problem, Scaler,
    Scaling, Skipped, View,
};

/// A source, split and ready to be gathered into batches.
///
/// The test part is the official one or, where there is none, drawn by the split seed. With a holdout, examples are
/// chosen on the holdout and the test part is kept for the end. Without one, validation *is* the test part and there
/// is nothing left to test on, which a report must say.
#[derive(Clone, Debug)]
pub struct Dataset {
    shape: ImageShape,
    class_names: Vec<String>,
    counts: Counts,
    official: Option<Counts>,
    skipped: Vec<Skipped>,
    decoded_in: Option<PathBuf>,
    scaling: Scaling,
    scaler: Scaler,
    augmentations: Vec<Augmentation>,
    /// Everything, where there are no official parts.
    official_train: Part,
    test: Test,
    /// Indices into the official training part.
    train: Vec<u32>,
    /// Indices into the official training part; `None` without a holdout.
    holdout: Option<Vec<u32>>,
}

/// Where the test examples are.
#[derive(Clone, Debug)]
enum Test {
    Official(Part),
    /// Indices into everything.
    Drawn(Vec<u32>),
}

impl Dataset {
    /// Reads the source under `data_dir` and splits it, keeping nothing.
    pub fn load(settings: &DatasetSettings, data_dir: &Path) -> Result<Self, Error> {
        Self::load_with(settings, &Loading::from(data_dir))
    }

    /// Reads the source, or maps what was decoded before, and splits it.
    pub fn load_with(settings: &DatasetSettings, loading: &Loading<'_>) -> Result<Self, Error> {
        let problems = settings.problems();
        if !problems.is_empty() {
            return Err(Error::Settings { problems });
        }
        Self::new(settings, settings.source.load_with(loading)?)
    }

    /// Splits what is already loaded. The settings have no [`problems`](DatasetSettings::problems).
    pub fn new(settings: &DatasetSettings, loaded: Loaded) -> Result<Self, Error> {
        let counts = loaded.counts();
        let Loaded { shape, class_names, train: official_train, test: official_test, skipped, decoded_in } =
            loaded;
        let split = match official_test {
            Some(_) => split(&official_train.labels, settings),
            None => split_with_test(&official_train.labels, settings),
        };
        require_examples(&split, settings, official_train.labels.len())?;
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
            decoded_in,
            scaling: settings.scaling,
            scaler,
            augmentations: settings.augmentations.clone(),
            official_train,
            test,
            train,
            holdout,
        })
    }

    /// The examples weights are learned from.
    #[must_use]
    pub fn train(&self) -> View<'_> {
        let view = self.view(&self.official_train, Some(&self.train));
        View { augmentations: &self.augmentations, ..view }
    }

    /// The examples configurations are chosen on: the holdout, or else the test part.
    #[must_use]
    pub fn validation(&self) -> View<'_> {
        match &self.holdout {
            Some(holdout) => self.view(&self.official_train, Some(holdout)),
            None => self.test_part(),
        }
    }

    /// The test part, or `None` when it already serves as validation.
    #[must_use]
    pub fn test(&self) -> Option<View<'_>> {
        self.holdout.as_ref().map(|_| self.test_part())
    }

    /// Whether choices made on validation were made on the test part.
    #[must_use]
    pub fn validation_is_test_split(&self) -> bool {
        self.holdout.is_none()
    }

    /// Whether the test part was drawn by the split seed, because its source has no official one.
    #[must_use]
    pub fn test_is_drawn(&self) -> bool {
        matches!(self.test, Test::Drawn(_))
    }

    /// The shape of every image.
    #[must_use]
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// How pixels become inputs, as the settings say.
    #[must_use]
    pub fn scaling(&self) -> Scaling {
        self.scaling
    }

    /// How pixels become inputs, in numbers.
    #[must_use]
    pub fn scaler(&self) -> &Scaler {
        &self.scaler
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

    /// How much of the source is there, whether used or not.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How much its authors publish, when that is another number than is there.
    #[must_use]
    pub fn partial_of(&self) -> Option<Counts> {
        self.official.filter(|official| *official != self.counts)
    }

    /// Damaged pictures that were left out, because the settings say so.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The file of decoded pictures the images are mapped from, if they are.
    #[must_use]
    pub fn decoded_in(&self) -> Option<&Path> {
        self.decoded_in.as_deref()
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
    let lists = [("test", split.test.as_ref()), ("validation", split.holdout.as_ref())];
    let empty = lists
        .into_iter()
        .chain([("training", Some(&split.train))])
        .find_map(|(part, indices)| indices.is_some_and(Vec::is_empty).then_some(part));
    match empty {
        Some(part) => {
            let DatasetSettings { holdout, fraction, .. } = *settings;
            Err(Error::EmptySplit { part, holdout, fraction, of })
        }
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
