//! The files of a source, and which of them exist.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;

use crate::{Error, SourceFile};

/// The files of a source as its authors publish them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OfficialFiles {
    /// The source's folder under the data directory.
    pub(crate) folder: &'static str,
    /// Every file that is needed, in the order in which they are hashed.
    pub(crate) names: &'static [&'static str],
    /// The SHA-256 of the files, as far as they are published; empty if only the archive's is.
    pub(crate) checksums: &'static [KnownFile],
    pub(crate) homepage: &'static str,
}

/// An official file whose content is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownFile {
    pub name: &'static str,
    pub bytes: u64,
    /// The SHA-256 as 64 lowercase hexadecimal digits.
    pub sha256: &'static str,
    /// The SHA-256 of the unpacked content, if the file is packed.
    pub unpacked_sha256: Option<&'static str>,
}

impl KnownFile {
    /// Whether a file with this SHA-256 has the official content, packed or not.
    pub fn is(&self, sha256: &str) -> bool {
        self.sha256 == sha256 || self.unpacked_sha256 == Some(sha256)
    }
}

/// The files of a source, and which of them exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The folder of the source's files, which may be missing; `None` for a source without files.
    pub folder: Option<PathBuf>,
    /// Every file that is needed, and whether it exists. For folders of pictures, the folder that holds them.
    pub files: Vec<(PathBuf, bool)>,
    pub complete: bool,
}

/// The identity and the times of image files. Equal states before and after reading mean that no file was replaced or written in
/// between, also if it has its former content again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStates(Vec<(PathBuf, Option<FileState>)>);

/// Device, inode, size, and the seconds and nanoseconds of the last change, which no program can set.
type FileState = (u64, u64, u64, i64, i64);

impl FileStates {
    pub(crate) fn of(files: impl Iterator<Item = PathBuf>) -> Self {
        let state = |path: &Path| {
            let file = fs::metadata(path).ok()?;
            Some((file.dev(), file.ino(), file.size(), file.ctime(), file.ctime_nsec()))
        };
        Self(
            files
                .map(|path| {
                    let state = state(&path);
                    (path, state)
                })
                .collect(),
        )
    }
}

impl OfficialFiles {
    /// Returns the official file `name`, or its unpacked form if only that exists.
    pub(crate) fn find(&self, data_dir: &Path, name: &str) -> SourceFile {
        let path = data_dir.join(self.folder).join(name);
        let file = SourceFile { path, name: name.to_owned(), homepage: Some(self.homepage) };
        let unpacked = file.path.with_extension("");
        if file.is_packed() && !file.path.is_file() && unpacked.is_file() {
            return SourceFile { path: unpacked, ..file };
        }
        file
    }

    pub(crate) fn all(&self, data_dir: &Path) -> Vec<SourceFile> {
        self.names.iter().map(|name| self.find(data_dir, name)).collect()
    }
}

impl SourceFile {
    /// Returns a user's own file at `path`, which serves as `role`.
    pub(crate) fn own(path: PathBuf, role: &str) -> Self {
        Self { path, name: role.to_owned(), homepage: None }
    }

    /// Opens the file for reading its unpacked bytes.
    pub(crate) fn open(&self) -> Result<Box<dyn Read>, Error> {
        let file = File::open(&self.path).map_err(|source| self.unreadable(source))?;
        let mut file = BufReader::with_capacity(1 << 20, file);
        // Also without the ending: no format of images begins with these bytes.
        let start = file.fill_buf().map_err(|source| self.unreadable(source))?;
        let is_gzip = start.starts_with(&[0x1f, 0x8b]);
        Ok(if is_gzip || self.is_packed() { Box::new(GzDecoder::new(file)) } else { Box::new(file) })
    }

    fn is_packed(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "gz")
    }

    /// Returns the error of a reader from [`open`](Self::open) that failed after `unpacked_bytes`.
    pub(crate) fn interrupted(&self, unpacked_bytes: usize, source: io::Error) -> Error {
        let is_damage = matches!(
            source.kind(),
            ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof
        );
        if self.is_packed() && is_damage {
            let found = format!("damage after {unpacked_bytes} unpacked bytes: {source}");
            return self.damaged("a whole gzip file", found);
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
