//! The folders of a store.

use std::fs::{self, DirEntry};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::artifact::Artifact;
use super::error::{Result, StoreError};
use super::key::Key;
use super::lease::Leases;
use super::manifest::FORMAT;
use super::persist;

/// The artifacts under one root folder; any number of processes may have it open.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    leases: Arc<Leases>,
}

impl Store {
    /// Opens the store under `root`, or creates it. Removes work that was certainly abandoned.
    pub fn open(root: &Path) -> Result<Self> {
        let root = std::path::absolute(root).map_err(StoreError::io("resolve", root))?;
        let store = Self { root, leases: Arc::default() };
        persist::create_folder(&store.root.join("store"))?;
        persist::create_folder(&store.work_root())?;
        check_version(&store.root.join("store").join("VERSION"))?;
        // Errors do not matter: a user without write permission can still read.
        let _ = store.sweep();
        Ok(store)
    }

    /// Returns the folder that contains `store` and `work`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the finished artifact of a key. A damaged artifact is an error and never used.
    pub fn find(&self, kind: &str, key: &Key) -> Result<Option<Artifact>> {
        Artifact::open(self.artifact_path(kind, key), kind, key)
    }

    /// Returns the finished artifact of a key. A damaged artifact counts as missing; its damage is returned.
    pub fn look_up(&self, kind: &str, key: &Key) -> Result<(Option<Artifact>, Option<StoreError>)> {
        match self.find(kind, key) {
            Err(damage @ StoreError::Damaged { .. }) => Ok((None, Some(damage))),
            found => Ok((found?, None)),
        }
    }

    /// Returns the folder of the artifact of a key, which need not exist.
    pub(super) fn artifact_path(&self, kind: &str, key: &Key) -> PathBuf {
        self.shelf(kind).join(key.to_string())
    }

    pub(super) fn shelf(&self, kind: &str) -> PathBuf {
        self.root.join("store").join(kind)
    }

    pub(super) fn leases(&self) -> &Arc<Leases> {
        &self.leases
    }

    pub(super) fn work_root(&self) -> PathBuf {
        self.root.join("work")
    }
}

/// Returns the entries of a folder, none if it does not exist.
pub(super) fn list(folder: &Path) -> Result<Vec<DirEntry>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.and_then(Iterator::collect).map_err(StoreError::io("list", folder)),
    }
}

fn check_version(path: &Path) -> Result<()> {
    match fs::read(path) {
        Ok(bytes) if bytes.trim_ascii() == FORMAT.to_string().as_bytes() => Ok(()),
        Ok(bytes) => Err(StoreError::UnknownFormat {
            path: path.to_owned(),
            found: format!("`{}`", String::from_utf8_lossy(bytes.trim_ascii())),
            supported: FORMAT,
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            persist::write_atomically(path, format!("{FORMAT}\n").as_bytes())
        }
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{begin, key_text, publish, store};

    #[test]
    fn a_store_of_another_format_is_refused_and_left_alone() {
        let (folder, _) = store();
        let version = folder.path().join("store/VERSION");
        fs::write(&version, "2\n").unwrap();
        let error = Store::open(folder.path()).unwrap_err();
        let expected = "has store format `2`, this build reads format 1";
        assert_eq!(error.to_string(), format!("{} {expected}", version.display()));
        assert_eq!(fs::read(&version).unwrap(), b"2\n");
    }

    #[test]
    fn opening_again_keeps_artifacts_and_work_in_progress() {
        let (folder, first) = store();
        publish(&first, &key_text(1));
        let work = begin(&first, &key_text(2));
        let second = Store::open(folder.path()).unwrap();
        assert!(second.find("trial", &Key::of(&key_text(1))).unwrap().is_some());
        assert!(work.path().join("history.csv").exists());
    }

    #[test]
    fn stray_files_and_folders_are_never_taken_for_artifacts() {
        let (_folder, store) = store();
        let artifact = publish(&store, &key_text(1));
        let shelf = store.shelf("trial");
        let missing = Key::of(&key_text(2));
        fs::write(shelf.join(format!(".{missing}.1-1.tmp")), "").unwrap();
        fs::create_dir(shelf.join(format!("{missing}.old"))).unwrap();
        fs::create_dir(shelf.join(missing.to_string().to_uppercase())).unwrap();
        fs::create_dir(shelf.join(missing.short())).unwrap();
        assert!(store.find("trial", &missing).unwrap().is_none());
        fs::create_dir_all(store.shelf("trial.old").join(missing.to_string())).unwrap();
        let names = store.names().unwrap();
        assert_eq!(names.iter().map(|name| name.key).collect::<Vec<_>>(), [*artifact.key()]);
    }
}
