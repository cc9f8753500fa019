//! Work in progress: a folder that becomes an artifact in one step, or is removed.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process;

use walkdir::{DirEntry, WalkDir};

use super::artifact::{Artifact, kind_of_entry};
use super::disk;
use super::error::{Result, StoreError};
use super::fault;
use super::key::{Key, KeyText};
use super::lease::Lease;
use super::manifest::{FORMAT, KEY_FILE, ListedFile, MANIFEST_FILE, Manifest, Provenance, check_file_name};
use super::owner::{self, OWNER_FILE, Owner};
use super::persist;
use super::root::Store;
use super::unfinished::write_checkpoint;

/// A work directory that one process fills. It is removed when dropped without [`Work::publish`].
#[derive(Debug)]
pub struct Work {
    store: Store,
    kind: String,
    key: Key,
    path: PathBuf,
    published: bool,
    /// The claim, if the work was claimed.
    claimed: Option<Claimed>,
}

#[derive(Debug)]
struct Claimed {
    /// The checkpoint of an earlier process.
    checkpoint: Option<Vec<u8>>,
    /// The lease, released after everything else.
    lease: Lease,
}

/// The outcome of publishing a key. Both outcomes are a success.
#[derive(Debug)]
pub enum Published {
    /// This work became the artifact.
    New(Artifact),
    /// Other work with the same key was published first and stays.
    AlreadyThere {
        artifact: Artifact,
        /// Whether both have the same content, see [`Manifest::content`]. If not, the key lacks a setting.
        identical: bool,
    },
}

impl Published {
    /// Returns the artifact that is in the store now.
    #[must_use]
    pub fn into_artifact(self) -> Artifact {
        match self {
            Self::New(artifact) | Self::AlreadyThere { artifact, .. } => artifact,
        }
    }
}

impl Store {
    /// Creates a work directory in which to make the artifact of a key.
    pub fn begin(&self, key_text: &KeyText) -> Result<Work> {
        Work::begin(self, key_text)
    }
}

impl Work {
    fn begin(store: &Store, key_text: &KeyText) -> Result<Self> {
        let (kind, key) = (key_text.kind().to_owned(), Key::of(key_text));
        let path = create_new_folder(&store.work_root(), &format!("{kind}-{}", key.short()))?;
        let work = Self { store: store.clone(), kind, key, path, published: false, claimed: None };
        Owner::this_process().write(&work.path)?;
        persist::write_atomically(&work.path.join(KEY_FILE), key_text.as_str().as_bytes())?;
        Ok(work)
    }

    /// Opens the work directory of claimed work, which may hold files already.
    pub(super) fn resume(
        store: &Store,
        key_text: &KeyText,
        path: PathBuf,
        lease: Lease,
        checkpoint: Option<Vec<u8>>,
    ) -> Result<Self> {
        persist::create_folder(&path)?;
        let (kind, key) = (key_text.kind().to_owned(), Key::of(key_text));
        let claimed = Some(Claimed { checkpoint, lease });
        let work = Self { store: store.clone(), kind, key, path, published: false, claimed };
        persist::write_atomically(&work.path.join(KEY_FILE), key_text.as_str().as_bytes())?;
        Ok(work)
    }

    /// Returns the checkpoint of an earlier process.
    #[must_use]
    pub fn checkpoint(&self) -> Option<&[u8]> {
        self.claimed.as_ref()?.checkpoint.as_deref()
    }

    /// Writes the checkpoint from which another process resumes this claimed work if this process is killed.
    ///
    /// # Errors
    /// If it cannot be written; the last checkpoint is still there then.
    pub fn checkpoint_with(&self, bytes: &[u8]) -> Result<()> {
        self.check_claim()?;
        write_checkpoint(&self.store.beside_work(&self.kind, &self.key, "checkpoint"), bytes)
    }

    /// Returns the folder to fill; everything in it is published.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Writes a file, and the folders in its name.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let refused = |reason| StoreError::FileName { name: name.to_owned(), reason };
        check_file_name(name).map_err(refused)?;
        if [KEY_FILE, MANIFEST_FILE, OWNER_FILE].contains(&name) {
            return Err(refused("the store writes that one"));
        }
        let path = self.path.join(name);
        persist::create_folder(path.parent().unwrap_or(&self.path))?;
        persist::write_atomically(&path, bytes)
    }

    /// Checks that this process still has the lease. A process that was paused for minutes may have lost it to another host.
    fn check_claim(&self) -> Result<()> {
        match &self.claimed {
            Some(claimed) if !claimed.lease.is_mine() => {
                Err(StoreError::LeaseLost { work: self.path.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Makes this folder the artifact of its key, or removes it if the artifact exists.
    ///
    /// Files whose name begins with one of `volatile`, such as `events.out.tfevents.`, hold times or host names. They are left
    /// out when two results are compared.
    pub fn publish(mut self, made: Provenance, volatile: &[&str]) -> Result<Published> {
        self.check_claim()?;
        fault::point("before the sync");
        let files = sync_and_list(&self.path, volatile)?;
        fault::point("before the manifest");
        let manifest = Manifest { format: FORMAT, kind: self.kind.clone(), key: self.key, files, made };
        manifest.write(&self.path)?;
        let target = self.store.artifact_path(&self.kind, &self.key);
        let shelf = self.store.shelf(&self.kind);
        persist::create_folder(&shelf)?;
        fault::point("before the rename");
        match disk::rename(&self.path, &target) {
            Ok(()) => {
                self.published = true;
                fault::point("after the rename");
                persist::sync_folder(&shelf)?;
                match &self.claimed {
                    Some(_) => self.store.forget_work(&self.kind, &self.key),
                    // The file named the owner while this was work; no manifest lists it.
                    None => persist::remove_quietly(&target.join(OWNER_FILE)),
                }
                fault::point("before the lease is given back");
                Ok(Published::New(Artifact::new(target, manifest)))
            }
            Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => {
                self.compare_with_existing(&manifest)
            }
            Err(error) => Err(StoreError::io("publish", &target)(error)),
        }
    }

    fn compare_with_existing(&self, manifest: &Manifest) -> Result<Published> {
        let existing = self.store.find(&self.kind, &self.key)?;
        let artifact = existing.ok_or_else(|| {
            let target = self.store.artifact_path(&self.kind, &self.key);
            StoreError::io("publish", &target)(ErrorKind::NotFound.into())
        })?;
        let identical = artifact.manifest().content() == manifest.content();
        if self.claimed.is_some() {
            self.store.forget_work(&self.kind, &self.key);
        }
        Ok(Published::AlreadyThere { artifact, identical })
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // Claimed work with a checkpoint stays, so that another process can resume it.
        let is_worth_keeping = self.claimed.is_some() && self.store.has_checkpoint(&self.kind, &self.key);
        if !self.published && !is_worth_keeping {
            // No caller is left to report to. Remains are removed when this process is gone.
            let _ = disk::remove_tree(&self.path);
        }
    }
}

/// Creates the folder `<name>-<scope>-<pid>-<counter>`. The name identifies its owner, in case the process is killed before it
/// writes the owner file. On a shared disk, another host may have the same process id, but not the same scope.
fn create_new_folder(root: &Path, name: &str) -> Result<PathBuf> {
    let scope = owner::scope_tag();
    loop {
        let path = root.join(format!("{name}-{scope}-{}-{}", process::id(), persist::next_count()));
        match disk::create_folder(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            result => return result.map(|()| path.clone()).map_err(StoreError::io("create", &path)),
        }
    }
}

/// Syncs a work directory and lists its files, sorted by path.
fn sync_and_list(work: &Path, volatile: &[&str]) -> Result<Vec<ListedFile>> {
    let mut files = Vec::new();
    for entry in WalkDir::new(work).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(work).to_owned();
            StoreError::io("list", &path)(error.into())
        })?;
        if entry.file_type().is_dir() {
            persist::sync_folder(entry.path())?;
        } else {
            files.push(sync_and_hash(work, &entry, volatile)?);
        }
    }
    files.retain(|file| ![MANIFEST_FILE, OWNER_FILE].contains(&file.path.as_str()));
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

fn sync_and_hash(work: &Path, entry: &DirEntry, volatile: &[&str]) -> Result<ListedFile> {
    let path = entry.path();
    if !entry.file_type().is_file() {
        return Err(StoreError::NotAFile { path: path.to_owned(), found: kind_of_entry(entry.file_type()) });
    }
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&file).map_err(StoreError::io("read", path))?;
    disk::sync_file(&file, path).map_err(StoreError::io("sync", path))?;
    let name = entry.file_name().to_string_lossy();
    Ok(ListedFile {
        path: listed_path(work, path)?,
        size: hasher.count(),
        hash: hasher.finalize().into(),
        volatile: volatile.iter().any(|prefix| name.starts_with(prefix)),
    })
}

fn listed_path(work: &Path, path: &Path) -> Result<String> {
    let relative = path.strip_prefix(work).expect("the walk began there");
    let refused = |reason| StoreError::FileName { name: relative.to_string_lossy().into_owned(), reason };
    let parts: Option<Vec<_>> = relative.iter().map(|part| part.to_str()).collect();
    let listed = parts.ok_or_else(|| refused("it is not Unicode"))?.join("/");
    check_file_name(&listed).map_err(refused)?;
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Barrier;

    use super::*;
    use crate::example::{VOLATILE, begin, entries, key_text, publish, store};

    #[test]
    fn what_was_published_is_found_with_the_same_bytes() {
        let (_folder, store) = store();
        let text = key_text(1);
        let key = Key::of(&text);
        let work = begin(&store, &text);
        assert!(store.find("trial", &key).unwrap().is_none());
        assert!(work.path().join(OWNER_FILE).exists());
        let Published::New(published) = work.publish(Provenance::example(), VOLATILE).unwrap() else {
            panic!("no other work was published")
        };
        let found = store.find("trial", &key).unwrap().expect("just published");
        assert_eq!(found.manifest(), published.manifest());
        assert_eq!(found.path(), published.path());
        assert_eq!(found.key(), &key);
        assert_eq!(found.read("history.csv").unwrap(), b"epoch,loss\n1,0.5\n");
        assert_eq!(found.read("key.ron").unwrap(), text.as_str().as_bytes());
        assert_eq!(entries(found.path()), ["events", "history.csv", "key.ron", "manifest.ron"]);
        assert_eq!(entries(&store.work_root()), [""; 0]);
    }

    #[test]
    fn dropped_work_leaves_nothing() {
        let (_folder, store) = store();
        let work = begin(&store, &key_text(1));
        let path = work.path().to_owned();
        assert!(path.join("history.csv").exists());
        drop(work);
        assert!(!path.exists());
        assert!(store.find("trial", &Key::of(&key_text(1))).unwrap().is_none());
    }

    #[test]
    fn one_of_many_publishers_of_a_key_wins_and_all_get_its_artifact() {
        let (_folder, store) = store();
        let barrier = Barrier::new(8);
        let race = || {
            let work = begin(&store, &key_text(1));
            barrier.wait();
            work.publish(Provenance::example(), VOLATILE).unwrap()
        };
        let published: Vec<Published> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(race)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no racer panics")).collect()
        });
        let new = published.iter().filter(|published| matches!(published, Published::New(_))).count();
        assert_eq!(new, 1);
        for published in published {
            assert!(!matches!(published, Published::AlreadyThere { identical: false, .. }));
            assert_eq!(published.into_artifact().read("history.csv").unwrap(), b"epoch,loss\n1,0.5\n");
        }
        assert_eq!(entries(&store.work_root()), [""; 0]);
    }

    #[test]
    fn the_first_result_stays_and_a_different_second_one_is_reported() {
        #[track_caller]
        fn check(change: (&str, &[u8]), expected: bool) {
            let (_folder, store) = store();
            let first = publish(&store, &key_text(1)).into_artifact();
            let work = begin(&store, &key_text(1));
            work.write(change.0, change.1).unwrap();
            let Published::AlreadyThere { artifact, identical } = work
                .publish(Provenance { duration_seconds: 9.0, ..Provenance::example() }, VOLATILE)
                .unwrap()
            else {
                panic!("the first one is there")
            };
            assert_eq!(identical, expected);
            assert_eq!(artifact.manifest(), first.manifest());
        }
        check(("history.csv", b"epoch,loss\n1,0.5\n"), true);
        check(("events/out", b"another time stamp"), true);
        check(("history.csv", b"epoch,loss\n1,0.4\n"), false);
        check(("another.csv", b""), false);
    }

    #[test]
    fn files_that_others_wrote_into_the_folder_are_published() {
        let (_folder, store) = store();
        let work = begin(&store, &key_text(1));
        fs::create_dir_all(work.path().join("a/b")).unwrap();
        fs::write(work.path().join("a/b/c.bin"), vec![7; 100_000]).unwrap();
        let artifact = work.publish(Provenance::example(), VOLATILE).unwrap().into_artifact();
        let paths: Vec<_> = artifact.manifest().files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["a/b/c.bin", "events/out", "history.csv", "key.ron"]);
        assert_eq!(artifact.read("a/b/c.bin").unwrap(), vec![7; 100_000]);
    }

    #[test]
    fn links_in_the_work_folder_are_refused() {
        let (_folder, store) = store();
        let work = begin(&store, &key_text(1));
        let link = work.path().join("latest");
        std::os::unix::fs::symlink("history.csv", &link).unwrap();
        let error = work.publish(Provenance::example(), VOLATILE).unwrap_err();
        let expected = "it is a link, an artifact holds only files and folders";
        assert_eq!(error.to_string(), format!("cannot publish {}: {expected}", link.display()));
    }

    #[test]
    fn names_that_lead_out_or_belong_to_the_store_are_refused() {
        let (_folder, store) = store();
        let work = begin(&store, &key_text(1));
        let refusals = ["../history.csv", "", "key.ron", "manifest.ron", "owner.ron"];
        let report: String =
            refusals.map(|name| format!("{}\n", work.write(name, b"").unwrap_err())).concat();
        insta::assert_snapshot!(report, @"
        `../history.csv` cannot name a file of an artifact: it leads out of the artifact
        `` cannot name a file of an artifact: it is empty
        `key.ron` cannot name a file of an artifact: the store writes that one
        `manifest.ron` cannot name a file of an artifact: the store writes that one
        `owner.ron` cannot name a file of an artifact: the store writes that one
        ");
    }

    #[test]
    fn a_damaged_artifact_is_not_replaced_by_a_new_one() {
        let (_folder, store) = store();
        let artifact = publish(&store, &key_text(1)).into_artifact();
        fs::remove_file(artifact.path().join("history.csv")).unwrap();
        let work = begin(&store, &key_text(1));
        let error = work.publish(Provenance::example(), VOLATILE).unwrap_err();
        assert!(error.to_string().contains("is damaged: history.csv"), "{error}");
    }
}
