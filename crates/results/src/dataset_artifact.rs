//! The files that describe a dataset: numbers for a paper, and the exact split, so that another machine can check that it has
//! the same one.

use std::fmt::Write as _;

use data::{Account, Counts, DataWarning, Dataset, Duplicates, Examination, Skipped, TestPart, View};
use ron::ser::PrettyConfig;
use serde::{Deserialize, Serialize};
use store::{Artifact, StoreError};

const DESCRIPTION: &str = "dataset.ron";
const SPLIT: &str = "split.ron";

const SPLIT_HEADER: &str = "\
// Which images each split has: first to last, counted from 0, in the order of the official files, or of all pictures
// that were not skipped, sorted by the bytes of their paths. Equal texts are equal splits.
";

#[derive(Serialize)]
struct Description<'a> {
    source: &'a str,
    /// The size and the origin of each split in words.
    account: Account,
    /// The facts that a reader of results must know.
    warnings: Vec<String>,
    /// The reason why results cannot be compared with results on the official images.
    #[serde(skip_serializing_if = "Option::is_none")]
    other_images: Option<String>,
    images: usize,
    /// The size that its authors publish, if the files on disk are only a part.
    #[serde(skip_serializing_if = "Option::is_none")]
    partial_of: Option<Counts>,
    channels: usize,
    height: usize,
    width: usize,
    classes: &'a [String],
    train: Examples,
    validation: Examples,
    test: Option<Examples>,
    validation_is_test_split: bool,
    /// Whether the validation split is a part of the files and not of their training part.
    #[serde(skip_serializing_if = "is_false")]
    validation_is_given: bool,
    /// Whether the split seed draws the test split, because there is no official one.
    test_is_drawn: bool,
    /// The numbers of images that equal an earlier one in every pixel.
    duplicates: Duplicates,
    /// The damaged pictures that were left out.
    skipped: &'a [Skipped],
}

#[derive(Serialize)]
struct Examples {
    images: usize,
    /// The number of images in each class, `[classes]`.
    per_class: Vec<usize>,
}

#[derive(Serialize)]
struct Split {
    train: Indices,
    validation: Indices,
    test: Option<Indices>,
}

#[derive(Serialize)]
struct Indices {
    /// The images that the indices refer to.
    of: &'static str,
    images: String,
}

/// The content of a dataset's artifact that reports show.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Stated {
    /// The size and the origin of each split; none if an earlier version wrote the artifact.
    #[serde(default)]
    pub account: Option<Account>,
    /// The facts that a reader of results must know, a sentence each.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The reason why results cannot be compared with results on the official images: only a part of them is there, or the
    /// files are other ones.
    #[serde(default)]
    pub other_images: Option<String>,
    /// Whether the files have a validation part next to a test part.
    #[serde(default)]
    validation_is_given: bool,
    train: Images,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Images {
    images: u64,
}

impl Stated {
    /// Reads a dataset's artifact; returns none if another version wrote it in another form.
    pub fn read(artifact: &Artifact) -> Result<Option<Self>, StoreError> {
        Ok(ron::Options::default()
            .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME)
            .from_bytes(&artifact.read(DESCRIPTION)?)
            .ok())
    }

    /// Reads the artifact of `dataset`, which was just loaded. Files that are not read are not part of an artifact's key, so the
    /// warnings about them come from the dataset.
    pub fn of_loaded(artifact: &Artifact, dataset: &Dataset) -> Result<Self, StoreError> {
        let mut stated = Self::read(artifact)?.unwrap_or_else(|| Self {
            account: None,
            warnings: Vec::new(),
            other_images: None,
            validation_is_given: dataset.validation_is_given(),
            train: Images { images: dataset.train().len() as u64 },
        });
        stated.account = Some(dataset.account());
        let warnings = dataset.warnings().iter().map(DataWarning::to_string);
        let new: Vec<String> = warnings.filter(|warning| !stated.warnings.contains(warning)).collect();
        stated.warnings.extend(new);
        Ok(stated)
    }

    /// Whether the files have a validation part next to a test part, so that no `holdout` is needed.
    pub fn has_validation_part(&self) -> bool {
        self.validation_is_given
    }

    /// Returns the number of training examples.
    pub fn training_examples(&self) -> u64 {
        self.train.images
    }
}

/// Returns the names and texts of the files for `dataset`.
pub fn files(dataset: &Dataset) -> [(&'static str, String); 2] {
    let split = format!("{SPLIT_HEADER}{}", text(&split(dataset)));
    [(DESCRIPTION, text(&describe(dataset))), (SPLIT, split)]
}

fn text(value: &impl Serialize) -> String {
    let config = PrettyConfig::default().compact_arrays(true);
    ron::ser::to_string_pretty(value, config).expect("names and numbers are RON") + "\n"
}

fn is_false(fact: &bool) -> bool {
    !fact
}

fn describe(dataset: &Dataset) -> Description<'_> {
    let shape = dataset.shape();
    let Examination { duplicates, warnings } = dataset.examine();
    let other_images = warnings.iter().find(|warning| warning.is_of_other_images());
    Description {
        source: dataset.settings().source.name(),
        account: dataset.account(),
        other_images: other_images.map(DataWarning::to_string),
        warnings: warnings.iter().map(DataWarning::to_string).collect(),
        images: dataset.counts().images,
        partial_of: dataset.partial_of(),
        channels: shape.channels,
        height: shape.height,
        width: shape.width,
        classes: dataset.class_names(),
        train: examples(dataset.train(), dataset),
        validation: examples(dataset.validation(), dataset),
        test: dataset.test().map(|test| examples(test, dataset)),
        validation_is_test_split: dataset.validation_is_test_split(),
        validation_is_given: dataset.validation_is_given(),
        test_is_drawn: dataset.test_is_drawn(),
        duplicates,
        skipped: dataset.skipped(),
    }
}

fn examples(view: View<'_>, dataset: &Dataset) -> Examples {
    Examples { images: view.len(), per_class: view.count_by_class(dataset.classes()) }
}

fn split(dataset: &Dataset) -> Split {
    let [training, validation, testing] = match (dataset.test_is_drawn(), dataset.settings().source.is_own())
    {
        (true, _) => ["all images"; 3],
        (false, true) => ["the training part", "the validation part", "the test part"],
        (false, false) => {
            ["the official training part", "the official validation part", "the official test part"]
        }
    };
    let testing = if dataset.test_part() == TestPart::Validation { validation } else { testing };
    let validation = match (dataset.validation_is_test_split(), dataset.validation_is_given()) {
        (true, _) => testing,
        (false, true) => "the validation part",
        (false, false) => training,
    };
    Split {
        train: Indices { of: training, images: ranges(dataset.train()) },
        validation: Indices { of: validation, images: ranges(dataset.validation()) },
        test: dataset.test().map(|test| Indices { of: testing, images: ranges(test) }),
    }
}

/// Returns the view's ascending indices as `0-3 5 9-12`.
fn ranges(view: View<'_>) -> String {
    let mut text = String::new();
    let mut position = 0;
    while position < view.len() {
        let first = view.example(position);
        let mut last = first;
        position += 1;
        while position < view.len() && view.example(position) == last + 1 {
            last += 1;
            position += 1;
        }
        let gap = if text.is_empty() { "" } else { " " };
        let end = if last == first { String::new() } else { format!("-{last}") };
        write!(text, "{gap}{first}{end}").expect("text can be written");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use data::{DatasetSettings, EuroSat, Glyphs, ImageShape, Loaded, Part, Source};
    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::*;

    fn glyphs(settings: impl Fn(DatasetSettings) -> DatasetSettings) -> Dataset {
        let glyphs = Source::Glyphs(Glyphs { train: 40, test: 10, ..Glyphs::default() });
        Dataset::load(&settings(DatasetSettings::of(glyphs)), Path::new("")).expect("they are drawn")
    }

    /// Returns twelve pictures of one pixel in two classes; some are copies of others.
    fn partial() -> Dataset {
        let source = Source::EuroSat(EuroSat { skip_damaged: true });
        let loaded = Loaded {
            shape: ImageShape { channels: 3, height: 1, width: 1 },
            class_names: vec!["Forest".to_owned(), "River".to_owned()],
            train: Part {
                images: (0..36).map(|at| (at / 3 % 9) as u8).collect::<Vec<_>>().into(),
                labels: [vec![0; 7], vec![1; 5]].concat(),
            },
            test: None,
            validation: None,
            warnings: Vec::new(),
            skipped: vec![Skipped {
                name: "River/River_6.jpg".to_owned(),
                reason: "the file is cut short".to_owned(),
            }],
        };
        let settings = DatasetSettings { holdout: 0.3, ..DatasetSettings::of(source) };
        Dataset::new(&settings, loaded).expect("there are enough images")
    }

    #[test]
    fn a_partial_source_without_a_test_part_states_what_is_there_and_where_it_went() {
        let dataset = partial();
        let [(_, description), (_, split)] = files(&dataset);
        assert_snapshot!(description, @r#"
        (
            source: "EuroSAT",
            account: (
                source: "EuroSAT",
                images: "12 color 1x1 images, 2 classes (Forest, River)",
                splits: ["7 training images", "3 validation images, held out: 0.3 of each class, drawn by split seed 0", "2 test images, a fifth of each class, drawn by split seed 0"],
            ),
            warnings: ["PARTIAL: 12 of 27,000 images, 2 of 10 classes", "1 damaged picture is left out (`skip_damaged`)", "the largest value of all training pixels is 6, of 255 possible: scale the images to 0 to 255", "1 test image is also trained on", "2 of 7 training images repeat an earlier one"],
            other_images: Some("PARTIAL: 12 of 27,000 images, 2 of 10 classes"),
            images: 12,
            partial_of: Some((
                images: 27000,
                classes: 10,
            )),
            channels: 3,
            height: 1,
            width: 1,
            classes: ["Forest", "River"],
            train: (
                images: 7,
                per_class: [4, 3],
            ),
            validation: (
                images: 3,
                per_class: [2, 1],
            ),
            test: Some((
                images: 2,
                per_class: [1, 1],
            )),
            validation_is_test_split: false,
            test_is_drawn: true,
            duplicates: (
                in_train: 2,
                in_validation: 0,
                in_test: 0,
                validation_in_train: 0,
                test_in_train: 1,
                test_in_validation: 0,
            ),
            skipped: [(
                name: "River/River_6.jpg",
                reason: "the file is cut short",
            )],
        )
        "#);
        assert_snapshot!(split, @r#"
        // Which images each split has: first to last, counted from 0, in the order of the official files, or of all pictures
        // that were not skipped, sorted by the bytes of their paths. Equal texts are equal splits.
        (
            train: (
                of: "all images",
                images: "0 2 4 6 9-11",
            ),
            validation: (
                of: "all images",
                images: "3 5 8",
            ),
            test: Some((
                of: "all images",
                images: "1 7",
            )),
        )
        "#);
    }

    #[test]
    fn without_a_holdout_validation_is_the_official_test_part() {
        let dataset = glyphs(|settings| settings);
        let [_, (_, split)] = files(&dataset);
        assert_snapshot!(split, @r#"
        // Which images each split has: first to last, counted from 0, in the order of the official files, or of all pictures
        // that were not skipped, sorted by the bytes of their paths. Equal texts are equal splits.
        (
            train: (
                of: "the official training part",
                images: "0-39",
            ),
            validation: (
                of: "the official test part",
                images: "0-9",
            ),
            test: None,
        )
        "#);
    }

    #[test]
    fn equal_settings_state_equal_splits_and_another_seed_another() {
        let split = |split_seed| {
            let dataset = glyphs(|settings| DatasetSettings { holdout: 0.25, split_seed, ..settings });
            files(&dataset)[1].1.clone()
        };
        assert_eq!(split(0), split(0));
        assert_ne!(split(0), split(1));
    }

    /// Reads the text that [`ranges`] writes.
    fn read(text: &str) -> Vec<usize> {
        let mut indices = Vec::new();
        for range in text.split_whitespace() {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let [first, last] = [first, last].map(|index| index.parse::<usize>().expect("a number"));
            indices.extend(first..=last);
        }
        indices
    }

    proptest! {
        #[test]
        fn ranges_contain_every_index(fraction in 0.1_f64..1.0, holdout in 0.1_f64..0.8, split_seed in 0_u64..9) {
            let dataset = glyphs(|it| DatasetSettings { fraction, holdout, split_seed, ..it });
            for view in [dataset.train(), dataset.validation(), dataset.test().expect("there is a holdout")] {
                let indices: Vec<usize> = (0..view.len()).map(|position| view.example(position)).collect();
                prop_assert_eq!(read(&ranges(view)), indices);
            }
        }
    }
}
