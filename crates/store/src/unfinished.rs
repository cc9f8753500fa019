//! The files of claimed work, and its checkpoint.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::disk;
use super::error::{Result, StoreError};
use super::fault;
use super::key::Key;
use super::name::Name;
use super::persist;
use super::root::{Store, list};

impl Store {
    /// Removes the remains of work whose artifact exists. Errors do not matter, because the artifact exists.
    pub(super) fn forget_work(&self, kind: &str, key: &Key) {
        let _ = disk::remove_tree(&self.claimed_folder(kind, key));
        persist::remove_quietly(&self.beside_work(kind, key, "checkpoint"));
        persist::remove_quietly(&self.beside_work(kind, key, "failure"));
        self.remove_temporary(kind, key);
    }

    /// Removes half-written checkpoints of killed processes.
    pub(super) fn remove_temporary(&self, kind: &str, key: &Key) {
        let prefix = format!(".{kind}-{key}.");
        for entry in fs::read_dir(self.work_root()).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                persist::remove_quietly(&entry.path());
            }
        }
    }

    pub(super) fn claimed_folder(&self, kind: &str, key: &Key) -> PathBuf {
        self.work_root().join(format!("{kind}-{key}"))
    }

    pub(super) fn has_checkpoint(&self, kind: &str, key: &Key) -> bool {
        self.beside_work(kind, key, "checkpoint").is_file()
    }

    pub(super) fn beside_work(&self, kind: &str, key: &Key, what: &str) -> PathBuf {
        self.work_root().join(format!("{kind}-{key}.{what}"))
    }
}

/// Returns the artifact that an entry of the folder `work` belongs to.
pub(super) fn claimed(entry: &str) -> Option<Name> {
    let stem = entry.split_once('.').map_or(entry, |(stem, _)| stem);
    let (kind, key) = stem.rsplit_once('-')?;
    Some(Name { kind: kind.to_owned(), key: Key::parse(key)? })
}

/// Removes everything in `folder` except files whose names begin with one of `kept`.
pub(super) fn clear(folder: &Path, kept: &[&str]) -> Result<()> {
    machine::plain::check_folder(folder).map_err(StoreError::io("open", folder))?;
    for entry in list(folder)? {
        let (path, name) = (entry.path(), entry.file_name());
        if kept.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            continue;
        }
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let removed = if is_folder { disk::remove_tree(&path) } else { disk::remove_file(&path) };
        match removed {
            // A process that has lost the lease may still move its files.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            removed => removed.map_err(StoreError::io("remove", &path))?,
        }
    }
    Ok(())
}

/// Reads a checkpoint. A damaged checkpoint is `None`: the work begins again.
pub(super) fn read_checkpoint(path: &Path) -> Result<Option<Vec<u8>>> {
    // A mount may remember the size of the checkpoint before, until a file is read.
    Ok(match read_whole(path)? {
        None => read_whole(path)?,
        whole => whole,
    })
}

fn read_whole(path: &Path) -> Result<Option<Vec<u8>>> {
    let mut bytes = match fs::read(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) => {
            return Ok(None);
        }
        bytes => bytes.map_err(StoreError::io("read", path))?,
    };
    let Some(hash) = bytes.first_chunk::<32>().copied() else { return Ok(None) };
    let is_whole = blake3::hash(&bytes[32..]) == blake3::Hash::from_bytes(hash);
    bytes.drain(..32);
    Ok(is_whole.then_some(bytes))
}

/// Writes the checkpoint of interrupted work in one step.
pub(super) fn write_checkpoint(path: &Path, bytes: &[u8]) -> Result<()> {
    fault::point("before the checkpoint");
    let hash = blake3::hash(bytes);
    persist::write_atomically(path, &[hash.as_bytes(), bytes].concat())?;
    fault::point("after the checkpoint");
    Ok(())
}
