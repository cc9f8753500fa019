//! Checksums of files, for downloads and for a person who compares them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use data::{KnownFile, Source};
use sha2::{Digest, Sha256};

use crate::{Archive, Error};

/// One file of a source in the data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    pub path: PathBuf,
    pub bytes: u64,
    /// The SHA-256 as 64 lowercase hexadecimal digits.
    pub sha256: String,
    pub authenticity: Authenticity,
}

/// Whether a file is the one its authors publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authenticity {
    Official,
    /// The file has an official file's name and other bytes.
    Other,
    /// The file is a user's own, or only the archive it came from has a known checksum.
    Unknown,
}

/// Returns the checksums of the files of `source` that are under `data_dir`. Folders of pictures are left out.
pub fn checksums(source: &Source, data_dir: &Path) -> Result<Vec<Checksum>, Error> {
    let files = source.presence(data_dir).files.into_iter().map(|(path, _)| path);
    files.filter(|path| path.is_file()).map(|path| checksum(path, source.known_files())).collect()
}

fn checksum(path: PathBuf, known: &[KnownFile]) -> Result<Checksum, Error> {
    let unreadable = |source| Error::Unreadable { path: path.clone(), source };
    let bytes = path.metadata().map_err(unreadable)?.len();
    let sha256 = sha256(&path).map_err(unreadable)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let official = known.iter().find(|it| it.name == name || it.name.strip_suffix(".gz") == Some(&*name));
    let authenticity = match official {
        None => Authenticity::Unknown,
        Some(known) if known.is(&sha256) => Authenticity::Official,
        Some(_) => Authenticity::Other,
    };
    Ok(Checksum { path, bytes, sha256, authenticity })
}

/// Returns in which way the file at `path` differs from `archive`, if it does.
pub(crate) fn difference(archive: &Archive<'_>, path: &Path) -> Result<Option<String>, Error> {
    let bytes = path.metadata().map_err(|source| Error::io(path, source))?.len();
    if bytes != archive.bytes {
        return Ok(Some(format!("expected {} bytes, found {bytes}", archive.bytes)));
    }
    let found = sha256(path).map_err(|source| Error::io(path, source))?;
    Ok((found != archive.sha256).then(|| format!("expected SHA-256 {}, found {found}", archive.sha256)))
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
