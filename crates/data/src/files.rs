//! Which files does a source need, and which of them are there?

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

/// One file of a source as it was found, or as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// On disk; without the ending `.gz` when only the unpacked file is there.
    pub path: PathBuf,
    /// The name under which its authors publish it, or what it is for in a user's own collection.
    pub name: String,
    /// Where its authors publish it; `None` for a user's own file.
    pub homepage: Option<&'static str>,
}

/// What is there of a source; see [`Source::presence`](crate::Source::presence).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The source's name for people.
    pub name: &'static str,
    /// Where its files lie or should lie; `None` for a source that has no files.
    pub folder: Option<PathBuf>,
    /// Every file that is needed, and whether it is there; the one folder of a source of folders of pictures.
    pub files: Vec<(PathBuf, bool)>,
    /// Whether the source can be loaded as far as the presence of files tells.
    pub complete: bool,
}

impl OfficialFiles {
    /// The official file `name`, or its unpacked form when only that is there.
    pub(crate) fn find(&self, data_dir: &Path, name: &'static str) -> SourceFile {
        let path = data_dir.join(self.folder).join(name);
        SourceFile { path, name: name.to_owned(), homepage: Some(self.homepage) }.or_unpacked()
    }

    /// Every file.
    pub(crate) fn all(&self, data_dir: &Path) -> Vec<SourceFile> {
        self.names.iter().map(|name| self.find(data_dir, name)).collect()
    }
}

/// Names every missing file at once.
pub(crate) fn require_all(source: &'static str, files: &[SourceFile]) -> Result<(), Error> {
    let missing: Vec<_> =
        files.iter().filter(|file| !file.path.is_file()).map(|file| file.path.clone()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let homepage = files.iter().find_map(|file| file.homepage);
    Err(Error::Missing { source_name: source, missing, of: files.len(), homepage })
}

impl SourceFile {
    /// A user's own file at `path`, which serves as `role`.
    pub(crate) fn own(path: PathBuf, role: &str) -> Self {
        Self { path, name: role.to_owned(), homepage: None }
    }

    /// Itself, or the file without the ending `.gz` when only that is there.
    fn or_unpacked(self) -> Self {
        let unpacked = self.path.with_extension("");
        if self.is_packed() && !self.path.is_file() && unpacked.is_file() {
            return Self { path: unpacked, ..self };
        }
        self
    }

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
