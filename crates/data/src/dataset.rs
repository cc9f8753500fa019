use std::path::Path;

use crate::split::{Split, split};
use crate::{
    Counts, DataWarning, DatasetSettings, Error, ImageShape, Loaded, Loading, Part, Problem, Scaler, Scaling,
    Skipped, View,
};

/// A source, split and ready to be gathered into batches.
///
/// The test part is the one of the source. If there is none, the split seed draws one. With a validation part or a holdout,
/// configurations are chosen on it and the test part is kept for the end. Without, validation *is* the test part and nothing is
/// left to test on, which a report must say. A validation part without a test part serves as the test part.
#[derive(Clone, Debug)]
pub struct Dataset {
    settings: DatasetSettings,
    shape: ImageShape,
    class_names: Vec<String>,
    counts: Counts,
    skipped: Vec<Skipped>,
    warnings: Vec<DataWarning>,
    scaler: Scaler,
    /// The source's training part, or all examples if there are no parts.
    whole_train: Part,
    test: Test,
    /// Ascending indices into `whole_train`.
    train: Vec<u32>,
    validation: Validation,
}

#[derive(Clone, Debug)]
enum Test {
    Given(Part),
    /// The validation part of a source without a test part.
    GivenAsValidation(Part),
    /// Indices into all examples.
    Drawn(Vec<u32>),
}

#[derive(Clone, Debug)]
enum Validation {
    IsTest,
    Given(Part),
    /// Ascending indices into `whole_train`.
    HeldOut(Vec<u32>),
}

/// The origin of a test part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestPart {
    /// The source has a test part.
    Test,
    /// The source has a validation part and no test part.
    Validation,
    /// The split seed drew it.
    Drawn,
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
        let (counts, warnings) = (loaded.counts(), warnings(settings, &loaded));
        let classes = loaded.class_names.len();
        if settings.source.is_own() && counts.classes * MOST_EMPTY < classes {
            return Err(Error::FewClassesHaveImages { with_images: counts.classes, classes });
        }
        let Loaded { shape, class_names, train: whole_train, test, validation, skipped, .. } = loaded;
        let (test, validation) = match (test, validation) {
            (None, Some(part)) => (Some(Test::GivenAsValidation(part)), None),
            (test, validation) => (test.map(Test::Given), validation),
        };
        if validation.is_some() && settings.holdout > 0.0 {
            let message =
                format!("got {:?}, but the files have a validation part; allowed: 0.0", settings.holdout);
            return Err(Error::Settings { problems: vec![Problem { field: "holdout", message }] });
        }
        let split = split(&whole_train.labels, test.is_some(), settings);
        require_examples(&split, settings, whole_train.labels.len())?;
        let problems: Vec<_> =
            settings.augmentations.iter().filter_map(|it| it.problem_with(shape)).collect();
        if !problems.is_empty() {
            return Err(Error::Settings { problems });
        }
        let Split { train, holdout, test: drawn } = split;
        let test = test.unwrap_or_else(|| Test::Drawn(drawn.unwrap_or_default()));
        let validation = match (validation, holdout) {
            (Some(part), _) => Validation::Given(part),
            (None, Some(indices)) => Validation::HeldOut(indices),
            (None, None) => Validation::IsTest,
        };
        let scaler = Scaler::new(settings.scaling, shape, &whole_train, &train)
            .ok_or_else(|| Error::Settings { problems: vec![other_channels(shape)] })?;
        let settings = settings.clone();
        Ok(Self {
            settings,
            shape,
            class_names,
            counts,
            skipped,
            warnings,
            scaler,
            whole_train,
            test,
            train,
            validation,
        })
    }

    /// Returns the settings with which the dataset was made.
    pub fn settings(&self) -> &DatasetSettings {
        &self.settings
    }

    pub fn train(&self) -> View<'_> {
        let view = self.view(&self.whole_train, Some(&self.train));
        View { augmentations: &self.settings.augmentations, ..view }
    }

    /// Returns the examples on which configurations are chosen: the validation part, the holdout, or else the test part.
    pub fn validation(&self) -> View<'_> {
        match &self.validation {
            Validation::Given(part) => self.view(part, None),
            Validation::HeldOut(indices) => self.view(&self.whole_train, Some(indices)),
            Validation::IsTest => self.test_view(),
        }
    }

    /// Returns the test part; `None` if it serves as validation.
    pub fn test(&self) -> Option<View<'_>> {
        (!self.validation_is_test_split()).then(|| self.test_view())
    }

    /// Whether choices made on validation are made on the test part.
    pub fn validation_is_test_split(&self) -> bool {
        matches!(self.validation, Validation::IsTest)
    }

    /// Whether the validation examples are a part of the source's files and not of its training part.
    pub fn validation_is_given(&self) -> bool {
        matches!(self.validation, Validation::Given(_))
    }

    /// Returns the origin of the test part.
    pub fn test_part(&self) -> TestPart {
        match self.test {
            Test::Given(_) => TestPart::Test,
            Test::GivenAsValidation(_) => TestPart::Validation,
            Test::Drawn(_) => TestPart::Drawn,
        }
    }

    /// Whether the test part was drawn by the split seed because its source has none.
    pub fn test_is_drawn(&self) -> bool {
        self.test_part() == TestPart::Drawn
    }

    /// Returns the warnings that need no look at the pixels. [`examine`](Self::examine) returns all.
    pub fn warnings(&self) -> &[DataWarning] {
        &self.warnings
    }

    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    pub fn scaling(&self) -> Scaling {
        self.settings.scaling
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

    /// Returns an error if there is only one class, which leaves nothing to classify.
    pub fn require_classes(&self) -> Result<(), Error> {
        let one = self.warnings.iter().find_map(|warning| match warning {
            DataWarning::OneClass { name } => Some(name.clone()),
            _ => None,
        });
        one.map_or(Ok(()), |class| Err(Error::OneClass { class }))
    }

    /// Returns the size of the source before the split.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Returns the official size, if the source has another size.
    pub fn partial_of(&self) -> Option<Counts> {
        self.settings.source.official().filter(|official| *official != self.counts)
    }

    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    fn test_view(&self) -> View<'_> {
        match &self.test {
            Test::Given(part) | Test::GivenAsValidation(part) => self.view(part, None),
            Test::Drawn(indices) => self.view(&self.whole_train, Some(indices)),
        }
    }

    fn view<'a>(&'a self, part: &'a Part, indices: Option<&'a [u32]>) -> View<'a> {
        View { part, shape: self.shape, scaler: self.scaler, augmentations: &[], indices }
    }
}

/// A class without images is an output that nothing teaches. If fewer than one of this many classes has an image, the labels
/// are wrong.
const MOST_EMPTY: usize = 10;

fn warnings(settings: &DatasetSettings, loaded: &Loaded) -> Vec<DataWarning> {
    let (source, found) = (&settings.source, loaded.counts());
    let mut warnings = Vec::new();
    if !settings.official {
        warnings.push(DataWarning::NotOfficial { source: source.name() });
    }
    if let Some(official) = source.official().filter(|official| *official != found) {
        warnings.push(DataWarning::Partial { found, official });
    }
    warnings.extend(loaded.warnings.iter().cloned());
    if !loaded.skipped.is_empty() {
        warnings.push(DataWarning::Skipped { pictures: loaded.skipped.len() });
    }
    let with_images = loaded.class_names.iter().zip(loaded.has_images());
    let (with_images, names): (Vec<_>, Vec<_>) = with_images.partition(|(_, has_images)| *has_images);
    let names: Vec<String> = names.into_iter().map(|(name, _)| name.clone()).collect();
    // The counts of a partial copy say the same.
    if !names.is_empty() && source.official().is_none() {
        warnings.push(DataWarning::EmptyClasses { names, classes: loaded.class_names.len() });
    }
    if let [(name, _)] = with_images[..] {
        warnings.push(DataWarning::OneClass { name: name.clone() });
    }
    warnings
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
