//! Whose work folder is this, and can its owner still be working?
//!
//! Leases with a heartbeat, which also work between hosts, will take the place of [`Owner::is_gone`].

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::{Result, StoreError};
use super::persist;

/// The name of the owner's file; it never becomes part of an artifact.
pub const OWNER_FILE: &str = "owner.ron";

/// A process, known well enough that nobody else is taken for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The machine's name, for the reader of the file.
    pub host: String,
    pub pid: u32,
    /// Where the process id means something; `None` where that is not known, and then nobody is ever gone.
    pub scope: Option<Scope>,
}

/// One boot of one machine, one container, one user: two host names can be equal, two of these cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    pub boot: String,
    pub pid_namespace: String,
    /// Under `hidepid` a user does not see the processes of others.
    pub user: u32,
}

impl Owner {
    /// This process.
    pub fn this_process() -> Self {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_else(|_| "unknown".to_owned());
        Self { host: host.trim().to_owned(), pid: std::process::id(), scope: Scope::of_this_process() }
    }

    /// True only where it is certain.
    pub fn is_gone(&self) -> bool {
        let scope = Scope::of_this_process();
        scope.is_some() && scope == self.scope && !Path::new("/proc").join(self.pid.to_string()).exists()
    }

    pub fn write(&self, work: &Path) -> Result<()> {
        let text = ron::to_string(self).expect("strings and numbers can be written as RON");
        persist::write_atomically(&work.join(OWNER_FILE), (text + "\n").as_bytes())
    }

    pub fn remove(work: &Path) -> Result<()> {
        let path = work.join(OWNER_FILE);
        fs::remove_file(&path).map_err(StoreError::io("remove", &path))
    }

    /// The owner of a work folder, if that can be read.
    fn read(work: &Path) -> Option<Self> {
        ron::from_str(&fs::read_to_string(work.join(OWNER_FILE)).ok()?).ok()
    }
}

impl Scope {
    #[cfg(unix)]
    fn of_this_process() -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        Some(Self {
            boot: fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned(),
            pid_namespace: fs::read_link("/proc/self/ns/pid").ok()?.to_str()?.to_owned(),
            user: fs::metadata("/proc/self").ok()?.uid(),
        })
    }

    #[cfg(not(unix))]
    fn of_this_process() -> Option<Self> {
        None
    }
}

/// Removes the work folders of processes that are certainly gone; all others are left for their owners.
pub fn remove_abandoned(work_root: &Path) -> Result<()> {
    for entry in fs::read_dir(work_root).map_err(StoreError::io("list", work_root))? {
        let work = entry.map_err(StoreError::io("list", work_root))?.path();
        if Owner::read(&work).is_some_and(|owner| owner.is_gone()) {
            // Another process may be removing it too, or the disk may be read-only: what is left does no harm.
            let _ = fs::remove_dir_all(&work);
        }
    }
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Larger than any process id that Linux gives.
    const NO_PROCESS: u32 = 1 << 30;

    #[track_caller]
    fn check_kept(kept: bool, change: impl Fn(&mut Owner)) {
        let root = tempfile::tempdir().unwrap();
        let work = root.path().join("trial-0-0-0");
        fs::create_dir(&work).unwrap();
        let mut owner = Owner::this_process();
        change(&mut owner);
        owner.write(&work).unwrap();
        remove_abandoned(root.path()).unwrap();
        assert_eq!(work.exists(), kept, "{owner:?}");
    }

    #[test]
    fn only_the_work_of_processes_that_are_certainly_gone_is_removed() {
        check_kept(true, |_| {});
        check_kept(false, |owner| owner.pid = NO_PROCESS);
        let gone_elsewhere = |change: fn(&mut Scope)| {
            move |owner: &mut Owner| {
                owner.pid = NO_PROCESS;
                change(owner.scope.as_mut().expect("Linux has a scope"));
            }
        };
        check_kept(true, gone_elsewhere(|scope| scope.boot = "another machine".to_owned()));
        check_kept(true, gone_elsewhere(|scope| scope.pid_namespace = "another container".to_owned()));
        check_kept(true, gone_elsewhere(|scope| scope.user += 1));
        check_kept(true, |owner| *owner = Owner { pid: NO_PROCESS, scope: None, ..owner.clone() });
    }

    #[test]
    fn work_without_a_readable_owner_is_kept() {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in [("without", None), ("garbage", Some("(pid: "))] {
            fs::create_dir(root.path().join(name)).unwrap();
            if let Some(text) = text {
                fs::write(root.path().join(name).join(OWNER_FILE), text).unwrap();
            }
        }
        remove_abandoned(root.path()).unwrap();
        assert!(root.path().join("without").exists() && root.path().join("garbage").exists());
    }
}
