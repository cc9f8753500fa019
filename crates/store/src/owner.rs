//! The process that a work directory or a lease belongs to, and whether it still exists.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::disk;
use super::error::{Result, StoreError};
use super::persist;

/// The file that names the owner of a work directory; it never becomes part of an artifact.
pub const OWNER_FILE: &str = "owner.ron";

/// A process, identified well enough that no other process is mistaken for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The machine's name, for people who read the file.
    pub host: String,
    pub pid: u32,
    /// The start of the process, in the system's ticks since boot, because process ids are reused.
    #[serde(default)]
    pub started: Option<u64>,
    /// The time of writing, in seconds since 1970.
    #[serde(default)]
    pub since: u64,
    /// The scope in which the process id is unique; `None` if it is not known. Then the process is never considered gone.
    pub scope: Option<Scope>,
}

/// A boot of a machine, a container and a user. Host names can be equal; scopes cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    pub boot: String,
    pub pid_namespace: String,
    /// Under `hidepid` a user does not see the processes of others.
    pub user: u32,
}

impl Owner {
    pub fn this_process() -> Self {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_else(|_| "unknown".to_owned());
        let pid = std::process::id();
        Self {
            host: host.trim().to_owned(),
            pid,
            started: start_of(pid),
            since: now_unix(),
            scope: Scope::of_this_process(),
        }
    }

    /// Returns whether the process is certainly gone.
    pub fn is_gone(&self) -> bool {
        self.is_of_this_scope()
            && match (start_of(self.pid), self.started) {
                (None, _) => !Path::new("/proc").join(self.pid.to_string()).exists(),
                (Some(now), Some(then)) => now != then,
                (Some(_), None) => false,
            }
    }

    /// Returns whether process ids mean the same there as here.
    pub fn is_of_this_scope(&self) -> bool {
        let scope = Scope::of_this_process();
        scope.is_some() && scope == self.scope
    }

    pub fn to_text(&self) -> String {
        ron::to_string(self).expect("strings and numbers can be written as RON") + "\n"
    }

    pub fn write(&self, work: &Path) -> Result<()> {
        persist::write_atomically(&work.join(OWNER_FILE), self.to_text().as_bytes())
    }

    /// Reads the owner from a file; `None` if it cannot be read.
    pub fn read_file(path: &Path) -> Option<Self> {
        ron::from_str(&fs::read_to_string(path).ok()?).ok()
    }

    /// Reads the owner of a work directory; `None` if it cannot be read.
    fn read(work: &Path) -> Option<Self> {
        Self::read_file(&work.join(OWNER_FILE))
    }
}

/// Returns the start of a process in ticks since boot; `None` if there is no such process, or if the start is not known.
fn start_of(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces; the start is the 20th field after it (proc_pid_stat(5), field 22).
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

fn now_unix() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
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

/// Returns the part of a work directory's name that identifies this boot, container and user.
pub fn scope_tag() -> String {
    let text = Scope::of_this_process().map_or(String::new(), |scope| format!("{scope:?}"));
    if text.is_empty() {
        "unknown".to_owned()
    } else {
        blake3::hash(text.as_bytes()).to_hex()[..12].to_owned()
    }
}

/// Returns whether the name of a work directory belongs to a process that was killed before it could write its owner file.
fn is_of_a_gone_process(work: &Path) -> bool {
    let parts: Vec<&str> =
        work.file_name().and_then(|name| name.to_str()).unwrap_or("").rsplit('-').collect();
    let [_, pid, scope, ..] = parts[..] else { return false };
    scope.len() == 12
        && scope == scope_tag()
        && pid.parse::<u32>().is_ok_and(|pid| !Path::new("/proc").join(pid.to_string()).exists())
}

/// Removes the work directories of processes that are certainly gone.
pub fn remove_abandoned(work_root: &Path) -> Result<()> {
    for entry in fs::read_dir(work_root).map_err(StoreError::io("list", work_root))? {
        let work = entry.map_err(StoreError::io("list", work_root))?.path();
        let is_abandoned = match Owner::read(&work) {
            Some(owner) => owner.is_gone(),
            None => is_of_a_gone_process(&work),
        };
        if is_abandoned {
            // Another process may remove it too, or the disk may be read-only. The remains do no harm.
            let _ = disk::remove_tree(&work);
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
        check_kept(false, |owner| owner.started = owner.started.map(|ticks| ticks + 1));
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

    #[test]
    fn work_of_a_process_that_was_killed_before_it_wrote_its_owner_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let name = |scope: &str, pid: u32| format!("trial-0123456789ab-{scope}-{pid}-0");
        let (here, elsewhere) = (scope_tag(), "0123456789ab".to_owned());
        let names = [name(&here, NO_PROCESS), name(&here, std::process::id()), name(&elsewhere, NO_PROCESS)];
        for name in &names {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        remove_abandoned(root.path()).unwrap();
        assert_eq!(names.map(|name| root.path().join(name).exists()), [false, true, true]);
    }
}
