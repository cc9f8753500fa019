//! Reads the input as an NPZ file.

#![no_main]

use std::fs;
use std::sync::LazyLock;

use data::{Npz, Source};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder can be made"));

fuzz_target!(|input: &[u8]| {
    fs::write(FOLDER.path().join("images.npz"), input).expect("the folder can be written");
    if let Ok(loaded) = Source::Npz(Npz::default()).load(FOLDER.path()) {
        assert_eq!(loaded.train.images.len(), loaded.train.labels.len() * loaded.shape.pixels());
    }
});
