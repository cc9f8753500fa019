//! Files of decoded pictures. Damaged files are decoded again, and undamaged files are used.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use data::{EuroSat, Loaded, Loading, Source};
use tempfile::TempDir;

use crate::jpeg::jpeg;
use crate::samples::{picture, write, write_euro_sat};

/// A source of pictures, and the folder with its file of decoded pictures.
struct Kept {
    data_dir: TempDir,
    decoded_dir: TempDir,
}

impl Kept {
    fn new() -> Self {
        let [data_dir, decoded_dir] = [0, 1].map(|_| tempfile::tempdir().expect("a folder can be made"));
        write_euro_sat(&data_dir.path().join("EuroSAT"));
        let kept = Self { data_dir, decoded_dir };
        assert_eq!(kept.load().1, 250);
        kept
    }

    /// Loads the images and counts the pictures that were decoded for them.
    fn load(&self) -> (Loaded, usize) {
        let decoded = AtomicUsize::new(0);
        let progress = |_| {
            decoded.fetch_add(1, Ordering::Relaxed);
        };
        let folder = Some(self.decoded_dir.path());
        let loading =
            Loading { decoded_dir: folder, progress: &progress, ..Loading::from(self.data_dir.path()) };
        let loaded = Source::EuroSat(EuroSat::default()).load_with(&loading).expect("the sample is whole");
        (loaded, decoded.into_inner())
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.decoded_dir.path()).expect("the folder is there");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.filter(|path| !path.ends_with("lock")).collect()
    }

    fn file(&self) -> PathBuf {
        let files = self.files();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }
}

#[test]
fn a_file_that_is_cut_or_grown_or_has_a_damaged_header_is_decoded_again_and_replaced() {
    let kept = Kept::new();
    let (expected, path) = (kept.load().0, kept.file());
    let whole = fs::read(&path).expect("it is there");
    for length in [0, 7, 50, whole.len() / 2, whole.len() - 1] {
        check_replaced(&kept, &whole[..length], &expected);
    }
    check_replaced(&kept, &[&whole[..], &[0]].concat(), &expected);
    for at in [0, 9, 13, 30, 45, 70, 110, 135] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        check_replaced(&kept, &damaged, &expected);
    }
    assert!(fs::read(&path).expect("it is there") == whole);
}

/// Checks that a damaged file is replaced. It is deleted before it is written because a mapped file must not change.
#[track_caller]
fn check_replaced(kept: &Kept, damaged: &[u8], expected: &Loaded) {
    let path = kept.file();
    fs::remove_file(&path).expect("it is there");
    fs::write(&path, damaged).expect("it can be written");
    let (loaded, decoded) = kept.load();
    assert!(decoded == 250 && loaded == *expected, "{} bytes", damaged.len());
    assert_eq!(kept.load().1, 0);
}

#[test]
fn a_changed_picture_is_decoded_and_the_file_of_the_others_stays() {
    let kept = Kept::new();
    let before = kept.load().0;
    write(&kept.data_dir.path().join("EuroSAT/Forest/Forest_3.jpg"), &jpeg(&picture(11, 26, 64, 64)));
    let (after, decoded) = kept.load();
    assert!(decoded == 250 && after.train.images != before.train.images);
    assert_eq!(kept.files().len(), 2);
}

#[test]
fn an_unfinished_file_of_a_killed_attempt_is_not_used_and_is_removed() {
    let kept = Kept::new();
    let path = kept.file();
    fs::rename(&path, kept.decoded_dir.path().join("unfinished-x")).expect("it can be renamed");
    assert_eq!(kept.load().1, 250);
    assert_eq!(kept.file(), path);
}

#[test]
fn two_that_decode_at_once_end_with_one_file() {
    let kept = Kept::new();
    fs::remove_file(kept.file()).expect("it is there");
    let [one, other] = std::thread::scope(|scope| {
        [scope.spawn(|| kept.load().0), scope.spawn(|| kept.load().0)]
            .map(|it| it.join().expect("it does not panic"))
    });
    assert_eq!(one, other);
    assert_eq!(kept.load(), (one, 0));
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_with_a_way_out() {
    let kept = Kept::new();
    let blocked = kept.decoded_dir.path().join("a-file");
    fs::write(&blocked, "").expect("it can be written");
    let loading = Loading { decoded_dir: Some(&blocked), ..Loading::from(kept.data_dir.path()) };
    let error = Source::EuroSat(EuroSat::default()).load_with(&loading).expect_err("a file is no folder");
    assert!(error.to_string().starts_with("cannot keep decoded pictures in "), "{error}");
    assert!(error.hint().ends_with("may be written and has room"), "{}", error.hint());
}
