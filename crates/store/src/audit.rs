//! All artifacts of a store: listing, verifying every byte, moving damaged artifacts aside, and removing artifacts.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::artifact::Artifact;
use super::disk;
use super::error::{Result, StoreError};
use super::lease::Taken;
use super::manifest::MANIFEST_FILE;
use super::name::{Name, is_kind};
use super::persist;
use super::root::{Store, list};
use super::unfinished::claimed;

/// The first letters of the name of an artifact that is being removed, in the folder `work`.
pub(super) const REMOVED: &str = "removed-";

/// A lock that a run holds while it reads and writes the store, so that no artifact is removed meanwhile.
#[derive(Debug)]
pub struct InUse(#[expect(dead_code, reason = "its lock is what counts")] Option<File>);

impl Store {
    /// Moves the artifact aside that `damage` names; returns false if it does not belong to this store.
    pub fn move_damaged_aside(&self, damage: &StoreError) -> Result<bool> {
        let StoreError::Damaged { artifact, .. } = damage else { return Ok(false) };
        let Some(name) = Name::of(artifact, &self.root().join("store")) else { return Ok(false) };
        // Another process may have moved it and made it again.
        if self.verify(&name).is_ok() {
            return Ok(true);
        }
        match self.move_aside(&name) {
            // Another process has just moved it.
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(true),
            moved => moved.map(|_| true),
        }
    }

    /// Returns the names of all artifacts, sorted by kind and key.
    pub fn names(&self) -> Result<Vec<Name>> {
        let store = self.root().join("store");
        let mut names = Vec::new();
        let shelves =
            list(&store)?.into_iter().filter(|entry| entry.file_name().to_str().is_some_and(is_kind));
        for shelf in shelves.map(|entry| entry.path()).filter(|path| path.is_dir()) {
            names.extend(list(&shelf)?.iter().filter_map(|entry| Name::of(&entry.path(), &store)));
        }
        names.sort();
        Ok(names)
    }

    /// Reads and checks every file of an artifact.
    pub fn verify(&self, name: &Name) -> Result<Artifact> {
        let artifact = self.find(&name.kind, &name.key)?.ok_or_else(|| {
            let path = self.artifact_path(&name.kind, &name.key);
            StoreError::io("read", &path)(ErrorKind::NotFound.into())
        })?;
        for file in &artifact.manifest().files {
            artifact.read(&file.path)?;
        }
        Ok(artifact)
    }

    /// Moves an artifact to the folder `damaged`, so that the next run makes it again. No file is deleted.
    pub fn move_aside(&self, name: &Name) -> Result<PathBuf> {
        let target = self.place_aside(name)?;
        let from = self.artifact_path(&name.kind, &name.key);
        disk::rename(&from, &target).map_err(StoreError::io("move", &from))?;
        persist::sync_folder(target.parent().unwrap_or(&target))?;
        persist::sync_folder(&self.shelf(&name.kind))?;
        Ok(target)
    }

    /// Returns the files in an artifact's folder that are not part of it, relative to the folder.
    pub fn strangers(&self, artifact: &Artifact) -> Vec<PathBuf> {
        let entries = walkdir::WalkDir::new(artifact.path()).sort_by_file_name().into_iter().flatten();
        entries
            .filter(|entry| !entry.file_type().is_dir())
            .filter_map(|entry| Some(entry.path().strip_prefix(artifact.path()).ok()?.to_path_buf()))
            .filter(|path| {
                path != Path::new(MANIFEST_FILE)
                    && !artifact.manifest().files.iter().any(|listed| Path::new(&listed.path) == path)
            })
            .collect()
    }

    /// Moves files that are not part of an artifact from its folder to the folder `damaged`, and returns their folder there.
    pub fn move_strangers_aside(&self, name: &Name, strangers: &[PathBuf]) -> Result<PathBuf> {
        let target = self.place_aside(name)?;
        for stranger in strangers {
            let (from, to) = (self.folder_of(name).join(stranger), target.join(stranger));
            persist::create_folder(to.parent().unwrap_or(&target))?;
            disk::rename(&from, &to).map_err(StoreError::io("move", &from))?;
        }
        Ok(target)
    }

    /// Returns a path in the folder `damaged` that nothing uses.
    fn place_aside(&self, name: &Name) -> Result<PathBuf> {
        let aside = self.root().join("damaged");
        persist::create_folder(&aside)?;
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        // One artifact may be damaged again within a second.
        Ok(aside.join(format!("{}-{}-{seconds}-{}", name.kind, name.key, persist::unique())))
    }

    /// Returns the number of artifacts that were moved aside, and their bytes.
    pub fn aside(&self) -> Result<(usize, u64)> {
        let entries = list(&self.root().join("damaged"))?;
        Ok((entries.len(), entries.iter().map(|entry| size_of_files(&entry.path())).sum()))
    }

    pub fn remove(&self, name: &Name) -> Result<()> {
        let path = self.artifact_path(&name.kind, &name.key);
        // It is moved away in one step first: half an artifact under its name would be damage.
        let removed = self.work_root().join(format!("{REMOVED}{}-{}", name.key, persist::unique()));
        disk::rename(&path, &removed).map_err(StoreError::io("remove", &path))?;
        // Without these syncs, a crash could leave the old name with some of its files removed.
        persist::sync_folder(&self.work_root())?;
        persist::sync_folder(&self.shelf(&name.kind))?;
        match disk::remove_tree(&removed) {
            // Another process that opened the store meanwhile has removed the rest.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            result => result.map_err(StoreError::io("remove", &removed)),
        }
    }

    /// Returns the artifacts with unfinished or failed work.
    pub fn unfinished(&self) -> Result<HashSet<Name>> {
        let entries = list(&self.work_root())?;
        let names = entries.iter().filter_map(|entry| claimed(entry.file_name().to_str()?));
        Ok(names.collect())
    }

    /// Removes unfinished work, unless a process works on it.
    pub fn give_up(&self, name: &Name) -> Result<()> {
        let lease = self.beside_work(&name.kind, &name.key, "lease");
        if let Taken::Mine(_lease) = self.leases().take(&lease)? {
            self.forget_work(&name.kind, &name.key);
        }
        Ok(())
    }

    /// Returns the folder of an artifact, which need not exist.
    pub fn folder_of(&self, name: &Name) -> PathBuf {
        self.artifact_path(&name.kind, &name.key)
    }

    /// Returns the bytes of all files of an artifact, which may be damaged.
    pub fn size(&self, name: &Name) -> u64 {
        size_of_files(&self.artifact_path(&name.kind, &name.key))
    }

    /// Returns the artifacts whose key begins with `start`.
    pub fn named(&self, start: &str) -> Result<Vec<Name>> {
        Ok(self.names()?.into_iter().filter(|name| name.key.to_string().starts_with(start)).collect())
    }

    /// Returns the artifacts that links below `folder` lead to.
    pub fn linked_from(&self, folder: &Path) -> HashSet<Name> {
        let Ok(store) = self.root().join("store").canonicalize() else { return HashSet::new() };
        let links =
            walkdir::WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.path_is_symlink());
        links.filter_map(|link| Name::of(&link.path().canonicalize().ok()?, &store)).collect()
    }

    /// Locks the store for a run; any number of runs may have it locked. Without write permission, there may be no lock.
    ///
    /// # Errors
    /// If artifacts are being removed now.
    pub fn use_it(&self) -> Result<InUse> {
        let file = match self.in_use_file() {
            // A user who may only read the store cannot create the file, but can lock it.
            Err(StoreError::Io { source, .. }) if is_denied(&source) => File::open(self.in_use_path()).ok(),
            file => Some(file?),
        };
        let Some(file) = file else { return Ok(InUse(None)) };
        match file.try_lock_shared() {
            Ok(()) => Ok(InUse(Some(file))),
            Err(TryLockError::WouldBlock) => {
                Err(StoreError::BeingCollected { store: self.root().to_owned() })
            }
            // Without locks, runs are not known. Only artifacts that no pipeline reaches are removed.
            Err(TryLockError::Error(_)) => Ok(InUse(Some(file))),
        }
    }

    /// Locks the store against runs, until the lock is dropped.
    ///
    /// # Errors
    /// If a run uses the store.
    pub fn have_it_alone(&self) -> Result<InUse> {
        let file = self.in_use_file()?;
        match file.try_lock() {
            Ok(()) => Ok(InUse(Some(file))),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { store: self.root().to_owned() }),
            Err(TryLockError::Error(error)) => Err(StoreError::io("lock", &self.in_use_path())(error)),
        }
    }

    fn in_use_path(&self) -> PathBuf {
        self.root().join("store").join("IN_USE")
    }

    fn in_use_file(&self) -> Result<File> {
        let path = self.in_use_path();
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        machine::plain::open(&options, &path).map_err(StoreError::io("open", &path))
    }
}

fn is_denied(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

fn size_of_files(folder: &Path) -> u64 {
    let files = walkdir::WalkDir::new(folder).into_iter().flatten();
    files.filter_map(|entry| entry.metadata().ok()).filter(|file| file.is_file()).map(|file| file.len()).sum()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use crate::example::{key_text, publish, store};
    use crate::links;

    #[test]
    fn a_flipped_bit_is_found_and_moved_aside() {
        let (_folder, store) = store();
        let artifact = publish(&store, &key_text(1));
        publish(&store, &key_text(2));
        let [one, other] = &store.names().expect("listable")[..] else { panic!("two artifacts") };
        let damaged = if one.key == *artifact.key() { one } else { other };
        let path = artifact.path().join("history.csv");
        let mut bytes = fs::read(&path).expect("readable");
        bytes[3] ^= 1;
        fs::write(&path, bytes).expect("writable");
        assert!(store.find("trial", artifact.key()).expect("sizes are right").is_some());
        let error = store.verify(damaged).expect_err("a bit was flipped");
        assert!(error.to_string().contains("history.csv"), "{error}");
        let moved = store.move_aside(damaged).expect("movable");
        assert!(moved.join("history.csv").exists());
        assert!(store.find("trial", artifact.key()).expect("readable").is_none());
        let whole = &store.names().expect("listable")[..];
        assert_eq!(whole.len(), 1);
        store.verify(&whole[0]).expect("the other one is whole");
    }

    #[test]
    fn files_that_are_not_part_of_an_artifact_are_found_and_moved_aside() {
        let (_folder, store) = store();
        let artifact = publish(&store, &key_text(1));
        assert_eq!(store.strangers(&artifact), [""; 0].map(PathBuf::from));
        let strangers = ["notes/a.txt", "owner.ron"].map(PathBuf::from);
        fs::create_dir(artifact.path().join("notes")).expect("writable");
        for stranger in &strangers {
            fs::write(artifact.path().join(stranger), "mine").expect("writable");
        }
        assert_eq!(store.strangers(&artifact), strangers);
        let name = &store.names().expect("listable")[0];
        let moved = store.move_strangers_aside(name, &strangers).expect("movable");
        assert!(strangers.iter().all(|stranger| moved.join(stranger).exists()));
        assert_eq!(store.strangers(&artifact), [""; 0].map(PathBuf::from));
        store.verify(name).expect("it is whole");
    }

    #[test]
    fn linked_artifacts_are_known_and_removed_ones_are_gone() {
        let (folder, store) = store();
        let artifact = publish(&store, &key_text(1));
        publish(&store, &key_text(2));
        links::point(folder.path(), &folder.path().join("runs/a/b/seed-0"), artifact.path())
            .expect("linkable");
        let kept = store.linked_from(&folder.path().join("runs"));
        assert_eq!(kept.len(), 1);
        for name in store.names().expect("listable").iter().filter(|name| !kept.contains(name)) {
            store.remove(name).expect("removable");
        }
        let names = store.names().expect("listable");
        assert_eq!(names.iter().map(|name| name.key).collect::<Vec<_>>(), [*artifact.key()]);
        assert_eq!(crate::example::entries(&store.work_root()), [""; 0]);
    }

    #[test]
    fn no_artifact_is_removed_while_a_run_uses_the_store() {
        let (_folder, store) = store();
        let (one, other) = (store.use_it().expect("free"), store.use_it().expect("shared"));
        let error = store.have_it_alone().expect_err("two runs use it");
        assert!(error.hint().is_some(), "{error}");
        drop((one, other));
        let alone = store.have_it_alone().expect("free");
        assert!(store.use_it().is_err());
        drop(alone);
    }
}
