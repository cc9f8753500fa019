//! Atomic writes: every file is written under a temporary name in the same folder, synced and renamed.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use super::disk;
use super::error::{Result, StoreError};

/// Writes a file in one step: a reader sees the old content or the new one, also after a crash.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = temporary_name(path);
    disk::write_new(&temporary, bytes)
        .and_then(|()| disk::rename(&temporary, path))
        .map_err(StoreError::io("write", path))
        .inspect_err(|_| remove_quietly(&temporary))?;
    sync_folder(parent(path))
}

/// Syncs a folder, so that the names in it survive a crash.
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    disk::sync_folder(folder).map_err(StoreError::io("sync", folder))
}

/// Creates a folder and the folders above it, and syncs them, so that they survive a crash.
pub(super) fn create_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    match disk::create_folder(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound && parent(folder) != folder => {
            create_folder(parent(folder))?;
            return create_folder(folder);
        }
        // Another process made it meanwhile.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
        result => result.map_err(StoreError::io("create", folder))?,
    }
    sync_folder(parent(folder))
}

/// Returns a name in the folder of `path` that no other process and no other call uses.
pub(super) fn temporary_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}-{}.tmp", process::id(), next_count()))
}

/// Returns 0, 1, 2 and so on. With the process id, the number makes a name unique on this host.
pub(super) fn next_count() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

/// Removes a file after another error, which is the one to report.
pub(super) fn remove_quietly(path: &Path) {
    let _ = disk::remove_file(path);
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::example::entries;

    #[test]
    fn writing_replaces_the_whole_content_and_leaves_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.csv");
        write_atomically(&path, b"a longer first version").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(entries(folder.path()), ["history.csv"]);
    }

    #[test]
    fn a_failed_write_leaves_the_target_and_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        let error = write_atomically(&path, b"bytes").unwrap_err();
        assert_eq!(error.to_string(), format!("cannot write {}", path.display()));
        assert_eq!(entries(folder.path()), ["taken"]);
    }
}
