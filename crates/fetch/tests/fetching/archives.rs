//! Archives with a right checksum that cannot be unpacked, or lack files.

use std::fs;
use std::process::Command;

use fetch::{Network, Packing};
use insta::assert_snapshot;

use crate::samples::{FOLDER, NAME, Place, archive, files, tar, zip};
use crate::server::{Fault, Server};

/// Returns the error of fetching this archive, which leaves no file of the source.
#[track_caller]
fn check_refused(archive: &[u8], packing: Packing) -> String {
    let server = Server::start(&[(NAME, archive.to_vec())], Fault::None);
    let place = Place::of(archive, packing);
    let error = place.fetch(&[&server.address]).expect_err("it is refused");
    place.check_absent();
    place.shown(&error, &server.address)
}

#[test]
fn every_packing_is_unpacked() {
    for (archive, packing) in
        [(archive(), Packing::TarGz), (tar(&files()), Packing::Tar), (zip(&files()), Packing::Zip)]
    {
        let server = Server::start(&[(NAME, archive.clone())], Fault::None);
        let place = Place::of(&archive, packing);
        place.fetch(&[&server.address]).expect("it is served");
        place.check_complete();
    }
}

#[test]
fn archives_that_are_cut_or_something_else_are_refused() {
    let whole = archive();
    // The rest of the message comes from the unpacking library and differs between its versions.
    let cut = check_refused(&whole[..whole.len() / 2], Packing::TarGz);
    assert!(cut.starts_with("error: cannot unpack <data>/.downloads/cifar-10-batches-bin/"), "{cut}");
    assert_snapshot!(check_refused(b"<html>not found</html>", Packing::TarGz), @r"
    error: cannot unpack <data>/.downloads/cifar-10-batches-bin/cifar-10-binary.tar.gz: failed to iterate over archive: invalid gzip header
    hint: make room for its files, or delete <data>/.downloads/cifar-10-batches-bin/cifar-10-binary.tar.gz to download it again
    ");
    assert_snapshot!(check_refused(b"<html>not found</html>", Packing::Zip), @r"
    error: cannot unpack <data>/.downloads/cifar-10-batches-bin/cifar-10-binary.tar.gz: invalid Zip archive: Could not find EOCD
    hint: make room for its files, or delete <data>/.downloads/cifar-10-batches-bin/cifar-10-binary.tar.gz to download it again
    ");
}

#[test]
fn an_archive_that_lacks_a_file_leaves_an_error_and_no_complete_set() {
    let archive = tar(&files()[..5]);
    let server = Server::start(&[(NAME, archive.clone())], Fault::None);
    let place = Place::of(&archive, Packing::Tar);
    let error = place.fetch(&[&server.address]).expect_err("a file is missing");
    assert_snapshot!(place.shown(&error, &server.address), @r"
    error: <data>/cifar-10-batches-bin: expected every file of the source after unpacking, found that some are missing
    hint: delete <data>/cifar-10-batches-bin and try again
    ");
    assert!(!data::Source::Cifar10.presence(place.data_dir.path()).complete);
}

#[test]
fn an_unfinished_folder_of_a_killed_attempt_is_not_used() {
    let server = Server::start(&[(NAME, archive())], Fault::None);
    let place = Place::of(&archive(), Packing::TarGz);
    let leftover = place.path(".downloads").join(FOLDER).join("cifar-10-binary.tar.unpacked");
    fs::create_dir_all(&leftover).expect("the folder can be made");
    fs::write(leftover.join("stale.bin"), "half").expect("the folder can be written");
    place.fetch(&[&server.address]).expect("it is served");
    place.check_complete();
    assert!(!place.path(FOLDER).join("stale.bin").exists());
}

/// A small disk, mounted for one test.
struct Disk(tempfile::TempDir);

impl Disk {
    /// `None` where this user may not mount one.
    fn of(bytes: usize) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let size = format!("size={bytes}");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        mount.is_ok_and(|output| output.status.success()).then(|| Self(folder))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(self.0.path()).output());
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so; nothing else would show it")]
fn a_disk_that_fills_up_while_unpacking_is_an_error_and_leaves_no_set() {
    let archive = archive();
    let Some(disk) = Disk::of(archive.len().next_multiple_of(4096) + 3 * 4096) else {
        eprintln!("skipped: this user may not mount a small disk");
        return;
    };
    let server = Server::start(&[(NAME, archive.clone())], Fault::None);
    let place = Place::of(&archive, Packing::TarGz);
    let error =
        place.fetch_into(disk.0.path(), &[&server.address], Network::Official).expect_err("the disk is full");
    let text = place.shown(&error, &server.address).replace(&disk.0.path().display().to_string(), "<disk>");
    assert!(text.contains("No space left on device"), "{text}");
    assert!(!disk.0.path().join(FOLDER).exists());
}
