//! Leases: the right to make one artifact, held by one process at a time.
//!
//! A lease is a file next to the work directory, created by its holder and locked by it. The system releases the lock when the
//! holder is killed. The text of the file names the holder, for people and for processes that do not share its locks, on other
//! hosts or other mounts. For them, a lease is held as long as its file is written to: the heartbeat. Only the creation of the file
//! gives a process the lease, because that is the one step that every file system takes for a single process.

use std::{
    fs::{self, File, TryLockError},
    io::{self, ErrorKind, Read, Seek, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::Duration,
};

use super::clock::{Clock, is_absent};
use super::error::{Result, StoreError};
use super::owner::Owner;
use super::persist;

/// The time between two writes to a held lease.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The time without a heartbeat after which a lease that no lock protects is free.
const SILENCE: Duration = Duration::from_secs(120);
/// The number of attempts to take a lease that other processes take and release meanwhile.
const ATTEMPTS: usize = 5;
/// The name from which those of leases are made that are being taken from processes that are gone.
pub(super) const EXPIRED: &str = "lease";

/// The leases of a store, as this process holds and sees them.
#[derive(Debug, Default)]
pub(super) struct Leases {
    held: Mutex<Vec<Weak<Held>>>,
    clock: Clock,
}

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

/// The lock of a lease file, as this process finds it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lock {
    /// No process that shares locks with this one has it.
    Free,
    /// Its process is alive.
    Held,
    /// The file system has no locks.
    Unsupported,
}

impl Leases {
    /// Takes the lease at `path`, if it is free.
    pub(super) fn take(self: &Arc<Self>, path: &Path) -> Result<Taken> {
        for _ in 0..ATTEMPTS {
            if let Some(file) = open(path)? {
                match self.remove_expired(file, path)? {
                    Expired::No(owner) => return Ok(Taken::Elsewhere(owner)),
                    Expired::Removed => {}
                }
            }
            if let Some(file) = self.create(path)?
                && let Some(held) = Held::begin(file, path)?
            {
                let held = Arc::new(held);
                self.keep_alive(&held);
                return Ok(Taken::Mine(Lease { held }));
            }
        }
        Ok(Taken::Elsewhere(None))
    }

    /// Creates a lease; none if there is one.
    fn create(&self, path: &Path) -> Result<Option<File>> {
        match File::create_new(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
            // sshfs has one error for everything that the server refuses. If other files can be created here, this one exists.
            Err(error)
                if error.kind() == ErrorKind::PermissionDenied
                    && self.clock.measure(path.parent().unwrap_or(path)).is_ok() =>
            {
                Ok(None)
            }
            file => file.map(Some).map_err(StoreError::io("create", path)),
        }
    }

    /// Removes the lease `file` if its holder is gone.
    fn remove_expired(&self, mut file: File, path: &Path) -> Result<Expired> {
        let lock = lock_of(file.try_lock()).map_err(StoreError::io("lock", path))?;
        if lock == Lock::Held {
            return Ok(Expired::No(Owner::read_file(path)));
        }
        // Its holder may have removed it between opening and locking.
        if !is_at(&file, path) {
            return Ok(Expired::Removed);
        }
        let mut text = String::new();
        match file.read_to_string(&mut text) {
            Err(error) if is_absent(&error) => return Ok(Expired::Removed),
            // Text that cannot be read is being written.
            Err(error) if error.kind() == ErrorKind::InvalidData => {}
            read => drop(read.map_err(StoreError::io("read", path))?),
        }
        // A file without a text is held by a process that has not written its name yet.
        let owner: Option<Owner> = ron::from_str(&text).ok();
        let is_gone = owner.as_ref().is_some_and(|owner| is_gone(owner, lock, &file));
        if !is_gone && !self.clock.is_older(SILENCE, &file, path)? {
            return Ok(Expired::No(owner));
        }
        remove_if_unchanged(path, &text)?;
        Ok(Expired::Removed)
    }

    /// Returns the holder of the lease at `path`; `None` if it is free.
    pub(super) fn holder(&self, path: &Path) -> Option<Owner> {
        let file = File::open(path).ok()?;
        let lock = lock_of(file.try_lock_shared()).unwrap_or(Lock::Unsupported);
        let owner = Owner::read_file(path)?;
        let is_free =
            || is_gone(&owner, lock, &file) || self.clock.is_older(SILENCE, &file, path).unwrap_or(true);
        (lock == Lock::Held || !is_free()).then_some(owner)
    }

    /// Returns the last heartbeat of the holder of the lease at `path`; none if it is free or held by a process whose end this
    /// process notices at once.
    pub(super) fn last_seen(&self, path: &Path) -> Option<LastSeen> {
        let owner = self.holder(path)?;
        let file = File::open(path).ok()?;
        if owner.is_of_this_scope() || lock_of(file.try_lock_shared()).ok()? == Lock::Held {
            return None;
        }
        let ago = self.clock.age(&file, path).ok()?;
        Some(LastSeen { ago, free_in: SILENCE.saturating_sub(ago) })
    }

    /// Adds a lease to those that the heartbeat thread writes to.
    fn keep_alive(self: &Arc<Self>, lease: &Arc<Held>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let is_beating = !held.is_empty();
        held.retain(|lease| lease.strong_count() > 0);
        held.push(Arc::downgrade(lease));
        if !is_beating {
            let leases = Arc::downgrade(self);
            // Without the thread, locks still hold the leases on this host.
            let _ = thread::Builder::new().name("heartbeat".into()).spawn(move || beat(&leases));
        }
    }
}

/// The outcome of [`Leases::remove_expired`].
enum Expired {
    /// The lease is gone.
    Removed,
    /// The lease is held by this process, which is `None` if it has not written its name.
    No(Option<Owner>),
}

/// Opens a lease; none if there is none.
fn open(path: &Path) -> Result<Option<File>> {
    match machine::plain::open(File::options().read(true).write(true), path) {
        Err(error) if is_absent(&error) => Ok(None),
        file => file.map(Some).map_err(StoreError::io("open", path)),
    }
}

fn lock_of(locked: std::result::Result<(), TryLockError>) -> io::Result<Lock> {
    match locked {
        Ok(()) => Ok(Lock::Free),
        Err(TryLockError::WouldBlock) => Ok(Lock::Held),
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(Lock::Unsupported),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn is_gone(owner: &Owner, lock: Lock, file: &File) -> bool {
    owner.is_gone() || lock == Lock::Free && owner.shares_locks(file)
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(opened), Ok(there)) => (opened.dev(), opened.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// Removes a lease with this text. If another process has taken it meanwhile, it stays.
fn remove_if_unchanged(path: &Path, text: &str) -> Result<()> {
    let aside = persist::temporary_name(&path.with_file_name(EXPIRED));
    match fs::rename(path, &aside) {
        Err(error) if is_absent(&error) => return Ok(()),
        renamed => renamed.map_err(StoreError::io("move", path))?,
    }
    // Only now no other process can replace it.
    if fs::read_to_string(&aside).ok().as_deref() != Some(text) {
        // If a third process has created the lease by now, or the file system has no hard links, the process that took it
        // notices that it lost it.
        let _ = fs::hard_link(&aside, path);
    }
    persist::remove_quietly(&aside);
    Ok(())
}

impl Lease {
    /// Returns whether the file still names this process.
    pub(super) fn is_mine(&self) -> io::Result<bool> {
        self.held.is_mine()
    }

    pub(super) fn path(&self) -> &Path {
        &self.held.path
    }
}

impl Held {
    /// Writes the name of this process into a lease that it created; none if it was too slow and lost it.
    fn begin(mut file: File, path: &Path) -> Result<Option<Self>> {
        let text = Owner::of_lease(&file).to_text();
        let written = match file.lock() {
            // Processes on this host that look at the file lock it for a moment.
            Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
            _ => write(&mut file, &text),
        };
        let held = Self { path: path.to_owned(), text, file: Mutex::new(file) };
        let is_mine = written.and_then(|()| held.is_mine());
        // A file without a name would block the lease until it is silent.
        let is_mine = is_mine.inspect_err(|_| persist::remove_quietly(path));
        Ok(is_mine.map_err(StoreError::io("write", path))?.then_some(held))
    }

    fn is_mine(&self) -> io::Result<bool> {
        match fs::read(&self.path) {
            Err(error) if is_absent(&error) => Ok(false),
            bytes => Ok(bytes? == self.text.as_bytes()),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // There is no heartbeat meanwhile. The file is removed while it is locked, so that a process that opens it notices.
        let _file = self.held.file.lock();
        if self.held.is_mine().unwrap_or(false) {
            persist::remove_quietly(&self.held.path);
        }
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

fn write(file: &mut File, text: &str) -> io::Result<()> {
    file.rewind()?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)
}

fn beat(leases: &Weak<Leases>) {
    loop {
        thread::sleep(HEARTBEAT);
        let Some(leases) = leases.upgrade() else { return };
        let held = leases.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for lease in held.iter().filter_map(Weak::upgrade) {
            let mut file = lease.file.lock().unwrap_or_else(PoisonError::into_inner);
            if lease.is_mine().unwrap_or(false) {
                // The same text again: only the time of the file changes.
                let _ = write(&mut file, &lease.text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::example::entries;

    fn take(path: &Path) -> Taken {
        Arc::new(Leases::default()).take(path).expect("the folder can be written")
    }

    fn holder(path: &Path) -> Option<Owner> {
        Leases::default().holder(path)
    }

    fn last_seen(path: &Path) -> Option<LastSeen> {
        Leases::default().last_seen(path)
    }

    /// Returns a folder and the path of a lease that no process has.
    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("trial-1.lease");
        (folder, path)
    }

    /// Writes a lease as a process on another host does, `age` ago.
    fn write_elsewhere(path: &Path, host: &str, age: Duration) -> String {
        let text = Owner::this_process().to_text().replace("boot:\"", &format!("boot:\"{host} "));
        assert!(text.contains(host), "{text}");
        fs::write(path, &text).expect("the folder can be written");
        make_old(path, age);
        text
    }

    fn make_old(path: &Path, age: Duration) {
        let file = File::options().write(true).open(path).expect("it is there");
        file.set_modified(SystemTime::now() - age).expect("times can be set");
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
        let Err(error) = Arc::new(Leases::default()).take(&path) else { panic!("it is a link") };
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
                threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
            });
            assert_eq!(taken.iter().filter(|taken| matches!(taken, Taken::Mine(_))).count(), 1);
        }
    }

    #[test]
    fn the_lease_of_a_dead_process_of_another_container_is_free_at_once() {
        let (_folder, path) = folder();
        let file = File::create(&path).expect("the folder can be written");
        let elsewhere =
            Owner::of_lease(&file).to_text().replace("pid_namespace:\"", "pid_namespace:\"another ");
        fs::write(&path, elsewhere).expect("the folder can be written");
        assert_eq!((holder(&path), last_seen(&path)), (None, None));
        assert!(matches!(take(&path), Taken::Mine(_)));
    }

    #[test]
    fn a_lease_that_was_taken_through_another_mount_is_held_until_it_falls_silent() {
        let (_folder, path) = folder();
        let file = File::create(&path).expect("the folder can be written");
        let mut owner = Owner::of_lease(&file);
        owner.device = owner.device.map(|device| device + 1);
        fs::write(&path, owner.to_text()).expect("the folder can be written");
        assert!(matches!(take(&path), Taken::Elsewhere(Some(_))));
        assert_eq!(holder(&path), Some(owner));
        make_old(&path, 2 * SILENCE);
        assert!(matches!(take(&path), Taken::Mine(_)));
    }

    #[test]
    fn a_lease_of_another_host_is_held_until_it_falls_silent() {
        let (folder, path) = folder();
        write_elsewhere(&path, "other", Duration::ZERO);
        assert!(matches!(take(&path), Taken::Elsewhere(Some(_))));
        assert!(holder(&path).is_some());
        let file = File::options().write(true).open(&path).expect("it is there");
        // After a clock went back, the lease is still held.
        file.set_modified(SystemTime::now() + 2 * SILENCE).expect("times can be set");
        assert!(holder(&path).is_some() && matches!(take(&path), Taken::Elsewhere(Some(_))));
        make_old(&path, SILENCE / 2);
        let seen = last_seen(&path).expect("only its silence shows that it is gone");
        assert_eq!(seen.ago + seen.free_in, SILENCE);
        // The system stamps files by a clock that ticks a few times in 10 ms.
        assert!(seen.ago.abs_diff(SILENCE / 2) < Duration::from_secs(10), "{seen:?}");
        make_old(&path, 2 * SILENCE);
        assert_eq!(holder(&path), None);
        let Taken::Mine(_lease) = take(&path) else { panic!("it is silent") };
        assert_eq!(entries(folder.path()), ["trial-1.lease"]);
    }

    #[test]
    fn a_lease_without_a_name_is_held_until_it_falls_silent() {
        let (_folder, path) = folder();
        for text in ["", "(host: \"no"] {
            fs::write(&path, text).expect("the folder can be written");
            assert!(matches!(take(&path), Taken::Elsewhere(None)));
            make_old(&path, 2 * SILENCE);
            assert!(matches!(take(&path), Taken::Mine(_)));
        }
    }

    #[test]
    fn one_of_many_threads_takes_over_a_silent_lease() {
        let (folder, path) = folder();
        for _ in 0..50 {
            write_elsewhere(&path, "other", 2 * SILENCE);
            let taken: Vec<Taken> = thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| take(&path))).collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
            });
            assert_eq!(taken.iter().filter(|taken| matches!(taken, Taken::Mine(_))).count(), 1);
            drop(taken);
            assert_eq!(entries(folder.path()), [""; 0]);
        }
    }

    #[test]
    fn a_lease_that_another_host_has_taken_over_meanwhile_stays() {
        let (folder, path) = folder();
        let silent = write_elsewhere(&path, "gone", 2 * SILENCE);
        // Between the look at the lease and its removal, another host is faster.
        let theirs = write_elsewhere(&path, "faster", Duration::ZERO);
        remove_if_unchanged(&path, &silent).expect("the folder can be written");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), theirs);
        remove_if_unchanged(&path, &theirs).expect("the folder can be written");
        remove_if_unchanged(&path, &theirs).expect("it is not there");
        assert_eq!(entries(folder.path()), [""; 0]);
    }

    #[test]
    fn a_process_that_was_paused_before_it_wrote_its_name_has_no_lease() {
        let (_folder, path) = folder();
        let file = File::create_new(&path).expect("the folder can be written");
        fs::remove_file(&path).expect("it is there");
        let theirs = write_elsewhere(&path, "other", Duration::ZERO);
        assert!(Held::begin(file, &path).expect("the folder can be read").is_none());
        assert_eq!(fs::read_to_string(&path).expect("it is there"), theirs);
    }

    #[test]
    fn a_lease_that_cannot_be_read_is_not_lost() {
        let (_folder, path) = folder();
        let Taken::Mine(lease) = take(&path) else { panic!("it is free") };
        assert!(lease.is_mine().expect("it can be read"));
        // A folder cannot be read as a file, like a file over a lost connection.
        fs::remove_file(&path).expect("it is there");
        assert!(!lease.is_mine().expect("it is known to be gone"));
        fs::create_dir(&path).expect("the folder can be written");
        assert!(lease.is_mine().is_err());
    }
}
