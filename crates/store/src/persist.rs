//! Atomic writes: every file is written under a temporary name in the same folder, synced and renamed.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::disk;
use super::error::{Result, StoreError};
use super::key::Key;
use super::owner::{self, Owner};

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
            disk::create_folder(folder).or_else(|error| if folder.is_dir() { Ok(()) } else { Err(error) })
        }
        // Another process made it meanwhile.
        Err(_) if folder.is_dir() => Ok(()),
        result => result,
    }
    .map_err(StoreError::io("create", folder))?;
    sync_folder(parent(folder))
}

/// Returns a name in the folder of `path` that no other process and no other call uses. It tells the process.
pub fn temporary_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", unique()))
}

/// Returns a text that no other process and no other call returns: scope, process, start, a random number, and a count.
pub(super) fn unique() -> String {
    static PROCESS: OnceLock<String> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let process = PROCESS.get_or_init(|| {
        let owner = Owner::this_process();
        // The random number distinguishes hosts and containers that cannot be told apart, such as copies of one machine.
        let random = RandomState::new().hash_one(0);
        let started = owner.started.map_or(UNKNOWN.to_owned(), |ticks| ticks.to_string());
        format!("{}-{}-{started}-{random:016x}", scope(), owner.pid)
    });
    format!("{process}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Returns a short name for the scope in which the id of this process is unique.
fn scope() -> &'static str {
    static SCOPE: OnceLock<String> = OnceLock::new();
    SCOPE.get_or_init(|| match Owner::this_process().scope {
        Some(scope) => Key::of_bytes(format!("{scope:?}").as_bytes()).to_string()[..8].to_owned(),
        None => UNKNOWN.to_owned(),
    })
}

const UNKNOWN: &str = "unknown";

/// Removes the files in `folder` that [`temporary_name`] made from `name` and that a process left when it was killed.
pub(super) fn remove_abandoned(folder: &Path, name: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_of_name = entry.file_name().to_string_lossy().starts_with(&format!(".{name}."));
        if is_of_name && is_abandoned(&entry.path()) {
            remove_quietly(&entry.path());
        }
    }
}

/// Whether a file or link has a temporary name and was left by a process that was killed. If another host or container may have the
/// process, its age decides.
pub fn is_abandoned(path: &Path) -> bool {
    const LONGEST_WRITE: Duration = Duration::from_secs(60);
    let changed = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    let age = changed.ok().and_then(|changed| changed.elapsed().ok()).unwrap_or_default();
    is_temporary(path) && (is_of_dead_process(path) || age >= LONGEST_WRITE)
}

/// Whether the process in a temporary name was one of this scope and is gone.
fn is_of_dead_process(path: &Path) -> bool {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let process = name.rsplit('.').next().unwrap_or_default();
    match process.split('-').collect::<Vec<_>>()[..] {
        [of, pid, started, _, _] if of == scope() && of != UNKNOWN => {
            pid.parse().is_ok_and(|pid| owner::is_gone(pid, started.parse().ok()))
        }
        _ => false,
    }
}

/// Whether a file or link is about to be renamed to its place.
pub fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') && name.ends_with(".tmp")
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
    use std::time::SystemTime;

    use super::*;
    use crate::example::entries;

    #[test]
    fn temporary_files_of_killed_processes_are_removed_and_those_of_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - Duration::from_secs(61);
        let now = SystemTime::now();
        let Owner { pid, started, .. } = Owner::this_process();
        let started = started.unwrap();
        // No process has the largest id. The third process had the id of this one.
        let [alive, dead, reused] = [(pid, started), (1 << 30, started), (pid, started - 1)]
            .map(|(pid, started)| format!(".VERSION.{}-{pid}-{started}-0-0.tmp", scope()));
        for (name, changed) in [
            (&*alive, now),
            (&*dead, now),
            (&*reused, now),
            (".VERSION.elsewhere-1073741824-1-0-0.tmp", now),
            (".VERSION.elsewhere-1-1-1-1.tmp", old),
            (".VERSION.1-0.tmp", old),
            (".mine.1-0.tmp", old),
            ("VERSION", old),
        ] {
            let file = fs::File::create(folder.path().join(name)).unwrap();
            file.set_modified(changed).unwrap();
        }
        remove_abandoned(folder.path(), "VERSION");
        let mut left = [&*alive, ".VERSION.elsewhere-1073741824-1-0-0.tmp", ".mine.1-0.tmp", "VERSION"]
            .map(str::to_owned);
        left.sort();
        assert_eq!(entries(folder.path()), left);
    }

    #[test]
    fn a_temporary_name_tells_its_process_and_is_never_used_again() {
        let [one, other] = [0, 1].map(|_| temporary_name(Path::new("work/VERSION")));
        assert_ne!(one, other);
        assert!(is_temporary(&one) && !is_of_dead_process(&one), "{}", one.display());
        let Owner { pid, started, .. } = Owner::this_process();
        let start = format!(".VERSION.{}-{pid}-{}-", scope(), started.unwrap());
        assert!(one.to_string_lossy().contains(&start), "{}", one.display());
    }

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
