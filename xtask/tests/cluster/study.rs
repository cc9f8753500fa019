//! A study in a folder of its own, and what is expected of its end.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use crate::slurm::{Process, Slurm, processes_with, wait_for};

/// Trials that take so long that workers are killed in the middle of them.
pub const LONG: &str = r#"Pipeline(
    name: "long",
    stages: [
        Dataset(name: "images", source: Glyphs(train: 1000, test: 50), holdout: 0.1),
        Grid(name: "rules", axes: (algorithm: [Backprop, Dfa, Drtp], hidden: [[100, 100]], learning_rate: [1e-3])),
        Train(
            name: "trials", dataset: "images", grid: "rules", epochs: 60, batch_size: 10, seeds: 2,
            checkpoint: Every(epochs: 1),
        ),
        Summarize(name: "report", of: ["trials"], metric: "error_rate/validation"),
    ],
)"#;

pub struct Study {
    folder: tempfile::TempDir,
    slurm_configuration: Option<PathBuf>,
    path: Option<PathBuf>,
    started: std::cell::Cell<u32>,
}

/// A running command; what it prints goes into a file.
pub struct Started {
    child: Child,
    output: PathBuf,
}

impl Study {
    pub fn new(pipeline: &str, cluster: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("study.ron"), pipeline).expect("writable");
        fs::write(folder.path().join("cluster.ron"), cluster).expect("writable");
        Self { folder, slurm_configuration: None, path: None, started: 0.into() }
    }

    /// A study on a cluster.
    pub fn on(slurm: &Slurm, pipeline: &str, cluster: &str) -> Self {
        Self { slurm_configuration: Some(slurm.configuration()), ..Self::new(pipeline, cluster) }
    }

    /// A study whose scheduler's commands are in the folder `programs`.
    pub fn with_programs(programs: &Path, pipeline: &str, cluster: &str) -> Self {
        let path = format!("{}:/usr/bin:/bin", programs.display());
        Self { path: Some(path.into()), ..Self::new(pipeline, cluster) }
    }

    /// A study on a machine that has no other programs than those in a folder.
    pub fn with_only_programs(programs: &Path, pipeline: &str, cluster: &str) -> Self {
        Self { path: Some(programs.to_owned()), ..Self::new(pipeline, cluster) }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the program with these arguments.
    pub fn start(&self, arguments: &[&str]) -> Started {
        self.started.set(self.started.get() + 1);
        let output = self.file(&format!("output-{}", self.started.get()));
        let file = File::create(&output).expect("writable");
        let mut command = Command::new(env!("CARGO_BIN_EXE_bpfree"));
        command.args(arguments).current_dir(self.folder.path()).env_remove("CARGO_MANIFEST_DIR");
        command.envs(self.slurm_configuration.iter().map(|path| ("SLURM_CONF", path)));
        command.envs(self.path.iter().map(|path| ("PATH", path)));
        // Tests may run in the background, where these signals are ignored, and the program leaves ignored signals alone.
        // SAFETY: the calls are allowed between fork and exec, and SIG_DFL is no function.
        unsafe {
            command.pre_exec(|| {
                for signal in [libc::SIGINT, libc::SIGHUP] {
                    libc::signal(signal, libc::SIG_DFL);
                }
                Ok(())
            });
        }
        command.stdin(Stdio::null()).stdout(file.try_clone().expect("a file")).stderr(file);
        Started { child: command.spawn().expect("the program starts"), output }
    }

    pub fn run_on_cluster(&self) -> Started {
        self.start(&["run", "study.ron", "--cluster", "cluster.ron"])
    }

    /// Returns the workers that run now.
    pub fn workers(&self) -> Vec<Process> {
        let configuration = self.slurm_configuration.as_ref().expect("the study is on a cluster");
        let mut workers = processes_with("SLURM_CONF", &configuration.display().to_string());
        workers.retain(|process| process.variable("BPFREE_STUDY").is_some());
        workers
    }

    /// Waits until some trial has a checkpoint.
    #[track_caller]
    pub fn wait_for_a_checkpoint(&self) {
        let is_checkpoint = |name: &str| name.ends_with(".checkpoint");
        wait_for("a checkpoint", || {
            names(&self.file("artifacts/work")).iter().any(|name| is_checkpoint(name))
        });
    }

    /// Waits until two trials are claimed.
    #[track_caller]
    pub fn wait_for_two_leases(&self) {
        let leases =
            || names(&self.file("artifacts/work")).into_iter().filter(|name| name.ends_with(".lease"));
        wait_for("two leases", || leases().count() > 1);
    }

    /// Returns the number of trainings that workers report in their logs.
    pub fn trained(&self) -> usize {
        let logs = names(&self.file("artifacts/cluster")).into_iter().flat_map(|study| {
            let folder = self.file("artifacts/cluster").join(study).join("logs");
            names(&folder).into_iter().map(move |name| folder.join(name))
        });
        let texts = logs.map(|path| fs::read_to_string(path).unwrap_or_default());
        texts.map(|text| text.lines().filter_map(trained).sum::<usize>()).sum()
    }

    pub fn logs(&self) -> String {
        let folder = self.file("artifacts/cluster");
        let studies = names(&folder).into_iter().map(|study| folder.join(study).join("logs"));
        let texts = studies.flat_map(|logs| {
            names(&logs).into_iter().map(move |name| fs::read_to_string(logs.join(name)).unwrap_or_default())
        });
        texts.collect()
    }

    /// Checks that the results are those of a run on this host, byte by byte, and that nothing else is left.
    #[track_caller]
    pub fn check_results(&self) {
        let pipeline = fs::read_to_string(self.file("study.ron")).expect("a file");
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let expected = known.entry(pipeline).or_insert_with(|| {
            let here = self.start(&["run", "study.ron", "--artifacts", "here", "--data", &data()]).end();
            assert_eq!(here.code, Some(0), "{}", here.text);
            results(&self.file("here"))
        });
        let found = results(&self.file("artifacts"));
        assert!(expected.len() > 1);
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        assert!(found == *expected, "files differ from those of a run on this host");
        assert_eq!(names(&self.file("artifacts/work")), [""; 0]);
    }
}

type Results = BTreeMap<String, Vec<Vec<u8>>>;

/// The results of runs on this host, by pipeline.
static KNOWN: Mutex<BTreeMap<String, Results>> = Mutex::new(BTreeMap::new());

/// The images of the tests that need some.
pub fn data() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").display().to_string()
}

/// Reads the line with which a worker ends: `worker: 3 trials trained, ...`.
fn trained(line: &str) -> Option<usize> {
    line.strip_prefix("worker: ")?.split_whitespace().next()?.parse().ok()
}

/// Returns the names in a folder, in order.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Returns the files of every trial that do not depend on time and host.
fn results(artifacts: &Path) -> Results {
    let trials = artifacts.join("store/trial");
    let files = |key: &String| {
        ["key.ron", "history.csv", "weights.safetensors", "result.ron"]
            .map(|name| fs::read(trials.join(key).join(name)).expect("a trial has it"))
            .to_vec()
    };
    names(&trials).into_iter().map(|key| (key.clone(), files(&key))).collect()
}

/// The exit code of a command, and what it printed.
pub struct Ended {
    pub code: Option<i32>,
    pub text: String,
}

impl Started {
    pub fn text(&self) -> String {
        fs::read_to_string(&self.output).unwrap_or_default()
    }

    /// Waits until the command has printed `text`.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        wait_for(text, || self.text().contains(text));
    }

    pub fn kill(&mut self) {
        let _ = (self.child.kill(), self.child.wait());
    }

    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: the call only sends a signal.
        let _ = unsafe { libc::kill(self.child.id().cast_signed(), signal) };
    }

    /// Waits for the end.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let mut status = None;
        wait_for("the end of a command", || {
            status = self.child.try_wait().expect("it is a child");
            status.is_some()
        });
        Ended { code: status.and_then(|status| status.code()), text: self.text() }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.kill();
    }
}
