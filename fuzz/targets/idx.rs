//! Reads images and labels from one input: a byte with the size of the labels' file, then both files.

#![no_main]

use std::fs;
use std::sync::LazyLock;

use data::{Idx, Source};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder can be made"));

fuzz_target!(|input: &[u8]| {
    let Some((at, rest)) = input.split_first() else { return };
    let (labels, images) = rest.split_at(usize::from(*at).min(rest.len()));
    fs::write(FOLDER.path().join("images"), images).expect("the folder can be written");
    fs::write(FOLDER.path().join("labels"), labels).expect("the folder can be written");
    let source = Source::Idx(Idx { images: "images".into(), labels: "labels".into(), test: None });
    if let Ok(loaded) = source.load(FOLDER.path()) {
        assert_eq!(loaded.train.images.len(), loaded.train.labels.len() * loaded.shape.pixels());
    }
});
