//! Which official files does a source need, and which of them are there?

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;

use crate::Error;

/// The files of a source as its authors publish them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OfficialFiles {
    /// Folder under the data directory.
    pub(crate) folder: &'static str,
    /// Every file that is needed, in the order in which they are hashed.
    pub(crate) names: &'static [&'static str],
    /// Where the authors publish them.
    pub(crate) homepage: &'static str,
}

/// One official file as it was found, or as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// On disk; without the ending `.gz` when only the unpacked file is there.
    pub path: PathBuf,
    /// The name under which its authors publish it.
    pub name: &'static str,
    /// Where its authors publish it.
    pub homepage: &'static str,
}

/// What is there of a source; see [`Source::presence`](crate::Source::presence).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The source's name for people.
    pub name: &'static str,
    /// Where its files lie or should lie; `None` for a source that has no files.
    pub folder: Option<PathBuf>,
    /// Every file that is needed, and whether it is there.
    pub files: Vec<(PathBuf, bool)>,
    /// Whether the source can be loaded as far as the presence of files tells.
    pub complete: bool,
}

impl OfficialFiles {
    /// The official file `name`, or its unpacked form when only that is there.
    pub(crate) fn find(&self, data_dir: &Path, name: &'static str) -> SourceFile {
        let packed = data_dir.join(self.folder).join(name);
        let unpacked = name.strip_suffix(".gz").map(|name| packed.with_file_name(name));
        let path = match unpacked {
            Some(unpacked) if !packed.is_file() && unpacked.is_file() => unpacked,
            _ => packed,
        };
        SourceFile { path, name, homepage: self.homepage }
    }

    /// Every file, and whether it is there.
    pub(crate) fn presence(&self, data_dir: &Path) -> Vec<(PathBuf, bool)> {
        let paths = self.names.iter().map(|name| self.find(data_dir, name).path);
        paths.map(|path| (path.clone(), path.is_file())).collect()
    }

    /// Names every missing file at once.
    pub(crate) fn require_all(&self, source: &'static str, data_dir: &Path) -> Result<(), Error> {
        let files = self.names.iter().map(|name| self.find(data_dir, name));
        let missing: Vec<_> = files.filter(|file| !file.path.is_file()).map(|file| file.path).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Error::Missing { source_name: source, missing, of: self.names.len(), homepage: self.homepage })
    }
}

impl SourceFile {
    /// Opens it for reading unpacked bytes.
    pub(crate) fn open(&self) -> Result<Box<dyn Read>, Error> {
        let file = File::open(&self.path).map_err(|source| self.unreadable(source))?;
        let file = BufReader::with_capacity(1 << 20, file);
        Ok(if self.is_packed() { Box::new(GzDecoder::new(file)) } else { Box::new(file) })
    }

    fn is_packed(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "gz")
    }

    /// The error of reading on after `unpacked_bytes` came out of [`open`](Self::open)'s reader.
    pub(crate) fn interrupted(&self, unpacked_bytes: usize, source: io::Error) -> Error {
        let is_damage = matches!(
            source.kind(),
            ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof
        );
        if self.is_packed() && is_damage {
            return Error::NotUnpacked { file: self.clone(), unpacked_bytes: unpacked_bytes as u64, source };
        }
        self.unreadable(source)
    }

    pub(crate) fn unreadable(&self, source: io::Error) -> Error {
        Error::Unreadable { file: self.clone(), source }
    }

    pub(crate) fn damaged(&self, expected: impl Into<String>, found: impl Into<String>) -> Error {
        Error::Damaged { file: self.clone(), expected: expected.into(), found: found.into() }
    }
}
