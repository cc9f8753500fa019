//! Hosts that share a folder of results, but neither file locks nor caches: each has a mount of its own over sshfs, and its own host
//! name, boot id and process ids. The program is process 1 of every host, as in a container. Without root, sshfs and sshd, each
//! test says that it is skipped.
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_bpfree");
const SERVER: &str = "/usr/sbin/sshd";
/// Far longer than the silence after which a lease is free.
const LONG_AGO: Duration = Duration::from_secs(600);
const PATIENCE: Duration = Duration::from_secs(50);

const MANY_TRIALS: &str = r#"Pipeline(
    name: "shared",
    stages: [
        Dataset(name: "images", source: Glyphs(train: 200, test: 50), holdout: 0.2),
        Grid(name: "rules", axes: (algorithm: [Backprop, Dfa, Drtp], hidden: [[12, 8]], learning_rate: [1e-3])),
        Train(
            name: "trials", dataset: "images", grid: "rules", epochs: 3, batch_size: 20, seeds: 2,
            checkpoint: Every(epochs: 1),
        ),
        Summarize(name: "report", of: ["trials"], metric: "error_rate/test"),
    ],
)"#;

const ONE_TRIAL: &str = r#"Pipeline(
    name: "shared",
    stages: [
        Dataset(name: "images", source: Glyphs(train: 400, test: 50), holdout: 0.2),
        Grid(name: "rules", axes: (algorithm: [Drtp], hidden: [[64, 64]], learning_rate: [1e-3])),
        Train(
            name: "trials", dataset: "images", grid: "rules", epochs: 40, batch_size: 4, seeds: 1,
            checkpoint: Every(epochs: 1),
        ),
        Summarize(name: "report", of: ["trials"], metric: "error_rate/test"),
    ],
)"#;

/// The caches that sshfs has by default, and links that lead through `..`, which it refuses by default.
const OPTIONS: &str = "cache=yes,no_contain_symlinks";

/// The mounts `A` and `B` of the folder `backing`, and the server behind them.
struct Hosts {
    folder: tempfile::TempDir,
    server: Child,
}

/// The program, running on a host.
struct Running {
    host: &'static str,
    process: Child,
    log: PathBuf,
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for host in ["A", "B"] {
            let _ = Command::new("umount").arg("-l").arg(self.path(host)).output();
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing happens to a process that has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns hosts that share a folder, or nothing if there can be none here.
fn hosts(pipeline: &str, options: &str) -> Option<Hosts> {
    Hosts::new(pipeline, options).inspect_err(|reason| eprintln!("skipped: {reason}")).ok()
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

impl Hosts {
    fn new(pipeline: &str, options: &str) -> Result<Self, String> {
        if !succeeds("sshfs", &["-V"]) || !Path::new(SERVER).exists() || !Path::new("/dev/fuse").exists() {
            return Err("no sshfs, no sshd or no FUSE".to_owned());
        }
        if !succeeds("unshare", &["--pid", "--uts", "--mount", "--fork", "--mount-proc", "true"]) {
            return Err("no namespaces can be made".to_owned());
        }
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let path = |name: &str| folder.path().join(name).display().to_string();
        for name in ["backing", "A", "B"] {
            fs::create_dir(path(name)).map_err(|error| error.to_string())?;
        }
        for key in ["server", "client"] {
            if !succeeds("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &path(key)]) {
                return Err("no keys can be made".to_owned());
            }
        }
        // Another process may take the port until the server does. Then no mount is possible.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr());
        let port = port.map_err(|error| error.to_string())?.port();
        let settings = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nPermitRootLogin yes\n\
             PasswordAuthentication no\nStrictModes no\nUsePAM no\nSubsystem sftp internal-sftp\n",
            path("server"),
            path("client.pub"),
        );
        for (name, text) in [("sshd_config", &*settings), ("shared.ron", pipeline)] {
            fs::write(path(name), text).map_err(|error| error.to_string())?;
        }
        // The server wants it; it may be there already.
        let _ = fs::create_dir("/run/sshd");
        let server = Command::new(SERVER)
            .args(["-D", "-f", &path("sshd_config"), "-E", &path("log")])
            .spawn()
            .map_err(|error| error.to_string())?;
        let hosts = Self { folder, server };
        for host in ["A", "B"] {
            hosts.mount(host, port, options)?;
        }
        let [one, other] = ["A", "B"].map(|host| hosts.path(host).join("lock"));
        let one = File::create(one).map_err(|error| error.to_string())?;
        let other = File::options().write(true).open(other).map_err(|error| error.to_string())?;
        one.try_lock().expect("it is free");
        assert!(other.try_lock().is_ok(), "the mounts share locks, so this test would show nothing");
        Ok(hosts)
    }

    /// Mounts the shared folder on a host, as soon as the server answers.
    fn mount(&self, host: &str, port: u16, options: &str) -> Result<(), String> {
        let options = format!(
            "{options},UserKnownHostsFile=/dev/null,StrictHostKeyChecking=no,LogLevel=ERROR,IdentitiesOnly=yes,IdentityFile={}",
            self.path("client").display()
        );
        let source = format!("root@127.0.0.1:{}", self.path("backing").display());
        let start = Instant::now();
        loop {
            let mounted = Command::new("sshfs")
                .args(["-p", &port.to_string(), "-o", &options, &source])
                .arg(self.path(host))
                .output()
                .map_err(|error| error.to_string())?;
            if mounted.status.success() {
                return Ok(());
            }
            if start.elapsed() > Duration::from_secs(10) {
                return Err(format!("no mount: {}", String::from_utf8_lossy(&mounted.stderr)));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the program on a host. Its boot id is that of this machine if `boot` is empty.
    fn start_with(&self, host: &'static str, boot: &str) -> Running {
        const AS_HOST: &str = r#"hostname "host$1"; test -n "$2" && mount --bind "$2" /proc/sys/kernel/random/boot_id; shift 2; exec "$@""#;
        let boot_file = self.path(&format!("boot-{host}"));
        fs::write(&boot_file, boot).expect("writable");
        let boot_file = if boot.is_empty() { Path::new("") } else { &boot_file };
        let log = self.path(&format!("log-{host}"));
        let said = File::create(&log).expect("writable");
        let process = Command::new("unshare")
            .args(["--pid", "--uts", "--mount", "--fork", "--kill-child=KILL", "--mount-proc"])
            .args(["sh", "-c", AS_HOST, "sh", host])
            .arg(boot_file)
            .args([PROGRAM, "run", "shared.ron", "-v", "-j", "1", "--artifacts"])
            .arg(self.path(host).join("artifacts"))
            .current_dir(self.folder.path())
            .env_remove("BPFREE_DATA")
            .stdin(Stdio::null())
            .stdout(said.try_clone().expect("one more handle"))
            .stderr(said)
            .spawn()
            .expect("it was started before");
        Running { host, process, log }
    }

    fn start(&self, host: &'static str) -> Running {
        self.start_with(host, &format!("boot of {host}\n"))
    }

    /// Returns the folders of the finished trials below a folder of results, by key.
    fn trials(&self, artifacts: &str) -> Vec<PathBuf> {
        let shelf = self.path(artifacts).join("store/trial");
        let mut trials: Vec<PathBuf> =
            fs::read_dir(shelf).expect("the folder").map(|entry| entry.expect("readable").path()).collect();
        trials.sort();
        trials
    }

    /// Trains everything on a local disk.
    fn train_locally(&self) {
        let run = Command::new(PROGRAM)
            .args(["run", "shared.ron", "--artifacts", "local"])
            .current_dir(self.folder.path())
            .env_remove("BPFREE_DATA")
            .output()
            .expect("the program starts");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }

    /// Checks that every trial has the bytes that it has on a local disk, and that nothing else is left.
    fn check(&self) {
        if !self.path("local").exists() {
            self.train_locally();
        }
        let (shared, local) = (self.trials("backing/artifacts"), self.trials("local"));
        assert_eq!(shared.len(), local.len());
        for trials in shared.iter().zip(&local) {
            for file in ["key.ron", "history.csv", "weights.safetensors", "result.ron"] {
                let [shared, local] =
                    [trials.0, trials.1].map(|trial| fs::read(trial.join(file)).expect("it is there"));
                assert!(shared == local, "{} has another {file}", trials.0.display());
            }
        }
        let work = fs::read_dir(self.path("backing/artifacts/work")).expect("the folder");
        let left: Vec<PathBuf> = work.map(|entry| entry.expect("readable").path()).collect();
        assert!(left.is_empty(), "{left:?}");
        let verified = Command::new(PROGRAM)
            .args(["artifacts", "verify", "--artifacts"])
            .arg(self.path("backing/artifacts"))
            .output()
            .expect("the program starts");
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    }
}

impl Running {
    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until the program has said `text`.
    fn wait_for(&mut self, text: &str) {
        let start = Instant::now();
        while !self.said().contains(text) {
            let has_ended = self.process.try_wait().expect("it was started").is_some();
            assert!(!has_ended && start.elapsed() < PATIENCE, "{}: no `{text}`:\n{}", self.host, self.said());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the end, and returns how the program ended and what it said.
    fn end(mut self) -> (ExitStatus, String) {
        let start = Instant::now();
        while self.process.try_wait().expect("it was started").is_none() {
            assert!(start.elapsed() < PATIENCE, "{} does not end:\n{}", self.host, self.said());
            thread::sleep(Duration::from_millis(20));
        }
        (self.process.wait().expect("it was started"), self.said())
    }

    /// Waits for the end, which must be a success, and returns what the program said.
    fn succeed(self) -> String {
        let host = self.host;
        let (status, said) = self.end();
        assert!(status.success(), "{host}: {status}\n{said}");
        said
    }

    /// Presses Ctrl-C.
    fn interrupt(&self) {
        let starter = self.process.id();
        let children =
            fs::read_to_string(format!("/proc/{starter}/task/{starter}/children")).expect("it is alive");
        // SIGINT is ignored where tests run in the background.
        assert!(succeeds("kill", &["-TERM", children.trim()]), "{children}");
    }
}

/// Returns how many trials a run trained, by its last words.
fn trained(said: &str) -> usize {
    let line = said.lines().find(|line| line.contains(" trained now")).expect("a run counts its trials");
    let words = line.split(" trained now").next().unwrap_or_default();
    words.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a number")
}

#[test]
fn hosts_that_start_at_once_train_each_trial_once() {
    for _ in 0..2 {
        let Some(hosts) = hosts(MANY_TRIALS, OPTIONS) else { return };
        let both = ["A", "B"].map(|host| hosts.start(host)).map(Running::succeed);
        assert_eq!(both.iter().map(|said| trained(said)).sum::<usize>(), 6, "{}", both.concat());
        hosts.check();
    }
}

#[test]
fn two_mounts_on_one_host_do_not_take_leases_from_each_other() {
    let Some(hosts) = hosts(MANY_TRIALS, OPTIONS) else { return };
    let both = ["A", "B"].map(|host| hosts.start_with(host, "")).map(Running::succeed);
    assert_eq!(both.iter().map(|said| trained(said)).sum::<usize>(), 6, "{}", both.concat());
    hosts.check();
}

#[test]
fn a_mount_without_links_is_a_warning() {
    let Some(hosts) = hosts(MANY_TRIALS, "cache=yes") else { return };
    let said = hosts.start("A").succeed() + &hosts.start("B").succeed();
    hosts.check();
    // Earlier versions of sshfs follow all links.
    if fs::read_link(hosts.path("A/artifacts/runs/shared/report")).is_err() {
        assert_eq!(said.matches("mount it with `-o no_contain_symlinks`").count(), 2, "{said}");
    }
}

#[test]
fn a_waiting_host_continues_the_trial_of_an_interrupted_one() {
    let Some(hosts) = hosts(ONE_TRIAL, OPTIONS) else { return };
    let mut interrupted = hosts.start("A");
    interrupted.wait_for(": epoch 2/");
    let mut waiting = hosts.start("B");
    waiting.wait_for("waiting for it");
    interrupted.interrupt();
    let (status, said) = interrupted.end();
    assert_eq!(status.code(), Some(130), "{said}");
    let said = waiting.succeed();
    assert!(!said.contains(": epoch 1/"), "{said}");
    hosts.check();
}

#[test]
fn a_waiting_host_continues_the_trial_of_a_killed_one_when_its_lease_is_silent() {
    let Some(hosts) = hosts(ONE_TRIAL, OPTIONS) else { return };
    let mut killed = hosts.start("A");
    killed.wait_for(": epoch 2/");
    let mut waiting = hosts.start("B");
    waiting.wait_for("waiting for it");
    drop(killed);
    // Instead of two minutes of waiting.
    for entry in fs::read_dir(hosts.path("backing/artifacts/work")).expect("the folder") {
        let path = entry.expect("readable").path();
        if path.extension().is_some_and(|extension| extension == "lease") {
            let lease = File::options().write(true).open(path).expect("it is there");
            lease.set_modified(SystemTime::now() - LONG_AGO).expect("times can be set");
        }
    }
    let said = waiting.succeed();
    assert!(!said.contains(": epoch 1/"), "{said}");
    hosts.check();
}

#[test]
fn a_result_that_another_host_published_meanwhile_is_accepted() {
    let Some(hosts) = hosts(ONE_TRIAL, OPTIONS) else { return };
    hosts.train_locally();
    let mut slower = hosts.start("A");
    slower.wait_for(": epoch 2/");
    // As by a host whose lease expired while its connection was lost.
    let shelf = hosts.path("backing/artifacts/store/trial");
    fs::create_dir_all(&shelf).expect("writable");
    for trial in hosts.trials("local") {
        let [from, to] = [&trial, &shelf].map(|path| path.display().to_string());
        assert!(succeeds("cp", &["-a", &from, &to]));
    }
    slower.succeed();
    hosts.check();
}
