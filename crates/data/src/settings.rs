//! The settings of a dataset in a pipeline file.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Augmentation, Error, Fingerprint, Problem, Scaling, Source};

/// The images of a dataset, their scaling and their splits.
///
/// A field with its default value is left out of the text. An option added later therefore changes neither today's texts
/// nor the keys made from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetSettings {
    /// The source of the images.
    pub source: Source,
    /// Whether the files must be those that the authors publish, if the source has such files.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub official: bool,
    /// How a pixel becomes an input of the network.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scaling: Scaling,
    /// The share of the training examples that is used, after the holdout was taken away; in (0, 1].
    #[serde(default = "everything", skip_serializing_if = "is_everything")]
    pub fraction: f64,
    /// The share of the training examples that is held out for validation; in [0, 1), 0 for none. If the source has no
    /// official test part, the share of the examples that remain after one was drawn.
    #[serde(default, skip_serializing_if = "is_default")]
    pub holdout: f64,
    /// The seed that decides which examples are held out and which are used.
    #[serde(default, skip_serializing_if = "is_default")]
    pub split_seed: u64,
    /// Random changes of training images, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub augmentations: Vec<Augmentation>,
}

impl DatasetSettings {
    /// Returns the settings for all of `source`, with standard scaling and no holdout.
    pub fn of(source: Source) -> Self {
        Self {
            source,
            official: true,
            scaling: Scaling::default(),
            fraction: everything(),
            holdout: 0.0,
            split_seed: 0,
            augmentations: Vec::new(),
        }
    }

    /// Returns the name of the source for people, which says whether its files are official ones.
    pub fn name(&self) -> String {
        let name = self.source.name();
        if self.official { name.to_owned() } else { format!("{name} (not the official files)") }
    }

    /// Whether there can be a test split next to a validation split: with a holdout, or with files that may have a validation part.
    pub fn may_have_test_split(&self) -> bool {
        self.holdout > 0.0 || self.source.has_test_part().is_none()
    }

    /// Hashes everything that determines the images.
    ///
    /// # Errors
    /// If the files must be official ones and are not.
    pub fn fingerprint(&self, data_dir: &Path) -> Result<Fingerprint, Error> {
        match self.official {
            true => self.source.official_fingerprint(data_dir),
            false => self.source.fingerprint(data_dir),
        }
    }

    /// Returns the same settings with empty paths, for keys: the fingerprint says which files the paths led to.
    pub fn without_paths(&self) -> Self {
        Self { source: self.source.without_paths(), ..self.clone() }
    }

    /// Returns every value that is not allowed.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.source.problems();
        if !self.official && self.source.official().is_none() {
            let message = format!("got false, but {} has no official files", self.source.name());
            problems.push(Problem { field: "official", message });
        }
        if !(self.fraction > 0.0 && self.fraction <= 1.0) {
            let message = format!("got {:?}, allowed: more than 0.0, at most 1.0", self.fraction);
            problems.push(Problem { field: "fraction", message });
        }
        if !(self.holdout >= 0.0 && self.holdout < 1.0) {
            let message = format!("got {:?}, allowed: at least 0.0, less than 1.0", self.holdout);
            problems.push(Problem { field: "holdout", message });
        }
        problems.extend(self.scaling.problems());
        problems.extend(self.augmentations.iter().filter_map(|augmentation| augmentation.problem()));
        problems
    }
}

fn yes() -> bool {
    true
}

fn is_yes(answer: &bool) -> bool {
    *answer
}

fn everything() -> f64 {
    1.0
}

fn is_everything(fraction: &f64) -> bool {
    *fraction == everything()
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Glyphs;

    #[test]
    fn settings_at_their_defaults_are_left_out_of_the_text() {
        let settings = DatasetSettings::of(Source::Glyphs(Glyphs::default()));
        assert_eq!(ron::to_string(&settings).expect("settings are plain data"), "(source:Glyphs(()))");
        let settings = DatasetSettings {
            source: Source::Glyphs(Glyphs { train: 100, ..Glyphs::default() }),
            official: true,
            scaling: Scaling::ZeroOne,
            fraction: 0.5,
            holdout: 0.1,
            split_seed: 7,
            augmentations: vec![Augmentation::Zoom { largest: 0.5 }, Augmentation::HorizontalFlip],
        };
        let text = ron::to_string(&settings).expect("settings are plain data");
        insta::assert_snapshot!(text, @"(source:Glyphs((train:100)),scaling:ZeroOne,fraction:0.5,holdout:0.1,split_seed:7,augmentations:[Zoom(largest:0.5),HorizontalFlip])");
        assert_eq!(ron::from_str::<DatasetSettings>(&text).expect("what was written can be read"), settings);
    }

    #[test]
    fn paths_and_nothing_else_are_left_out_of_a_key() {
        let text =
            "(source:Idx((images:\"a\",labels:\"b\",test:Some((images:\"c\",labels:\"d\")))),holdout:0.5)";
        let settings: DatasetSettings = ron::from_str(text).expect("it is written as documented");
        assert_eq!(ron::to_string(&settings).expect("settings are plain data"), text);
        insta::assert_snapshot!(ron::to_string(&settings.without_paths()).expect("settings are plain data"), @r#"(source:Idx((images:"",labels:"",test:Some((images:"",labels:"")))),holdout:0.5)"#);
        let folder = crate::ImageFolder { path: "/home/me".into(), size: Some(9), skip_damaged: true };
        let folder = DatasetSettings::of(Source::ImageFolder(folder)).without_paths();
        insta::assert_snapshot!(ron::to_string(&folder).expect("settings are plain data"), @r#"(source:ImageFolder((path:"",size:Some(9),skip_damaged:true)))"#);
        let cifar10 = DatasetSettings::of(Source::Cifar10);
        assert_eq!(cifar10.without_paths(), cifar10);
    }

    #[test]
    fn unknown_settings_are_refused() {
        assert!(ron::from_str::<DatasetSettings>("(source: Mnist, fractoin: 0.5)").is_err());
        assert!(ron::from_str::<DatasetSettings>("(source: Glyphs((trian: 100)))").is_err());
    }

    #[test]
    fn every_problem_is_reported_not_only_the_first() {
        let settings = DatasetSettings {
            source: Source::Glyphs(Glyphs { train: 9, test: 2_000_000, seed: 0 }),
            fraction: f64::NAN,
            holdout: 1.0,
            ..DatasetSettings::of(Source::Mnist)
        };
        let text: Vec<_> =
            settings.problems().iter().map(|it| format!("{}: {}", it.field, it.message)).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        source.train: got 9, allowed: 10 (one example per class) to 1000000
        source.test: got 2000000, allowed: 10 (one example per class) to 1000000
        fraction: got NaN, allowed: more than 0.0, at most 1.0
        holdout: got 1.0, allowed: at least 0.0, less than 1.0
        ");
    }
}
