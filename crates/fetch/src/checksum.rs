//! Which bytes are there, for a person who wants to compare them?

use std::path::{Path, PathBuf};

use data::Source;

use crate::{Archive, Error, Packing, check, collection};

/// One file of a source as it lies in the data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// 64 lowercase hexadecimal digits.
    pub sha256: String,
    /// Whether it is its authors'.
    pub authenticity: Authenticity,
}

/// Whether a file is the one its authors publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authenticity {
    /// Byte by byte.
    Official,
    /// It has an official file's name, and other bytes.
    Other,
    /// Only the archive it came from has a known checksum, or it is a user's own.
    Unknown,
}

/// The single files of `source` under `data_dir`, all of which are there; folders of pictures are not listed.
///
/// # Errors
/// If a file cannot be read.
pub fn checksums(source: &Source, data_dir: &Path) -> Result<Vec<Checksum>, Error> {
    let archives = collection(source).map_or(&[][..], |collection| collection.archives);
    let files = source.presence(data_dir).files.into_iter().map(|(path, _)| path);
    files.filter(|path| path.is_file()).map(|path| checksum(path, archives)).collect()
}

fn checksum(path: PathBuf, archives: &[Archive<'_>]) -> Result<Checksum, Error> {
    let failed = |source| Error::Unreadable { path: path.clone(), source };
    let bytes = path.metadata().map_err(failed)?.len();
    let sha256 = check::sha256(&path).map_err(failed)?;
    let is_kept = |archive: &&Archive<'_>| archive.packing == Packing::Kept && path.ends_with(archive.name);
    let authenticity = match archives.iter().find(is_kept) {
        None => Authenticity::Unknown,
        Some(archive) if archive.sha256 == sha256 => Authenticity::Official,
        Some(_) => Authenticity::Other,
    };
    Ok(Checksum { path, bytes, sha256, authenticity })
}
