//! What can go wrong between an address and a data directory.

use std::io;
use std::path::{Path, PathBuf};

use crate::archives::MOST_ENTRIES;

/// Why files are not there. [`hint`](Self::hint) says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Drawn figures, or a user's own images.
    #[error("{source_name} has no official files to download")]
    NotPublished {
        /// The source's name for people.
        source_name: &'static str,
    },

    /// Files are missing and may not be downloaded.
    #[error("files are missing and the network is not to be used: {}", wanted.iter().map(Wanted::describe).collect::<Vec<_>>().join("; "))]
    Offline {
        /// What to get; at least one.
        wanted: Vec<Wanted>,
        /// Where to put it, unpacked unless it is kept as it is.
        folder: PathBuf,
    },

    /// No address serves the file whole.
    #[error("cannot download {name}: {}", troubles.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    NotDownloaded {
        /// The archive.
        name: String,
        /// What happened at each address, in the order of the attempts; at least one.
        troubles: Vec<Trouble>,
        /// Where its authors publish it, or the mirror.
        homepage: String,
    },

    /// An archive that would write outside of its folder.
    #[error("{}: expected names of files within one folder, found `{entry}`", archive.display())]
    Escapes {
        /// The archive.
        archive: PathBuf,
        /// The name in it.
        entry: String,
    },

    /// An archive with a link in it, a device, or whatever else is neither file nor folder.
    #[error("{}: expected files and folders, found {kind} `{entry}`", archive.display())]
    NoFile {
        /// The archive.
        archive: PathBuf,
        /// What it is, for example `a link`.
        kind: &'static str,
        /// Its name in the archive.
        entry: String,
    },

    /// An archive that unpacks to more than it should.
    #[error("{}: expected at most {unpacked_bytes} unpacked bytes in {MOST_ENTRIES} files, found more", archive.display())]
    TooLarge {
        /// The archive.
        archive: PathBuf,
        /// How many bytes were expected at most.
        unpacked_bytes: u64,
    },

    /// An archive that does not unpack.
    #[error("cannot unpack {}", archive.display())]
    NotUnpacked {
        /// The archive.
        archive: PathBuf,
        /// What failed.
        source: io::Error,
    },

    /// A folder of another origin lies where the unpacked one goes.
    #[error("{}: expected nothing in the place of the downloaded folder, found a folder that lacks files", path.display())]
    InTheWay {
        /// The folder.
        path: PathBuf,
    },

    /// Everything was downloaded and unpacked, and files are missing still.
    #[error("{}: expected every file of the source after unpacking, found that some are missing", folder.display())]
    Incomplete {
        /// Where they should be.
        folder: PathBuf,
    },

    /// The operating system refused.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },

    /// The operating system refused.
    #[error("cannot write {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
}

/// A file that is to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Of the file.
    pub name: String,
    /// Exactly as many.
    pub bytes: u64,
    /// Where its authors publish it.
    pub homepage: String,
}

/// What happened at one address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address}: {reason}")]
pub struct Trouble {
    /// Of the file.
    pub address: String,
    /// In words.
    pub reason: String,
}

impl Wanted {
    fn describe(&self) -> String {
        format!("{} ({} bytes) from {}", self.name, self.bytes, self.homepage)
    }
}

impl Error {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), source }
    }

    /// What the user can do about it.
    #[must_use]
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
            Self::Escapes { archive, .. } | Self::NoFile { archive, .. } | Self::TooLarge { archive, .. } => {
                format!("delete {} and get the file from its authors", archive.display())
            }
            Self::NotUnpacked { archive, .. } => {
                format!("delete {} to download it anew", archive.display())
            }
            Self::InTheWay { path } => format!("move {} away", path.display()),
            Self::Incomplete { folder } => format!("delete {} and try again", folder.display()),
            Self::Unreadable { path, .. } => format!("check that {} is a file you may read", path.display()),
            Self::Io { path, .. } => format!("check that {} may be written and has room", path.display()),
        }
    }
}
