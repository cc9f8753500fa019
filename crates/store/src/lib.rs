//! Is this result already there? A key is mapped to a folder that is complete or does not exist.
//!
//! ```text
//! <root>/store/VERSION                                  the layout's number
//! <root>/store/<kind>/<key>/                            finished: key.ron, the result's files, manifest.ron
//! <root>/work/<kind>-<short key>-<scope>-<pid>-<n>/     in progress: owner.ron, key.ron, what there is so far
//! <root>/work/<kind>-<key>/                             in progress, claimed: see `claim.rs`
//! ```
//!
//! The store names no stage and knows nothing of training. Work is synced and then renamed into place, so a folder
//! under its final name is complete, and there is no second record of what is done. Nothing here deletes an artifact.

pub mod links;
pub mod persist;

mod artifact;
mod audit;
mod claim;
#[cfg(test)]
mod crash;
mod difference;
mod disk;
mod error;
#[cfg(test)]
mod example;
pub(crate) mod fault;
mod folder;
#[cfg(test)]
mod journal;
mod key;
mod lease;
mod manifest;
mod nearest;
mod owner;
mod unfinished;
mod work;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use lease::{Lease, Pulse, Taken};

pub use artifact::Artifact;
pub use audit::{InUse, Name};
pub use claim::{Claim, Holder};
pub use difference::{FieldDifference, difference};
pub use error::{Result, StoreError};
pub use folder::{Placed, place_folder, read_if_there};
pub use key::{Key, KeyText};
pub use manifest::{FORMAT, KEY_FILE, ListedFile, MANIFEST_FILE, Manifest, Provenance, running_program};
pub use work::{Published, Work};

/// How often, and how long after another, a lease is asked for that is held only while an artifact is moved.
const LEASE_ATTEMPTS: usize = 50;
const LEASE_PAUSE: Duration = Duration::from_millis(100);

/// The artifacts under one root folder; as many processes as like may have it open.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    /// Keeps claims alive for other hosts.
    pulse: Arc<Pulse>,
}

impl Store {
    /// The store under `root`, created if need be; work that was certainly abandoned is removed.
    pub fn open(root: &Path) -> Result<Self> {
        let root = std::path::absolute(root).map_err(StoreError::io("resolve", root))?;
        let store = Self { root, pulse: Arc::default() };
        persist::create_folder(&store.root.join("store"))?;
        persist::create_folder(&store.work_root())?;
        check_version(&store.root.join("store").join("VERSION"))?;
        owner::remove_abandoned(&store.work_root())?;
        // Only tidying: who may not write can still read.
        let _ = store.sweep();
        Ok(store)
    }

    /// The folder that `store` and `work` lie in.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The finished artifact of a key; one that is damaged is an error and never used.
    pub fn find(&self, kind: &str, key: &Key) -> Result<Option<Artifact>> {
        key::check_kind(kind)?;
        Artifact::open(self.artifact_path(kind, key), kind, key)
    }

    /// The finished artifact of a key. One that is damaged is moved aside, so that it is made anew; the damage is told.
    pub fn find_or_move_aside(
        &self,
        kind: &str,
        key: &Key,
    ) -> Result<(Option<Artifact>, Option<StoreError>)> {
        match self.find(kind, key) {
            Err(damage @ StoreError::Damaged { .. }) => {
                // Whoever else is about to move it has the lease; then it is looked at once more.
                for _ in 0..LEASE_ATTEMPTS {
                    if let Taken::Mine(_lease) =
                        Lease::take(&self.beside_work(kind, key, "lease"), self.pulse())?
                    {
                        return self.find_or_move_aside_alone(kind, key);
                    }
                    thread::sleep(LEASE_PAUSE);
                }
                Err(damage)
            }
            found => Ok((found?, None)),
        }
    }

    /// Moves the artifact aside that `damage` names; false where it is none of this store's.
    pub fn move_damaged_aside(&self, damage: &StoreError) -> Result<bool> {
        let StoreError::Damaged { artifact, .. } = damage else { return Ok(false) };
        let mut parts = artifact.iter().rev();
        let (Some(key), Some(kind)) = (parts.next(), parts.next()) else { return Ok(false) };
        let (Some(Ok(key)), Some(kind)) = (key.to_str().map(str::parse), kind.to_str()) else {
            return Ok(false);
        };
        let name = Name { kind: kind.to_owned(), key };
        if self.artifact_path(kind, &name.key) != *artifact {
            return Ok(false);
        }
        match self.move_aside(&name) {
            // Somebody else has just done it.
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(true),
            moved => moved.map(|_| true),
        }
    }

    /// The same for who has the lease.
    fn find_or_move_aside_alone(
        &self,
        kind: &str,
        key: &Key,
    ) -> Result<(Option<Artifact>, Option<StoreError>)> {
        match self.find(kind, key) {
            Err(damage @ StoreError::Damaged { .. }) => {
                self.move_damaged_aside(&damage)?;
                Ok((None, Some(damage)))
            }
            found => Ok((found?, None)),
        }
    }

    /// A folder in which to make the artifact of a key.
    pub fn begin(&self, key_text: &KeyText) -> Result<Work> {
        Work::begin(self, key_text)
    }

    /// Where the artifact of a key lies, or would lie.
    fn artifact_path(&self, kind: &str, key: &Key) -> PathBuf {
        self.shelf(kind).join(key.to_string())
    }

    fn shelf(&self, kind: &str) -> PathBuf {
        self.root.join("store").join(kind)
    }

    fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    fn work_root(&self) -> PathBuf {
        self.root.join("work")
    }

    /// The keys of a kind in ascending order; names that are no key are nobody's artifact.
    fn keys(&self, kind: &str) -> Result<Vec<Key>> {
        let shelf = self.shelf(kind);
        let entries = match fs::read_dir(&shelf) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            result => result.map_err(StoreError::io("list", &shelf))?,
        };
        let mut keys = Vec::new();
        for entry in entries {
            let name = entry.map_err(StoreError::io("list", &shelf))?.file_name();
            keys.extend(name.to_str().and_then(|name| name.parse::<Key>().ok()));
        }
        keys.sort_unstable();
        Ok(keys)
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
        let artifact = publish(&store, &key_text(1)).into_artifact();
        let shelf = store.shelf("trial");
        let missing = Key::of(&key_text(2));
        fs::write(shelf.join(format!(".{missing}.1-1.tmp")), "").unwrap();
        fs::create_dir(shelf.join(format!("{missing}.old"))).unwrap();
        fs::create_dir(shelf.join(missing.to_string().to_uppercase())).unwrap();
        fs::create_dir(shelf.join(missing.short())).unwrap();
        assert!(store.find("trial", &missing).unwrap().is_none());
        assert_eq!(store.keys("trial").unwrap(), [*artifact.key()]);
    }

    #[test]
    fn a_kind_that_would_lead_out_of_the_store_is_refused() {
        let (_folder, store) = store();
        let error = store.find("../work", &Key::of(&key_text(1))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`../work` cannot name a kind of artifact: expected only a-z, 0-9 and _"
        );
    }
}
