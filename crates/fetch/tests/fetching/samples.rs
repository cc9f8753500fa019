//! A small CIFAR-10 in an archive like the official one, and the collection that lists it.

use std::error::Error as _;
use std::fs;
use std::io::{Cursor, Write};
use std::iter::successors;
use std::path::Path;

use data::Source;
use fetch::{Archive, Collection, Error, Fetched, Fetching, Network, Packing, fetch_collection};
use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

pub const NAME: &str = "cifar-10-binary.tar.gz";
pub const FOLDER: &str = "cifar-10-batches-bin";

/// Returns the names and contents of the small CIFAR-10.
pub fn files() -> Vec<(String, Vec<u8>)> {
    let records =
        |seed: usize| (0..3 * 3073).map(|at| if at % 3073 == 0 { 3 } else { (at * seed) as u8 }).collect();
    let batch = |number: usize| (format!("{FOLDER}/data_batch_{number}.bin"), records(number));
    let batches = (1..=5).map(batch);
    batches.chain([(format!("{FOLDER}/test_batch.bin"), records(7))]).collect()
}

pub fn tar(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, bytes.as_slice()).expect("memory can be written");
    }
    builder.into_inner().expect("memory can be written")
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

pub fn zip(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(name.as_str(), SimpleFileOptions::default()).expect("memory can be written");
        writer.write_all(bytes).expect("memory can be written");
    }
    writer.finish().expect("memory can be written").into_inner()
}

/// Returns the archive of the small CIFAR-10.
pub fn archive() -> Vec<u8> {
    gzip(&tar(&files()))
}

/// A data directory, and the archive that is fetched into it.
pub struct Place {
    pub data_dir: TempDir,
    pub packing: Packing,
    pub bytes: u64,
    pub sha256: String,
}

impl Place {
    pub fn of(archive: &[u8], packing: Packing) -> Self {
        let data_dir = tempfile::tempdir().expect("a folder can be made");
        Self { data_dir, packing, bytes: archive.len() as u64, sha256: sha256(archive) }
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.data_dir.path().join(name)
    }

    /// Fetches from the given folders, in their order.
    pub fn fetch(&self, served_from: &[&str]) -> Result<Fetched, Error> {
        self.fetch_with(served_from, Network::Official)
    }

    pub fn fetch_with(&self, served_from: &[&str], network: Network<'_>) -> Result<Fetched, Error> {
        self.fetch_into(self.data_dir.path(), served_from, network)
    }

    pub fn fetch_into(
        &self,
        data_dir: &Path,
        served_from: &[&str],
        network: Network<'_>,
    ) -> Result<Fetched, Error> {
        let archive = Archive {
            name: NAME,
            served_from,
            bytes: self.bytes,
            sha256: &self.sha256,
            packing: self.packing,
        };
        let homepage = "https://example.org";
        let collection = Collection { folder: FOLDER, homepage, archives: &[archive] };
        let is_complete = || Source::Cifar10.presence(data_dir).complete;
        fetch_collection(&collection, &is_complete, &Fetching { data_dir, network, progress: &|_| () })
    }

    /// Returns message, causes and hint, with the paths and addresses of this run replaced.
    pub fn shown(&self, error: &Error, server: &str) -> String {
        let causes = successors(error.source(), |&cause| cause.source());
        let causes: String = causes.map(|cause| format!(": {cause}")).collect();
        let text = format!("error: {error}{causes}\nhint: {}", error.hint());
        let text = text.replace(self.data_dir.path().to_str().expect("the folder's name is text"), "<data>");
        if server.is_empty() { text } else { text.replace(server, "<server>") }
    }

    /// Checks that every file is there with its content, and nothing else.
    #[track_caller]
    pub fn check_complete(&self) {
        for (name, bytes) in files() {
            assert!(fs::read(self.path(&name)).expect("the file is there") == bytes, "{name}");
        }
        let data = Source::Cifar10.load(self.data_dir.path()).expect("it is whole");
        assert_eq!(data.train.labels, [3; 15]);
        self.check_tidy();
    }

    /// Checks that no file of the source is there, which a later run would accept.
    #[track_caller]
    pub fn check_absent(&self) {
        assert!(!self.path(FOLDER).exists());
        assert!(!Source::Cifar10.presence(self.data_dir.path()).complete);
    }

    /// Checks that no archive and no unfinished folder is left.
    #[track_caller]
    pub fn check_tidy(&self) {
        let downloads = fs::read_dir(self.path(".downloads").join(FOLDER)).expect("there were downloads");
        let names: Vec<_> = downloads.map(|entry| entry.expect("an entry").file_name()).collect();
        assert_eq!(names, ["lock"]);
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
