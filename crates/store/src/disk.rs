//! All changes of the disk, one function for each kind. In tests, each change is recorded, so that crashes after any change can
//! be simulated, and any change can be made to fail.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

#[cfg(test)]
use super::journal::{self, Change};

/// Writes a new file. Afterwards its bytes are on disk, but its name may not be.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let write = || -> io::Result<File> {
        let mut file = File::create_new(path)?;
        file.write_all(bytes)?;
        Ok(file)
    };
    #[cfg(test)]
    let write = || journal::change(write, || Change::Write { path: path.into(), bytes: bytes.into() });
    sync_file(&write()?, path)
}

/// Waits until the bytes of `file` at `path` are on disk.
pub(super) fn sync_file(file: &File, #[cfg_attr(not(test), expect(unused))] path: &Path) -> io::Result<()> {
    let sync = || file.sync_all();
    #[cfg(test)]
    let sync = || journal::change(|| journal::wait(sync), || Change::SyncFile { path: path.into() });
    sync()
}

/// Waits until the names in `folder` are on disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    let sync = || match File::open(folder).and_then(|file| file.sync_all()) {
        // Some network file systems cannot sync a folder; they order renames themselves.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        result => result,
    };
    #[cfg(test)]
    let sync = || journal::change(|| journal::wait(sync), || Change::SyncFolder { path: folder.into() });
    sync()
}

/// Creates a folder in an existing folder.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    let create = || fs::create_dir(path);
    #[cfg(test)]
    let create = || journal::change(create, || Change::CreateFolder { path: path.into() });
    create()
}

/// Renames a file or a folder; an existing file is replaced.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let rename = || fs::rename(from, to);
    #[cfg(test)]
    let rename = || journal::change(rename, || Change::Rename { from: from.into(), to: to.into() });
    rename()
}

pub(super) fn remove_file(path: &Path) -> io::Result<()> {
    let remove = || fs::remove_file(path);
    #[cfg(test)]
    let remove = || journal::change(remove, || Change::Remove { path: path.into() });
    remove()
}

/// Removes a folder with everything in it.
pub(super) fn remove_tree(path: &Path) -> io::Result<()> {
    let remove = || fs::remove_dir_all(path);
    #[cfg(test)]
    let remove = || journal::change(remove, || Change::Remove { path: path.into() });
    remove()
}
