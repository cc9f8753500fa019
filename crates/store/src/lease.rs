//! Leases: the right to make one artifact, held by one process at a time.
//!
//! A lease is a file next to the work directory, locked by its holder. The system releases the lock when the holder is killed.
//! The text of the file names the holder, for people and for hosts that do not share locks. For such hosts, a lease is held as
//! long as its file is written to: the heartbeat.

use std::{
    fs::{self, File, TryLockError},
    io::{ErrorKind, Seek, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::{Duration, SystemTime},
};

use super::error::{Result, StoreError};
use super::owner::Owner;
use super::persist;

/// The time between two writes to a held lease.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The time without a heartbeat after which a lease of another host is free.
const SILENCE: Duration = Duration::from_secs(120);

/// A lease that this process holds; released when dropped.
#[derive(Debug)]
pub(super) struct Lease {
    held: Arc<Held>,
}

/// A lease file, shared with the heartbeat thread.
#[derive(Debug)]
struct Held {
    path: PathBuf,
    /// The content, which names this process.
    text: String,
    file: Mutex<File>,
}

/// The outcome of taking a lease.
pub(super) enum Taken {
    /// This process has the lease.
    Mine(Lease),
    /// Another process has the lease; `None` if the file cannot be read now.
    Elsewhere(Option<Owner>),
}

impl Lease {
    /// Takes the lease at `path`, if it is free.
    pub(super) fn take(path: &Path, pulse: &Arc<Pulse>) -> Result<Taken> {
        loop {
            let mut options = File::options();
            options.read(true).write(true).create(true).truncate(false);
            let mut file = machine::plain::open(&options, path).map_err(StoreError::io("open", path))?;
            let has_locks = match file.try_lock() {
                Ok(()) => true,
                Err(TryLockError::WouldBlock) => return Ok(Taken::Elsewhere(Owner::read_file(path))),
                // On a file system without locks, only the text counts.
                Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => false,
                Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", path)(error)),
            };
            // Its holder may have removed it between opening and locking.
            if !is_at(&file, path) {
                continue;
            }
            let is_new = file.metadata().map_err(StoreError::io("look up", path))?.len() == 0;
            // If the file system has locks, a free lock means that no process on this host, in whichever container, has the lease. A text that cannot
            // be read is being written by a process on a host that does not share locks.
            let is_free = match Owner::read_file(path) {
                Some(owner) => (has_locks && owner.is_of_this_boot()) || owner.is_gone(),
                None => is_new,
            };
            if !is_free && !is_silent(&file, path)? {
                return Ok(Taken::Elsewhere(Owner::read_file(path)));
            }
            let text = Owner::this_process().to_text();
            write(&mut file, &text).map_err(StoreError::io("write", path))?;
            let held = Arc::new(Held { path: path.to_owned(), text, file: Mutex::new(file) });
            // Without locks, the last of two processes that wrote at once has the lease.
            if !has_locks && !held.is_mine() {
                continue;
            }
            pulse.keep(&held);
            return Ok(Taken::Mine(Self { held }));
        }
    }
}

impl Lease {
    /// Returns whether the file still names this process.
    pub(super) fn is_mine(&self) -> bool {
        self.held.is_mine()
    }
}

impl Held {
    fn is_mine(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|text| text == self.text)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // There is no heartbeat meanwhile. The file is removed while it is locked, so that a process that opens it notices.
        let _file = self.held.file.lock();
        if self.held.is_mine() {
            persist::remove_quietly(&self.held.path);
        }
    }
}

/// Returns the holder of the lease at `path`; `None` if it is free.
pub(super) fn holder(path: &Path) -> Option<Owner> {
    let file = File::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Owner::read_file(path),
        locked => {
            let owner = Owner::read_file(path)?;
            let is_here = owner.is_of_this_scope() || locked.is_ok() && owner.is_of_this_boot();
            let is_elsewhere = !is_here && !is_silent(&file, path).unwrap_or(true);
            is_elsewhere.then_some(owner)
        }
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(opened), Ok(there)) => (opened.dev(), opened.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// The last heartbeat of a process whose end only its silence shows, such as one on another host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastSeen {
    /// The time since the last heartbeat.
    pub ago: Duration,
    /// The time until the lease is free if there is no further heartbeat.
    pub free_in: Duration,
}

impl LastSeen {
    /// Returns whether the holder has missed a heartbeat.
    pub fn is_late(self) -> bool {
        self.ago > 2 * HEARTBEAT
    }
}

/// Returns the last heartbeat of the holder of the lease at `path`; none if it is free or held by a process whose end this host
/// notices at once.
pub(super) fn last_seen(path: &Path) -> Option<LastSeen> {
    let owner = holder(path)?;
    let file = File::open(path).ok()?;
    // A lock shows that its process is alive.
    let is_locked = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    if owner.is_of_this_scope() || is_locked {
        return None;
    }
    let ago = silence(&file, path).ok()?;
    Some(LastSeen { ago, free_in: SILENCE.saturating_sub(ago) })
}

fn is_silent(file: &File, path: &Path) -> Result<bool> {
    Ok(silence(file, path)? > SILENCE)
}

/// Returns the time since the last heartbeat, by the clock of the file system.
fn silence(file: &File, path: &Path) -> Result<Duration> {
    let probe = persist::temporary_name(path);
    let now = File::create_new(&probe).and_then(|mut file| {
        file.write_all(b"now")?;
        modified(&file)
    });
    persist::remove_quietly(&probe);
    let now = now.map_err(StoreError::io("write", &probe))?;
    let last = modified(file).map_err(StoreError::io("look up", path))?;
    // If the clock went back, the lease is not silent.
    Ok(now.duration_since(last).unwrap_or_default())
}

fn modified(file: &File) -> std::io::Result<SystemTime> {
    file.metadata()?.modified()
}

fn write(file: &mut File, text: &str) -> std::io::Result<()> {
    file.rewind()?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)
}

/// The heartbeat of all leases that this process holds.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    held: Mutex<Vec<Weak<Held>>>,
}

impl Pulse {
    fn keep(self: &Arc<Self>, lease: &Arc<Held>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let is_beating = !held.is_empty();
        held.retain(|lease| lease.strong_count() > 0);
        held.push(Arc::downgrade(lease));
        if !is_beating {
            let pulse = Arc::downgrade(self);
            // Without the thread, locks still hold the leases on this host.
            let _ = thread::Builder::new().name("heartbeat".into()).spawn(move || beat(&pulse));
        }
    }
}

fn beat(pulse: &Weak<Pulse>) {
    loop {
        thread::sleep(HEARTBEAT);
        let Some(pulse) = pulse.upgrade() else { return };
        let held = pulse.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for lease in held.iter().filter_map(Weak::upgrade) {
            let mut file = lease.file.lock().unwrap_or_else(PoisonError::into_inner);
            if lease.is_mine() {
                // The same text again: only the time of the file changes.
                let _ = write(&mut file, &lease.text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(path: &Path) -> Taken {
        Lease::take(path, &Arc::default()).expect("the folder can be written")
    }

    #[test]
    fn a_lease_is_held_once_and_released() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("trial-1.lease");
        assert_eq!(holder(&path), None);
        let Taken::Mine(lease) = take(&path) else { panic!("it is free") };
        let Taken::Elsewhere(Some(owner)) = take(&path) else { panic!("it is held") };
        assert_eq!(last_seen(&path), None, "its lock shows that it is alive");
        assert_eq!(owner.pid, std::process::id());
        assert_eq!(holder(&path).map(|owner| owner.pid), Some(std::process::id()));
        drop(lease);
        assert!(!path.exists());
        assert!(matches!(take(&path), Taken::Mine(_)));
    }

    #[test]
    fn a_lease_is_not_written_through_a_link() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [path, precious] = ["trial-1.lease", "precious"].map(|name| folder.path().join(name));
        fs::write(&precious, "").expect("the folder can be written");
        std::os::unix::fs::symlink(&precious, &path).expect("the folder can be written");
        let Err(error) = Lease::take(&path, &Arc::default()) else { panic!("it is a link") };
        assert_eq!(error.to_string(), format!("cannot open {}", path.display()));
        assert_eq!(fs::read(&precious).expect("it is there"), b"");
    }

    #[test]
    fn one_of_many_threads_gets_the_lease() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("trial-1.lease");
        for _ in 0..50 {
            let taken: Vec<Taken> = thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| take(&path))).collect();
                threads.into_iter().map(|thread| thread.join().expect("nobody panics")).collect()
            });
            assert_eq!(taken.iter().filter(|taken| matches!(taken, Taken::Mine(_))).count(), 1);
        }
    }

    #[test]
    fn the_lease_of_a_dead_process_of_another_container_is_free_at_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("trial-1.lease");
        let elsewhere =
            Owner::this_process().to_text().replace("pid_namespace:\"", "pid_namespace:\"another ");
        fs::write(&path, elsewhere).expect("the folder can be written");
        assert_eq!((holder(&path), last_seen(&path)), (None, None));
        assert!(matches!(take(&path), Taken::Mine(_)));
    }

    #[test]
    fn a_lease_of_another_host_is_held_until_it_falls_silent() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("trial-1.lease");
        let elsewhere = Owner::this_process().to_text().replace("boot:\"", "boot:\"another machine ");
        assert!(elsewhere.contains("another machine"), "{elsewhere}");
        fs::write(&path, elsewhere).expect("the folder can be written");
        assert!(matches!(take(&path), Taken::Elsewhere(Some(_))));
        assert!(holder(&path).is_some());
        let file = File::options().write(true).open(&path).expect("it is there");
        // After a clock went back, the lease is still held.
        file.set_modified(SystemTime::now() + 2 * SILENCE).expect("times can be set");
        assert!(holder(&path).is_some() && matches!(take(&path), Taken::Elsewhere(Some(_))));
        file.set_modified(SystemTime::now() - SILENCE / 2).expect("times can be set");
        let seen = last_seen(&path).expect("only its silence shows that it is gone");
        assert!(seen.ago >= SILENCE / 2 && seen.ago + seen.free_in == SILENCE, "{seen:?}");
        file.set_modified(SystemTime::now() - 2 * SILENCE).expect("times can be set");
        assert_eq!(holder(&path), None);
        assert!(matches!(take(&path), Taken::Mine(_)));
    }
}
