//! Unusual folders of results: which are refused, with which message, and which work.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt, path::Path, process::Command, sync::atomic::AtomicBool};

use runner::{Context, run::RunSettings};
use settings::Device;
use spec::Pipeline;
use store::{Store, StoreError};
use tests::{SMALL_PIPELINE, Witness};

/// Returns the message and the hint for a folder where no store can be opened.
fn refusal(root: &Path) -> (String, String) {
    let error = Store::open(root).expect_err("no store is possible there");
    let StoreError::Io { path, source, .. } = &error else { panic!("{error:?}") };
    assert!(path.starts_with(root.parent().expect("a folder above")), "{}", path.display());
    (format!("{error}: {source}"), error.hint().expect("there is a way out"))
}

#[test]
fn a_file_in_the_place_of_a_folder_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("artifacts");
    fs::write(&root, "mine").expect("writable");
    let (message, hint) = refusal(&root);
    assert!(message.starts_with("cannot create ") && message.contains("artifacts/store: "), "{message}");
    assert!(hint.contains("a file where a folder is needed"), "{hint}");
    assert_eq!(fs::read(&root).expect("readable"), b"mine");
}

#[test]
fn a_name_that_is_too_long_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (message, hint) = refusal(&folder.path().join("a".repeat(300)));
    assert!(message.contains("File name too long"), "{message}");
    assert!(hint.contains("too long for the file system"), "{hint}");
}

#[test]
fn results_may_be_in_a_folder_whose_name_is_not_utf_8() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join(OsStr::from_bytes(b"art\xffifacts"));
    let context = || {
        let store = Store::open(&root).expect("a store");
        Context { store, data: Path::new("no data here"), device: Device::Cpu, same_build: None }
    };
    let pipeline = Pipeline::parse("test.ron", SMALL_PIPELINE).expect("the file is right");
    let witness = Witness::new(None);
    let settings = RunSettings {
        jobs: 2,
        largest_population: None,
        memory: None,
        fail_fast: false,
        interrupt: &AtomicBool::new(false),
        reporter: &witness,
        build: "test",
    };
    let first = runner::run::run(&context(), &pipeline, settings).expect("the run is possible");
    let second = runner::run::run(&context(), &pipeline, settings).expect("the run is possible");
    assert_eq!((first.trained, second.skipped), (10, 10));
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn a_read_only_disk_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).expect("writable");
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "ro", "none"]).arg(&disk).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: only root can mount a disk");
        return;
    }
    let opened = std::panic::catch_unwind(|| refusal(&disk.join("artifacts")));
    let _ = Command::new("umount").arg(&disk).status();
    let (message, hint) = opened.expect("it is refused");
    assert!(message.contains("Read-only file system"), "{message}");
    assert!(hint.contains("mounted read-only"), "{hint}");
}
