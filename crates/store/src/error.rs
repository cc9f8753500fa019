//! The errors of a store.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant names its fields")]
pub enum StoreError {
    #[error("cannot {action} {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },

    #[error("artifact {} is damaged: {file}: expected {expected}, found {found}", artifact.display())]
    Damaged { artifact: PathBuf, file: String, expected: String, found: String },

    #[error("{} has store format {found}, this build reads format {supported}", path.display())]
    UnknownFormat { path: PathBuf, found: String, supported: u32 },

    #[error("artifact {} holds no `{file}`", artifact.display())]
    NotInArtifact { artifact: PathBuf, file: String },

    #[error("cannot publish {}: it is {found}, an artifact holds only files and folders", path.display())]
    NotAFile { path: PathBuf, found: &'static str },

    #[error("`{name}` cannot name a file of an artifact: {reason}")]
    FileName { name: String, reason: &'static str },

    #[error("{} was taken over by another process", work.display())]
    LeaseLost { work: PathBuf },

    #[error("{} is in use by a run", store.display())]
    InUse { store: PathBuf },

    #[error("artifacts are being removed from {}", store.display())]
    BeingCollected { store: PathBuf },

    #[error("{} is there already, with another `{file}` or none", folder.display())]
    OtherContent { folder: PathBuf, file: String },

    #[error("cannot make {} a link to {}: it is {found}", link.display(), target.display())]
    NotALink { link: PathBuf, target: PathBuf, found: &'static str },
}

pub type Result<T> = std::result::Result<T, StoreError>;

impl StoreError {
    /// Returns what the user can do about the error.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io { path, source, .. } => return io_hint(path, source.kind()),
            Self::Damaged { .. } => {
                "it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again"
                    .to_owned()
            }
            Self::UnknownFormat { .. } => {
                "use the build that wrote it, or start a new store in another folder".to_owned()
            }
            Self::NotInArtifact { .. } => "this is a fault of the program, not of the store".to_owned(),
            Self::NotAFile { .. } => {
                "copy the file that it leads to into the work directory, or leave it out".to_owned()
            }
            Self::FileName { .. } => "use a relative path such as `epochs/history.csv`".to_owned(),
            Self::LeaseLost { .. } => {
                "this process was paused for minutes; the other process continues the trial".to_owned()
            }
            Self::InUse { .. } => "wait for it, or stop it with Ctrl-C: it saves its trials".to_owned(),
            Self::BeingCollected { .. } => "try again in a moment".to_owned(),
            Self::OtherContent { folder, .. } => format!(
                "nothing is overwritten: write to another place, or move it away: mv {0} {0}.old",
                folder.display()
            ),
            Self::NotALink { link, .. } => {
                format!("nothing here writes it; move it away and run again: mv {0} {0}.old", link.display())
            }
        })
    }

    /// Returns the function for `map_err` that adds the failed action and its path.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// Returns the damage of a file of an artifact.
    pub(super) fn damaged(
        artifact: &Path,
        file: &str,
        expected: impl ToString,
        found: impl ToString,
    ) -> Self {
        Self::Damaged {
            artifact: artifact.to_owned(),
            file: file.to_owned(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}

fn io_hint(path: &Path, kind: ErrorKind) -> Option<String> {
    match kind {
        ErrorKind::PermissionDenied => {
            Some(format!("this user may not do that; see who may: ls -ld {}", parent(path).display()))
        }
        ErrorKind::ReadOnlyFilesystem => {
            Some("the disk is mounted read-only; put the store on one that can be written".to_owned())
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(format!(
            "free some space and run again, what is finished stays: df -h {}",
            parent(path).display()
        )),
        ErrorKind::InvalidFilename => {
            Some("a name in this path is too long for the file system: put the store into a folder nearer to the root".to_owned())
        }
        ErrorKind::NotADirectory => {
            Some("a part of this path is a file where a folder is needed; move it away".to_owned())
        }
        _ => None,
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_read_only_disks_and_full_disks_have_their_own_hints() {
        let kinds = [
            ErrorKind::PermissionDenied,
            ErrorKind::ReadOnlyFilesystem,
            ErrorKind::StorageFull,
            ErrorKind::QuotaExceeded,
            ErrorKind::NotADirectory,
        ];
        let mut report = String::new();
        for kind in kinds {
            let error = StoreError::io("write", Path::new("store/trial/history.csv"))(kind.into());
            report +=
                &format!("error: {error}: {kind}\nhint: {}\n", error.hint().expect("this kind has one"));
        }
        insta::assert_snapshot!(report, @"
        error: cannot write store/trial/history.csv: permission denied
        hint: this user may not do that; see who may: ls -ld store/trial
        error: cannot write store/trial/history.csv: read-only filesystem or storage medium
        hint: the disk is mounted read-only; put the store on one that can be written
        error: cannot write store/trial/history.csv: no storage space
        hint: free some space and run again, what is finished stays: df -h store/trial
        error: cannot write store/trial/history.csv: quota exceeded
        hint: free some space and run again, what is finished stays: df -h store/trial
        error: cannot write store/trial/history.csv: not a directory
        hint: a part of this path is a file where a folder is needed; move it away
        ");
    }
}
