//! The account of a dataset: its size, and how each split came about.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::counts::{counted, some_of};
use crate::dataset::{Dataset, TestPart};
use crate::{DatasetSettings, ImageShape};

/// The size of a dataset and the origin of its splits, as text for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The name of the source: `MNIST`, or `MNIST (not the official files)`.
    pub source: String,
    /// The number and the shape of all images, and their classes.
    pub images: String,
    /// The splits: `60,000 training images`, and how each other one came about.
    pub splits: Vec<String>,
}

impl fmt::Display for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, images, splits } = self;
        write!(formatter, "{source}: {images}; {}", splits.join("; "))
    }
}

impl Dataset {
    pub fn account(&self) -> Account {
        let settings = self.settings();
        let DatasetSettings { fraction, holdout, split_seed, .. } = *settings;
        let mut training = counted(self.train().len(), "training image");
        if fraction < 1.0 {
            training += &format!(", {}", share(fraction, split_seed));
        }
        let test = match self.test_part() {
            TestPart::Test => given_test(settings),
            TestPart::Validation => GIVEN_VALIDATION.to_owned(),
            TestPart::Drawn => drawn_test(split_seed),
        };
        let validation = match self.validation_is_test_split() {
            true => test.clone(),
            false if holdout > 0.0 => held_out(holdout, split_seed),
            false => GIVEN_VALIDATION.to_owned(),
        };
        let mut splits = vec![training];
        splits.push(format!("{}, {validation}", counted(self.validation().len(), "validation image")));
        splits.extend(self.test().map(|view| format!("{}, {test}", counted(view.len(), "test image"))));
        Account { source: settings.name(), images: self.images_in_words(), splits }
    }

    fn images_in_words(&self) -> String {
        let ImageShape { channels, height, width } = self.shape();
        let color = if channels == 1 { "grey" } else { "color" };
        let images = counted(self.counts().images, &format!("{color} {height}x{width} image"));
        let names = self.class_names();
        // Classes that have only numbers are not worth a list.
        let is_numbered = names.iter().enumerate().all(|(label, name)| *name == label.to_string());
        let names = if is_numbered { String::new() } else { format!(" ({})", some_of(names)) };
        format!("{images}, {}{names}", counted(self.classes(), "class"))
    }
}

impl DatasetSettings {
    /// Returns the origin of the splits, as far as the settings alone decide it.
    pub fn splits_in_words(&self) -> String {
        let Self { source, holdout, split_seed, .. } = self;
        let test = match source.has_test_part() {
            Some(true) => given_test(self),
            Some(false) => drawn_test(*split_seed),
            None => format!("the parts in the files, or {}", drawn_test(*split_seed)),
        };
        if *holdout == 0.0 {
            return format!("validation on {test}");
        }
        format!("validation on {}; test on {test}", held_out(*holdout, *split_seed))
    }
}

const GIVEN_VALIDATION: &str = "the validation part in the files";

fn given_test(settings: &DatasetSettings) -> String {
    let source = &settings.source;
    match (source.official().is_some() && settings.official, source.official().is_some() || source.is_own()) {
        (true, _) => "the official test split".to_owned(),
        (false, true) => "the test part in the files".to_owned(),
        (false, false) => "the test split of the source".to_owned(),
    }
}

fn drawn_test(split_seed: u64) -> String {
    format!("a fifth of each class, drawn by split seed {split_seed}")
}

fn held_out(holdout: f64, split_seed: u64) -> String {
    format!("held out: {}", share(holdout, split_seed))
}

fn share(share: f64, split_seed: u64) -> String {
    format!("{share} of each class, drawn by split seed {split_seed}")
}
