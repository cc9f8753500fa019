//! Archives with a right checksum and a wrong content, as a source would have whose authors made a mistake.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use fetch::{Network, Packing};
use insta::assert_snapshot;
use tar::EntryType;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::samples::{FOLDER, NAME, Place, TAR_GZ, archive, files, gzip, tar, zip};
use crate::server::{Fault, Server};

const ZIP: Packing = Packing::Zip { unpacked_bytes: 4 * 6 * 3 * 3073 };
const TAR: Packing = Packing::Tar { unpacked_bytes: 4 * 6 * 3 * 3073 };

/// Returns the error of fetching this archive. Neither the source's files nor a file outside of the data directory are left.
#[track_caller]
fn check_refused(archive: &[u8], packing: Packing) -> String {
    let server = Server::start(&[(NAME, archive.to_vec())], Fault::None);
    let outer = tempfile::tempdir().expect("a folder can be made");
    let place = Place {
        data_dir: tempfile::tempdir_in(outer.path()).expect("a folder can be made"),
        ..Place::of(archive, packing)
    };
    let error = place.fetch(&[&server.address]).expect_err("it is refused");
    place.check_absent();
    let outside = fs::read_dir(outer.path()).expect("the folder is there").count();
    assert_eq!(outside, 1, "something was written outside of the data directory");
    assert!(!place.path("x").exists() && !place.path(".downloads/x").exists());
    place.shown(&error, &server.address)
}

fn with(name: &str) -> Vec<(String, Vec<u8>)> {
    files().into_iter().chain([(name.to_owned(), b"escaped".to_vec())]).collect()
}

#[test]
fn every_packing_is_unpacked() {
    for (archive, packing) in [(archive(), TAR_GZ), (tar(&files()), TAR), (zip(&files()), ZIP)] {
        let server = Server::start(&[(NAME, archive.clone())], Fault::None);
        let place = Place::of(&archive, packing);
        place.fetch(&[&server.address]).expect("it is served");
        place.check_complete();
    }
}

#[test]
fn names_that_lead_out_are_refused() {
    assert_snapshot!(check_refused(&zip(&with("../x")), ZIP), @r"
    error: <data>/.downloads/cifar-10-batches-bin/cifar-10-binary.tar.gz: expected names of files within one folder, found `../x`
    hint: delete <data>/.downloads/cifar-10-batches-bin/cifar-10-binary.tar.gz and get the file from its authors
    ");
    assert_snapshot!(check_refused(&tar(&with("cifar-10-batches-bin/../../../x")), TAR), @r"
    error: <data>/.downloads/cifar-10-batches-bin/cifar-10-binary.tar.gz: expected names of files within one folder, found `cifar-10-batches-bin/../../../x`
    hint: delete <data>/.downloads/cifar-10-batches-bin/cifar-10-binary.tar.gz and get the file from its authors
    ");
    let absolute = std::env::temp_dir().join("bpfree-escaped").display().to_string();
    check_refused(&gzip(&tar(&with(&absolute))), TAR_GZ);
    assert!(!Path::new(&absolute).exists());
}

#[test]
fn links_are_refused_so_no_file_goes_through_them() {
    let outside = tempfile::tempdir().expect("a folder can be made");
    for kind in [EntryType::Symlink, EntryType::Link] {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        header.set_entry_type(kind);
        builder
            .append_link(&mut header, format!("{FOLDER}/link"), outside.path())
            .expect("memory can be written");
        let mut header = tar::Header::new_gnu();
        for (name, bytes) in with(&format!("{FOLDER}/link/x")) {
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, bytes.as_slice()).expect("memory can be written");
        }
        let archive = builder.into_inner().expect("memory can be written");
        let refusal = check_refused(&archive, TAR);
        assert!(
            refusal.contains("expected files and folders, found a link `cifar-10-batches-bin/link`"),
            "{refusal}"
        );
    }
    let mut writer = ZipWriter::new_append(Cursor::new(zip(&files()))).expect("it is a zip file");
    writer
        .add_symlink(
            format!("{FOLDER}/link"),
            outside.path().display().to_string(),
            SimpleFileOptions::default(),
        )
        .expect("memory can be written");
    let archive = writer.finish().expect("memory can be written").into_inner();
    assert_snapshot!(check_refused(&archive, ZIP), @r"
    error: <data>/.downloads/cifar-10-batches-bin/cifar-10-binary.tar.gz: expected files and folders, found a link `cifar-10-batches-bin/link`
    hint: delete <data>/.downloads/cifar-10-batches-bin/cifar-10-binary.tar.gz and get the file from its authors
    ");
    assert_eq!(fs::read_dir(outside.path()).expect("the folder is there").count(), 0);
}

#[test]
fn devices_are_refused_and_attributes_of_all_entries_are_ignored() {
    let with_entry = |kind: EntryType, content: &[u8]| {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, format!("{FOLDER}/entry"), content).expect("memory can be written");
        [
            &builder.into_inner().expect("memory can be written")
                [..512 + content.len().next_multiple_of(512)],
            &tar(&files()),
        ]
        .concat()
    };
    let refusal = check_refused(&with_entry(EntryType::Fifo, b""), TAR);
    assert!(refusal.contains("found a device `cifar-10-batches-bin/entry`"), "{refusal}");
    let refusal = check_refused(&with_entry(EntryType::new(b'Q'), b""), TAR);
    assert!(refusal.contains("found an entry of an unknown kind"), "{refusal}");
    let archive = with_entry(EntryType::XGlobalHeader, b"15 comment=hi\n");
    let (server, place) = (Server::start(&[(NAME, archive.clone())], Fault::None), Place::of(&archive, TAR));
    place.fetch(&[&server.address]).expect("every file is in it");
    place.check_complete();
}

#[test]
fn an_archive_that_unpacks_to_more_than_it_should_is_refused_in_time() {
    let bomb = vec![(format!("{FOLDER}/data_batch_1.bin"), vec![0; 100 << 20])];
    let [packed, zipped] = [gzip(&tar(&bomb)), zip(&bomb)];
    assert!(packed.len() < 1 << 20 && zipped.len() < 1 << 20);
    assert_eq!(check_refused(&zipped, ZIP), check_refused(&packed, TAR_GZ));
    assert_snapshot!(check_refused(&packed, TAR_GZ), @r"
    error: <data>/.downloads/cifar-10-batches-bin/cifar-10-binary.tar.gz: expected at most 221256 unpacked bytes in 100000 files, found more
    hint: delete <data>/.downloads/cifar-10-batches-bin/cifar-10-binary.tar.gz and get the file from its authors
    ");
}

/// Files without content can fill a disk with their names.
#[test]
fn an_archive_of_too_many_files_is_refused_in_time() {
    let names = (0..100_001).map(|number| (format!("{FOLDER}/{number}"), Vec::new()));
    let archive = gzip(&tar(&names.collect::<Vec<_>>()));
    let text = check_refused(&archive, TAR_GZ);
    assert!(text.contains("100000 files, found more") || text.contains("cannot unpack"), "{text}");
}

#[test]
fn archives_that_are_cut_or_something_else_are_refused() {
    let whole = archive();
    // The rest of the message comes from the unpacking library and differs between its versions.
    let cut = check_refused(&whole[..whole.len() / 2], TAR_GZ);
    assert!(cut.starts_with("error: cannot unpack <data>/.downloads/cifar-10-batches-bin/"), "{cut}");
    assert_snapshot!(check_refused(b"<html>not found</html>", TAR_GZ), @r"
    error: cannot unpack <data>/.downloads/cifar-10-batches-bin/cifar-10-binary.tar.gz: invalid gzip header
    hint: delete <data>/.downloads/cifar-10-batches-bin/cifar-10-binary.tar.gz to download it again
    ");
    assert_snapshot!(check_refused(b"<html>not found</html>", ZIP), @r"
    error: cannot unpack <data>/.downloads/cifar-10-batches-bin/cifar-10-binary.tar.gz: invalid Zip archive: Could not find EOCD
    hint: delete <data>/.downloads/cifar-10-batches-bin/cifar-10-binary.tar.gz to download it again
    ");
}

#[test]
fn an_archive_that_lacks_a_file_leaves_an_error_and_no_complete_set() {
    let archive = tar(&files()[..5]);
    let server = Server::start(&[(NAME, archive.clone())], Fault::None);
    let place = Place::of(&archive, TAR);
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
    let place = Place::of(&archive(), TAR_GZ);
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
    let place = Place::of(&archive, TAR_GZ);
    let error =
        place.fetch_into(disk.0.path(), &[&server.address], Network::Official).expect_err("the disk is full");
    let text = place.shown(&error, &server.address).replace(&disk.0.path().display().to_string(), "<disk>");
    assert!(text.contains("No space left on device"), "{text}");
    assert!(!disk.0.path().join(FOLDER).exists());
}
