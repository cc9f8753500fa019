//! The process that has a lease, and whether it still exists.

use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

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
    /// The file system of the lease, as its host numbers it. Processes on one host share locks only there: two mounts of one
    /// folder have two numbers.
    #[serde(default)]
    pub device: Option<u64>,
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
            device: None,
        }
    }

    /// Returns this process as the holder of the lease `file`.
    pub(super) fn of_lease(file: &File) -> Self {
        Self { device: device_of(file), ..Self::this_process() }
    }

    /// Returns whether the process is certainly gone.
    pub fn is_gone(&self) -> bool {
        self.is_of_this_scope() && is_gone(self.pid, self.started)
    }

    /// Returns whether process ids mean the same there as here.
    pub fn is_of_this_scope(&self) -> bool {
        let scope = Scope::of_this_process();
        scope.is_some() && scope == self.scope
    }

    /// Returns whether the process would see a lock that this process has on the lease `file`, and this process its: both are
    /// or were on this host since it started, in whichever containers, and use one mount.
    pub(super) fn shares_locks(&self, file: &File) -> bool {
        let boot = |scope: Option<Scope>| scope.map(|scope| scope.boot);
        let here = (boot(Scope::of_this_process()), device_of(file));
        matches!(here, (Some(_), Some(_))) && here == (boot(self.scope.clone()), self.device)
    }

    pub fn to_text(&self) -> String {
        ron::to_string(self).expect("strings and numbers can be written as RON") + "\n"
    }

    /// Reads the owner from a file; `None` if it cannot be read.
    pub fn read_file(path: &Path) -> Option<Self> {
        ron::from_str(&fs::read_to_string(path).ok()?).ok()
    }
}

/// Whether the process of this scope with this id and start is gone.
pub(super) fn is_gone(pid: u32, started: Option<u64>) -> bool {
    match (start_of(pid), started) {
        (None, _) => !exists(pid),
        (Some(now), Some(then)) => now != then,
        (Some(_), None) => false,
    }
}

#[cfg(unix)]
fn device_of(file: &File) -> Option<u64> {
    Some(std::os::unix::fs::MetadataExt::dev(&file.metadata().ok()?))
}

#[cfg(not(unix))]
fn device_of(_: &File) -> Option<u64> {
    None
}

/// Whether there is a process with this id, as far as this process can see.
fn exists(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Larger than any process id that Linux gives.
    const NO_PROCESS: u32 = 1 << 30;

    #[track_caller]
    fn check_gone(gone: bool, change: impl Fn(&mut Owner)) {
        let mut owner = Owner::this_process();
        change(&mut owner);
        assert_eq!(owner.is_gone(), gone, "{owner:?}");
    }

    #[test]
    fn only_processes_of_this_scope_are_ever_certainly_gone() {
        check_gone(false, |_| {});
        check_gone(true, |owner| owner.started = owner.started.map(|ticks| ticks + 1));
        check_gone(true, |owner| owner.pid = NO_PROCESS);
        let gone_elsewhere = |change: fn(&mut Scope)| {
            move |owner: &mut Owner| {
                owner.pid = NO_PROCESS;
                change(owner.scope.as_mut().expect("Linux has a scope"));
            }
        };
        check_gone(false, gone_elsewhere(|scope| scope.boot = "another machine".to_owned()));
        check_gone(false, gone_elsewhere(|scope| scope.pid_namespace = "another container".to_owned()));
        check_gone(false, gone_elsewhere(|scope| scope.user += 1));
        check_gone(false, |owner| *owner = Owner { pid: NO_PROCESS, scope: None, ..owner.clone() });
    }

    #[test]
    fn locks_are_shared_on_one_host_and_one_mount_only() {
        let file = tempfile::tempfile().unwrap();
        let shares = |change: fn(&mut Owner)| {
            let mut owner = Owner::of_lease(&file);
            change(&mut owner);
            owner.shares_locks(&file)
        };
        assert!(shares(|_| {}));
        assert!(shares(|owner| owner.scope.as_mut().unwrap().pid_namespace = "another container".to_owned()));
        assert!(!shares(|owner| owner.scope.as_mut().unwrap().boot = "another machine".to_owned()));
        assert!(!shares(|owner| owner.device = owner.device.map(|device| device + 1)));
        assert!(!shares(|owner| owner.device = None), "an earlier build did not write it");
        assert!(!shares(|owner| owner.scope = None));
    }

    #[test]
    fn an_owner_is_read_from_its_text_and_from_nothing_else() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let owner = Owner::this_process();
        fs::write(file.path(), owner.to_text()).unwrap();
        assert_eq!(Owner::read_file(file.path()), Some(owner.clone()));
        // As an earlier build wrote it.
        fs::write(file.path(), owner.to_text().replace(",device:None", "")).unwrap();
        assert_eq!(Owner::read_file(file.path()), Some(owner));
        fs::write(file.path(), "(pid: ").unwrap();
        assert_eq!(Owner::read_file(file.path()), None);
    }
}
