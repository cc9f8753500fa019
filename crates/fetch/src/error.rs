use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The reason why files could not be fetched. [`hint`](Self::hint) says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Files of drawn figures or of a user's own images are missing.
    #[error("{source_name} has no official files to download")]
    NotPublished { source_name: &'static str },

    #[error("files are missing and the network is not to be used: {}", wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Offline { wanted: Vec<Wanted>, folder: PathBuf },

    #[error("cannot download {name}: {}", failures.join("; "))]
    NotDownloaded {
        name: String,
        /// Each address and the reason why it failed.
        failures: Vec<String>,
        homepage: String,
    },

    #[error("cannot unpack {}", archive.display())]
    NotUnpacked { archive: PathBuf, source: io::Error },

    #[error("{}: expected nothing in the place of the downloaded folder, found a folder that lacks files", path.display())]
    InTheWay { path: PathBuf },

    #[error("{}: expected every file of the source after unpacking, found that some are missing", folder.display())]
    Incomplete { folder: PathBuf },

    #[error("cannot read {}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },

    #[error("cannot write {}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// A file that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub name: String,
    pub bytes: u64,
    /// The page on which its authors publish it.
    pub homepage: String,
}

impl fmt::Display for Wanted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({} bytes) from {}", self.name, self.bytes, self.homepage)
    }
}

impl Error {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), source }
    }

    pub fn hint(&self) -> String {
        match self {
            Self::NotPublished { .. } => "put the files where the source's settings say".to_owned(),
            Self::Offline { folder, .. } => format!(
                "put them into {} (archives unpacked, .gz files as they are), or allow the network",
                folder.display()
            ),
            Self::NotDownloaded { homepage, .. } => format!(
                "try again later, which continues where it stopped; or give a mirror, or get the file from {homepage}"
            ),
            Self::NotUnpacked { archive, .. } => {
                format!("make room for its files, or delete {} to download it again", archive.display())
            }
            Self::InTheWay { path } => format!("move {} away", path.display()),
            Self::Incomplete { folder } => format!("delete {} and try again", folder.display()),
            Self::Unreadable { path, .. } => format!("check that {} is a file you may read", path.display()),
            Self::Io { path, .. } => format!("check that {} may be written and has room", path.display()),
        }
    }
}
