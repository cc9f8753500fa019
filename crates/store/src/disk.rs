//! All changes of the disk, one function for each kind. In tests, each change is recorded, so that crashes after any change can
//! be simulated, and any change can be made to fail.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

#[cfg(test)]
use super::journal::{self, Change};

/// Makes a change. In tests it is recorded, and can be made to fail; `wait` marks changes that are slow on a real disk.
#[cfg(not(test))]
macro_rules! change {
    (wait $make:expr, $change:expr) => {
        $make
    };
    ($make:expr, $change:expr) => {
        $make
    };
}
#[cfg(test)]
macro_rules! change {
    (wait $make:expr, $change:expr) => {
        journal::change(|| journal::wait(|| $make), || $change)
    };
    ($make:expr, $change:expr) => {
        journal::change(|| $make, || $change)
    };
}

/// Writes a new file. Afterwards its bytes are on disk, but its name may not be.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = change!(fill_new(path, bytes), Change::Write { path: path.into(), bytes: bytes.into() })?;
    sync_file(&file, path)
}

fn fill_new(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    Ok(file)
}

/// Waits until the bytes of `file` at `path` are on disk.
pub(super) fn sync_file(file: &File, #[cfg_attr(not(test), expect(unused))] path: &Path) -> io::Result<()> {
    change!(wait file.sync_all(), Change::SyncFile { path: path.into() })
}

/// Waits until the names in `folder` are on disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    let synced = change!(
        wait File::open(folder).and_then(|file| file.sync_all()),
        Change::SyncFolder { path: folder.into() }
    );
    match synced {
        // Some network file systems cannot sync a folder; they order renames themselves.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Creates a folder in an existing folder.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    change!(fs::create_dir(path), Change::CreateFolder { path: path.into() })
}

/// Renames a file or a folder; an existing file is replaced.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    change!(fs::rename(from, to), Change::Rename { from: from.into(), to: to.into() })
}

pub(super) fn remove_file(path: &Path) -> io::Result<()> {
    change!(fs::remove_file(path), Change::Remove { path: path.into() })
}

/// Removes a folder with everything in it.
pub(super) fn remove_tree(path: &Path) -> io::Result<()> {
    change!(fs::remove_dir_all(path), Change::Remove { path: path.into() })
}
