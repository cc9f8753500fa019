//! Borders that the system draws around a process: control groups, containers and users. Each test says so if it cannot draw them here.
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_bpfree");

const PIPELINE: &str = r#"Pipeline(
    name: "tiny",
    stages: [
        Dataset(name: "images", source: Glyphs(train: 100, test: 20)),
        Grid(name: "rules", axes: (algorithm: [Dfa], hidden: [[6]], learning_rate: [1e-3])),
        Train(name: "trials", dataset: "images", grid: "rules", epochs: 1, batch_size: 10, seeds: 1),
        Summarize(name: "report", of: ["trials"], metric: "error_rate/validation"),
    ],
)"#;

fn folder(pipeline: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("tiny.ron"), pipeline).expect("the folder can be written");
    folder
}

/// Returns a command with `arguments` that starts in `folder`.
fn command(folder: &Path, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env_remove("BPFREE_DATA").env_remove("BPFREE_ARTIFACTS");
    command
}

/// Runs a command to its end; none if it is not installed or fails.
fn succeed(folder: &Path, program: &str, arguments: &[&str]) -> Option<Output> {
    command(folder, program, arguments).output().ok().filter(|output| output.status.success())
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A control group for memory, which is removed when this is dropped.
struct ControlGroup(PathBuf);

impl ControlGroup {
    /// Makes a group with this limit; none without the permission or without control groups.
    fn of(bytes: u64) -> Option<Self> {
        let name = format!("bpfree-test-{}", std::process::id());
        [("memory/", "memory.limit_in_bytes"), ("", "memory.max")].into_iter().find_map(|(tree, limit)| {
            let group = Path::new("/sys/fs/cgroup").join(tree).join(&name);
            fs::create_dir(&group).ok()?;
            let group = Self(group);
            fs::write(group.0.join(limit), bytes.to_string()).ok().map(|()| group)
        })
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn the_limit_of_the_own_control_group_is_a_limit_of_memory() {
    let Some(group) = ControlGroup::of(400_000_000) else {
        eprintln!("skipped: no control group for memory can be made");
        return;
    };
    let folder = folder(PIPELINE);
    let enter = format!("echo $$ > {}/cgroup.procs && exec {PROGRAM} doctor", group.0.display());
    let doctor = command(folder.path(), "sh", &["-c", &enter]).output().expect("a shell starts");
    let text = String::from_utf8_lossy(&doctor.stdout).into_owned();
    let free = text.lines().find_map(|line| line.split_once("memory")?.1.split_once(" MB free"));
    let free: f64 = free
        .and_then(|(number, _)| number.trim().parse().ok())
        .unwrap_or_else(|| panic!("no megabytes are free:\n{text}{}", errors(&doctor)));
    assert!((200.0..=400.0).contains(&free), "{free} MB");
}

/// A run that was killed while it trained.
struct Killed {
    folder: tempfile::TempDir,
}

impl Killed {
    /// Starts a long run with the words of `starter` in front, and kills it when it trains.
    fn by(starter: &[&str]) -> Option<Self> {
        let folder = folder(&PIPELINE.replace("epochs: 1", "epochs: 60000"));
        let words = [starter, &[PROGRAM, "run", "tiny.ron", "-v"]].concat();
        let mut child = command(folder.path(), words[0], &words[1..])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let trains = wait_for(&mut child, ": epoch 1/");
        child.kill().expect("it can be killed");
        child.wait().expect("it was started");
        trains.then_some(Self { folder })
    }

    fn lease(&self) -> PathBuf {
        let work = fs::read_dir(self.folder.path().join("artifacts/work")).expect("the folder");
        let mut paths = work.map(|entry| entry.expect("readable").path());
        paths.find(|path| path.extension().is_some_and(|ending| ending == "lease")).expect("it was killed")
    }

    /// Starts the run again.
    fn again(&self) -> Child {
        command(self.folder.path(), PROGRAM, &["run", "tiny.ron", "-v"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts")
    }
}

/// Reads what a process says, up to a line with `text`. Returns whether there is one.
fn wait_for(child: &mut Child, text: &str) -> bool {
    let mut lines = BufReader::new(child.stderr.as_mut().expect("it is piped")).lines();
    lines.any(|line| line.is_ok_and(|line| line.contains(text)))
}

#[test]
fn the_lease_of_a_dead_process_in_another_container_is_free_at_once() {
    let Some(killed) = Killed::by(&["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"])
    else {
        eprintln!("skipped: no namespace of processes can be made");
        return;
    };
    let mut again = killed.again();
    let mut said = String::new();
    let mut errors = BufReader::new(again.stderr.take().expect("it is piped"));
    while !said.contains(": epoch 1/") && !said.contains("waiting for it") {
        assert_ne!(errors.read_line(&mut said).expect("text"), 0, "{said}");
    }
    again.kill().expect("it can be killed");
    again.wait().expect("it was started");
    assert!(!said.contains("waiting for it"), "{said}");
}

#[test]
fn a_silent_host_is_reported_with_the_time_until_its_work_is_taken_over() {
    let killed = Killed::by(&["env"]).expect("a run starts");
    let lease = killed.lease();
    let text = fs::read_to_string(&lease).expect("readable");
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("this is Linux");
    let elsewhere = text.replace(boot.trim(), "another machine");
    assert_ne!(elsewhere, text, "{text}");
    fs::write(lease, elsewhere).expect("writable");
    let mut again = killed.again();
    let is_reported = wait_for(&mut again, "s if it stays silent (Ctrl-C stops waiting)");
    again.kill().expect("it can be killed");
    again.wait().expect("it was started");
    assert!(is_reported);
}

/// The words that start the program as a user who owns nothing.
const NOBODY: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

/// Whether the program can be started as another user.
fn has_nobody(folder: &Path) -> bool {
    let can = succeed(folder, "setpriv", &[&NOBODY[..], &[PROGRAM, "--version"]].concat()).is_some();
    if !can {
        eprintln!("skipped: the program cannot be started as another user");
    }
    can
}

#[test]
fn where_the_system_starts_no_further_thread_nothing_panics() {
    let folder = folder(PIPELINE);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("it is ours");
    if !has_nobody(folder.path()) {
        return;
    }
    let with_threads = |threads: &str, arguments: &str| {
        let nobody = NOBODY.join(" ");
        let line = format!("setpriv {nobody} prlimit --nproc={threads} {PROGRAM} {arguments}");
        // Progress bars are for terminals.
        let output = command(folder.path(), "script", &["-qec", &line, "/dev/null"]).output();
        output.ok().map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let Some(download) = with_threads("1", "data fetch mnist --data images") else {
        eprintln!("skipped: no program `script`");
        return;
    };
    assert!(download.contains("the system starts no thread for the download"), "{download}");
    let run = with_threads("1", "run tiny.ron").expect("it is installed");
    assert!(run.contains("cannot listen for Ctrl-C (`ulimit -u` limits threads)"), "{run}");
    let run = with_threads("2", "run tiny.ron").expect("it is installed");
    assert!(run.contains("1 trained now, 0 failed"), "{run}");
}

#[test]
fn another_user_without_write_permission_has_all_results() {
    let folder = folder(PIPELINE);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    if !has_nobody(folder.path()) {
        return;
    }
    let mine = command(folder.path(), PROGRAM, &["run", "tiny.ron"]).output().expect("the program starts");
    assert!(mine.status.success(), "{}", errors(&mine));
    let own = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(own.path(), fs::Permissions::from_mode(0o777)).expect("it is ours");
    let networks = own.path().join("networks").display().to_string();
    for arguments in
        [&["run", "tiny.ron"][..], &["report", "tiny.ron"], &["export", "tiny.ron", "--to", &networks]]
    {
        let arguments = [&NOBODY[..], &[PROGRAM], arguments].concat();
        let output = command(folder.path(), "setpriv", &arguments).output().expect("it is installed");
        assert!(output.status.success(), "{arguments:?}: {}", errors(&output));
    }
    assert!(own.path().join("networks/index.json").is_file());
}
