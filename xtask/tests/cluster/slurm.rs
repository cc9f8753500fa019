//! A real, throw-away Slurm cluster of three nodes on this host.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// The time between two looks.
const POLL: Duration = Duration::from_millis(100);

pub struct Slurm {
    folder: PathBuf,
}

impl Slurm {
    /// Starts a cluster; says why it cannot if it returns none.
    pub fn start(variables: &[(&str, &str)]) -> Option<Self> {
        let script = scripts().join("start-slurm.sh");
        if !script.exists() {
            eprintln!("skipped: the scripts that start a Slurm cluster are not here");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("slurm-").tempdir().expect("a temporary folder").keep();
        let started = Command::new("bash").arg(script).arg(&folder).envs(variables.iter().copied()).output();
        let started = started.expect("bash starts");
        if !started.status.success() {
            let _ = fs::remove_dir_all(folder);
            let message = String::from_utf8_lossy(&started.stderr);
            let is_possible = !message.contains("missing") && !message.contains("must run as root");
            assert!(!is_possible, "Slurm is here and does not start: {message}");
            eprintln!("skipped: no Slurm cluster: {message}");
            return None;
        }
        Some(Self { folder })
    }

    pub fn configuration(&self) -> PathBuf {
        self.folder.join("slurm.conf")
    }

    /// Runs a command of Slurm, and returns its output.
    pub fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).env("SLURM_CONF", self.configuration()).output();
        String::from_utf8_lossy(&output.expect("Slurm is installed").stdout).into_owned()
    }

    /// The process of a daemon: `slurmctld`, `slurmd-n1`.
    pub fn daemon(&self, name: &str) -> i32 {
        let text = fs::read_to_string(self.folder.join(format!("run/{name}.pid"))).expect("it runs");
        text.trim().parse().expect("a number")
    }

    pub fn start_controller(&self) {
        let started = Command::new("slurmctld").arg("-f").arg(self.configuration()).status();
        assert!(started.expect("it is installed").success());
    }

    /// Waits until no job is in the queue.
    #[track_caller]
    pub fn wait_until_empty(&self) {
        wait_for("an empty queue", || {
            self.ask("squeue", &["--noheader", "--states=PENDING,RUNNING"]).is_empty()
        });
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        let stopped = Command::new("bash").arg(scripts().join("stop-slurm.sh")).arg(&self.folder).output();
        let _ = (stopped, fs::remove_dir_all(&self.folder));
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/slurm")
}

/// Waits until `is_so`, for at most three minutes.
#[track_caller]
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(180), "waited for {what} in vain");
        thread::sleep(POLL);
    }
}

/// A process of this host, with its environment.
pub struct Process {
    pub id: i32,
    variables: String,
}

impl Process {
    pub fn variable(&self, name: &str) -> Option<&str> {
        let mut variables = self.variables.split('\0');
        variables.find_map(|variable| variable.strip_prefix(name)?.strip_prefix('='))
    }

    pub fn kill(&self) {
        kill(self.id);
    }
}

pub fn kill(process: i32) {
    // SAFETY: the call only sends a signal.
    let _ = unsafe { libc::kill(process, libc::SIGKILL) };
}

/// Returns the processes whose variable `name` has this value.
pub fn processes_with(name: &str, value: &str) -> Vec<Process> {
    let ids = fs::read_dir("/proc").expect("Linux").flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let processes = ids.filter_map(|id| {
        let bytes = fs::read(format!("/proc/{id}/environ")).ok()?;
        Some(Process { id, variables: String::from_utf8_lossy(&bytes).into_owned() })
    });
    processes.filter(|process| process.variable(name) == Some(value)).collect()
}
