//! Facts about the images of a dataset that are remembered with the store, so that finished results are found and exported after the
//! images are gone. While the images are there, the facts are read from them again.

use std::path::Path;

use data::{ImageShape, Scaling, Source};
use serde::{Deserialize, Serialize};
use spec::Dataset;
use store::{Key, Store};

use crate::error::Error;

/// Returns the fingerprint of the source of `dataset`: that of its files in the directory `data`, or the one that was remembered
/// when the files were there.
///
/// # Errors
/// If the files are missing and were never seen with this store, or cannot be read.
pub fn fingerprint(store: &Store, dataset: &Dataset, data: &Path) -> Result<String, Error> {
    let source = &dataset.settings.source;
    match dataset.settings.fingerprint(data) {
        Ok(fingerprint) => {
            if !source.presence(data).files.is_empty() {
                // A store that cannot be written to can be read, and every start reads the images again.
                let _ = store.remember(&subject("fingerprint", source), fingerprint.as_str());
            }
            Ok(fingerprint.as_str().to_owned())
        }
        Err(error) => remembered_fingerprint(store, source, data)
            .ok_or_else(|| Error::Data { stage: dataset.name.clone(), source: Box::new(error) }),
    }
}

/// Returns what the store remembers of a dataset with this key, for another store: subjects and texts.
pub fn remembered(store: &Store, dataset: &Dataset, key: &Key) -> Vec<(Key, String)> {
    let subjects = [subject("fingerprint", &dataset.settings.source), facts_subject(key)];
    subjects.into_iter().filter_map(|subject| Some((subject, store.remembered(&subject)?))).collect()
}

/// Returns the fingerprint of a source whose files are missing now, if it is remembered.
pub fn remembered_fingerprint(store: &Store, source: &Source, data: &Path) -> Option<String> {
    if source.presence(data).complete { None } else { store.remembered(&subject("fingerprint", source)) }
}

fn subject(what: &str, source: &Source) -> Key {
    let source = ron::to_string(source).expect("settings are RON");
    Key::of_bytes(format!("{what} of {source}").as_bytes())
}

/// The facts about a dataset that an exported network needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageFacts {
    pub(crate) shape: ImageShape,
    pub(crate) scaling: Scaling,
    /// `[channels]`, subtracted from a pixel.
    pub(crate) offset: Vec<f32>,
    /// `[channels]`, after the subtraction.
    pub(crate) divisor: Vec<f32>,
    /// `[classes]`, in the order of the labels.
    pub(crate) classes: Vec<String>,
}

impl ImageFacts {
    pub fn of(dataset: &data::Dataset) -> Self {
        let shape = dataset.shape();
        let scaler = dataset.scaler();
        let (offset, divisor) = (0..shape.channels).map(|channel| scaler.offset_and_divisor(channel)).unzip();
        let classes = dataset.class_names().to_vec();
        Self { shape, scaling: dataset.scaling(), offset, divisor, classes }
    }

    /// Remembers the facts about the dataset with this key.
    pub fn remember(&self, store: &Store, dataset: &Key) {
        let text = ron::to_string(self).expect("names and numbers are RON");
        // The facts can be read from the images again.
        let _ = store.remember(&facts_subject(dataset), &text);
    }

    /// Returns the facts about the dataset with this key, if they are remembered.
    pub fn remembered(store: &Store, dataset: &Key) -> Option<Self> {
        ron::from_str(&store.remembered(&facts_subject(dataset))?).ok()
    }
}

fn facts_subject(dataset: &Key) -> Key {
    Key::of_bytes(format!("facts of {dataset}").as_bytes())
}

#[cfg(test)]
mod tests {
    use data::DatasetSettings;

    use super::*;

    #[test]
    fn missing_images_have_the_fingerprint_that_they_had() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(folder.path()).expect("a fresh store");
        let data = folder.path().join("data");
        let source: Source = ron::from_str("Idx((images:\"i\",labels:\"l\"))").expect("as documented");
        let dataset = Dataset { name: "images".into(), settings: DatasetSettings::of(source.clone()) };
        let find = || fingerprint(&store, &dataset, &data);
        assert!(find().is_err(), "nothing is known of them");
        let write = |bytes: &str| {
            std::fs::create_dir_all(&data).expect("writable");
            for name in ["i", "l"] {
                std::fs::write(data.join(name), bytes).expect("writable");
            }
        };
        write("one");
        let first = find().expect("they are there");
        assert_eq!(remembered_fingerprint(&store, &source, &data), None, "they are there");
        std::fs::remove_file(data.join("l")).expect("removable");
        assert_eq!(find().expect("remembered"), first);
        write("other");
        let second = find().expect("they are there");
        assert_ne!(second, first);
        std::fs::remove_dir_all(&data).expect("removable");
        assert_eq!(find().expect("remembered"), second);
        assert_eq!(remembered_fingerprint(&store, &source, &data), Some(second));
    }

    #[test]
    fn facts_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(folder.path()).expect("a fresh store");
        let facts = ImageFacts {
            shape: ImageShape { channels: 1, height: 2, width: 3 },
            scaling: Scaling::ZeroOne,
            offset: vec![0.1],
            divisor: vec![1.0 / 3.0],
            classes: vec!["a \"b\"".into()],
        };
        let key = Key::of_bytes(b"a dataset");
        assert_eq!(ImageFacts::remembered(&store, &key), None);
        facts.remember(&store, &key);
        assert_eq!(ImageFacts::remembered(&store, &key), Some(facts));
    }
}
