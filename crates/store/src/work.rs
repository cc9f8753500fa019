//! Work in progress: a folder that becomes an artifact in one step, or is removed.

use std::fs::File;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::artifact::{Artifact, kind_of_entry};
use super::disk;
use super::error::{Result, StoreError};
use super::fault;
use super::key::{Key, KeyText};
use super::lease::Lease;
use super::manifest::{FORMAT, KEY_FILE, ListedFile, MANIFEST_FILE, Manifest, Provenance, check_file_name};
use super::persist;
use super::root::Store;
use super::unfinished::write_checkpoint;

/// A work directory that one process fills. Unless there is a checkpoint, it is removed when dropped without [`Work::publish`].
#[derive(Debug)]
pub struct Work {
    store: Store,
    kind: String,
    key: Key,
    path: PathBuf,
    published: bool,
    /// The checkpoint of an earlier process.
    checkpoint: Option<Vec<u8>>,
    /// The lease, released after everything else.
    lease: Lease,
}

impl Work {
    /// Opens the work directory, which may hold files already.
    pub(super) fn open(
        store: &Store,
        key_text: &KeyText,
        lease: Lease,
        checkpoint: Option<Vec<u8>>,
    ) -> Result<Self> {
        let (kind, key) = (key_text.kind().to_owned(), Key::of(key_text));
        let path = store.claimed_folder(&kind, &key);
        let work = Self { store: store.clone(), kind, key, path, published: false, checkpoint, lease };
        let written = work.write(KEY_FILE, key_text.as_str().as_bytes());
        written.map_err(|error| work.cause(error)).map(|()| work)
    }

    /// Returns the checkpoint of an earlier process.
    pub fn checkpoint(&self) -> Option<&[u8]> {
        self.checkpoint.as_deref()
    }

    /// Writes the checkpoint from which another process resumes this work if this process is killed.
    ///
    /// # Errors
    /// If it cannot be written; the last checkpoint is still there then.
    pub fn checkpoint_with(&self, bytes: &[u8]) -> Result<()> {
        self.check_claim()?;
        write_checkpoint(&self.store.beside_work(&self.kind, &self.key, "checkpoint"), bytes)
    }

    /// Returns the folder to fill; everything in it is published.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file, and the folders in its name: a constant path below the work directory, and no file that the store writes.
    ///
    /// # Errors
    /// If this process has lost the lease, or the file cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.check_claim()?;
        let path = self.path.join(name);
        persist::create_folder(path.parent().unwrap_or(&self.path))?;
        persist::write_atomically(&path, bytes)
    }

    /// Returns whether another process has taken over the work. The work directory is another process's then. A lost connection
    /// is another error, which the next write returns.
    pub fn is_lost(&self) -> bool {
        self.lease.is_mine().is_ok_and(|is_mine| !is_mine)
    }

    /// Returns the reason of an error in the work directory: the loss of the lease, or the error itself. A file that is missing is
    /// no surprise if another process has the folder.
    fn cause(&self, error: StoreError) -> StoreError {
        if self.is_lost() { StoreError::LeaseLost { work: self.path.clone() } } else { error }
    }

    /// Checks that this process still has the lease. A process that was paused for minutes may have lost it to another host.
    fn check_claim(&self) -> Result<()> {
        match self.lease.is_mine() {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::LeaseLost { work: self.path.clone() }),
            Err(error) => Err(StoreError::io("read", self.lease.path())(error)),
        }
    }

    /// Makes this folder the artifact of its key. An artifact that was put there meanwhile stays and is returned.
    ///
    /// Files whose name begins with one of `volatile`, such as `events.out.tfevents.`, hold times or host names. They are left
    /// out when two results are compared.
    ///
    /// # Errors
    /// If this process has lost the lease, or the folder cannot be published.
    pub fn publish(mut self, made: Provenance, volatile: &[&str]) -> Result<Artifact> {
        self.check_claim()?;
        self.publish_claimed(made, volatile).map_err(|error| self.cause(error))
    }

    fn publish_claimed(&mut self, made: Provenance, volatile: &[&str]) -> Result<Artifact> {
        fault::point("before the sync");
        let files = sync_and_list(&self.path, volatile)?;
        fault::point("before the manifest");
        let manifest = Manifest { format: FORMAT, kind: self.kind.clone(), key: self.key, files, made };
        manifest.write(&self.path)?;
        let target = self.store.artifact_path(&self.kind, &self.key);
        let shelf = self.store.shelf(&self.kind);
        persist::create_folder(&shelf)?;
        fault::point("before the rename");
        // Syncing may have taken long.
        self.check_claim()?;
        match disk::rename(&self.path, &target) {
            Ok(()) => {
                self.published = true;
                fault::point("after the rename");
                persist::sync_folder(&shelf)?;
                self.store.forget_work(&self.kind, &self.key);
                fault::point("before the lease is given back");
                Ok(Artifact::new(target, manifest))
            }
            // Another process may have published it: file systems differ in the error for a name that exists.
            Err(error) => match self.store.find(&self.kind, &self.key)? {
                Some(artifact) => {
                    self.store.forget_work(&self.kind, &self.key);
                    Ok(artifact)
                }
                None => Err(StoreError::io("publish", &target)(error)),
            },
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // Work with a checkpoint stays, so that another process can resume it.
        // Without the lease, the folder is another process's.
        let is_mine = self.lease.is_mine().unwrap_or(false);
        if !self.published && is_mine && !self.store.has_checkpoint(&self.kind, &self.key) {
            // No caller is left to report to. Remains are removed when this process is gone.
            let _ = disk::remove_tree(&self.path);
        }
    }
}

/// Syncs a work directory and lists its files, sorted by path. Half-written files are removed.
fn sync_and_list(work: &Path, volatile: &[&str]) -> Result<Vec<ListedFile>> {
    let mut files = Vec::new();
    for entry in WalkDir::new(work).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(work).to_owned();
            StoreError::io("list", &path)(error.into())
        })?;
        if entry.file_type().is_dir() {
            persist::sync_folder(entry.path())?;
        } else if persist::is_temporary(entry.path()) {
            // It belongs to a process that was paused or killed while it wrote into the folder.
            persist::remove_quietly(entry.path());
        } else {
            files.push(sync_and_hash(work, &entry, volatile)?);
        }
    }
    files.retain(|file| file.path != MANIFEST_FILE);
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
    let parts: Option<Vec<_>> = relative.iter().map(|part| part.to_str()).collect();
    let listed = parts.map(|parts| parts.join("/")).ok_or("it is not Unicode");
    listed
        .and_then(|listed| check_file_name(&listed).map(|()| listed))
        .map_err(|reason| StoreError::FileName { name: relative.to_string_lossy().into_owned(), reason })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::example::{VOLATILE, begin, entries, key_text, publish, store};

    #[test]
    fn what_was_published_is_found_with_the_same_bytes() {
        let (_folder, store) = store();
        let text = key_text(1);
        let key = Key::of(&text);
        let work = begin(&store, &text);
        assert!(store.find("trial", &key).unwrap().is_none());
        let published = work.publish(Provenance::example(), VOLATILE).unwrap();
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
    fn one_of_many_makers_of_a_key_makes_it_and_all_get_its_artifact() {
        let (_folder, store) = store();
        let writes = AtomicUsize::new(0);
        let make = || -> Result<(Artifact, Option<StoreError>)> {
            let write = |work: &Work| {
                writes.fetch_add(1, Ordering::Relaxed);
                work.write("history.csv", b"1")
            };
            store.find_or_make(&key_text(1), VOLATILE, Provenance::example, write, |_| Ok(()))
        };
        let made: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no maker panics")).collect()
        });
        assert_eq!(writes.into_inner(), 1);
        for made in made {
            let (artifact, damage) = made.unwrap();
            assert_eq!(artifact.read("history.csv").unwrap(), b"1");
            assert!(damage.is_none());
        }
        assert_eq!(entries(&store.work_root()), [""; 0]);
    }

    #[test]
    fn an_artifact_that_was_put_there_meanwhile_stays() {
        let (_folder, store) = store();
        let (_other_folder, other) = crate::example::store();
        let work = begin(&store, &key_text(1));
        work.write("history.csv", b"other bytes").unwrap();
        let first = publish(&other, &key_text(1));
        fs::create_dir(store.shelf("trial")).unwrap();
        fs::rename(first.path(), store.artifact_path("trial", first.key())).unwrap();
        let artifact = work.publish(Provenance::example(), VOLATILE).unwrap();
        assert_eq!(artifact.manifest(), first.manifest());
        assert_eq!(entries(&store.work_root()), [""; 0]);
    }

    #[test]
    fn files_that_others_wrote_into_the_folder_are_published() {
        let (_folder, store) = store();
        let work = begin(&store, &key_text(1));
        fs::create_dir_all(work.path().join("a/b")).unwrap();
        fs::write(work.path().join("a/b/c.bin"), vec![7; 100_000]).unwrap();
        let artifact = work.publish(Provenance::example(), VOLATILE).unwrap();
        let paths: Vec<_> = artifact.manifest().files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["a/b/c.bin", "events/out", "history.csv", "key.ron"]);
        assert_eq!(artifact.read("a/b/c.bin").unwrap(), vec![7; 100_000]);
    }

    #[test]
    fn half_written_files_of_others_are_not_published() {
        let (_folder, store) = store();
        let work = begin(&store, &key_text(1));
        for name in [".key.ron.1-0.tmp", "events/.out.elsewhere-1-1-1-1.tmp"] {
            fs::write(work.path().join(name), "half").unwrap();
        }
        let artifact = work.publish(Provenance::example(), VOLATILE).unwrap();
        let paths: Vec<_> = artifact.manifest().files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["events/out", "history.csv", "key.ron"]);
        assert_eq!(store.strangers(&artifact), [""; 0].map(PathBuf::from));
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
    fn a_damaged_artifact_that_was_put_there_meanwhile_is_not_replaced() {
        let (_folder, store) = store();
        let work = begin(&store, &key_text(1));
        let folder = store.artifact_path("trial", &Key::of(&key_text(1)));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("history.csv"), b"").unwrap();
        let error = work.publish(Provenance::example(), VOLATILE).unwrap_err();
        assert!(error.to_string().contains("is damaged: manifest.ron"), "{error}");
    }
}
