//! A run that is killed at any moment and started again until it is done has the results of an undisturbed run.
//!
//! The process that is killed is this test itself, started again with `BPFREE_KILL_TEST` in its environment.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, atomic::AtomicBool},
    thread,
    time::{Duration, Instant},
};

use runner::{
    Context,
    plan::StagePlan,
    progress::{Progress, Reporter, TrialEnd},
    run::RunSettings,
};
use settings::Device;
use spec::Pipeline;
use store::Store;
use tests::Bench;

/// A pipeline that is long enough to be killed during trials, with batch norm, dropout and early stopping.
const PIPELINE: &str = r#"Pipeline(
    name: "killed",
    stages: [
        Dataset(name: "images", source: Glyphs(train: 400, test: 100), holdout: 0.2),
        Grid(name: "rules", axes: (
            algorithm: [Backprop, Dfa, Drtp, LocalLoss(CrossEntropy)],
            hidden: [[40, 30]], batch_norm: [true], dropout: [0.2], learning_rate: [1e-3],
        )),
        Train(
            name: "trials", dataset: "images", grid: "rules", epochs: 12, batch_size: 20, seeds: 2,
            early_stopping: (metric: "error_rate/validation", patience: 6), keep_weights: Best("loss/validation"),
            trackers: [WeightAlignment, Histograms], checkpoint: Every(epochs: 1),
        ),
        Summarize(name: "report", of: ["trials"], metric: "error_rate/validation"),
    ],
)"#;

/// Appends a line for everything that happens to a trial; the file survives the process.
struct Diary(Mutex<File>);

impl Reporter for Diary {
    fn report(&self, progress: &Progress<'_>) {
        let line = match progress {
            Progress::TrialStarted { trial, epochs, .. } => {
                format!("start {epochs} {} {}", trial.configuration.slug(), trial.seed)
            }
            Progress::Saved { trial, epoch } => {
                format!("saved {epoch} {} {}", trial.configuration.slug(), trial.seed)
            }
            Progress::TrialEnded { trial, end: TrialEnd::Stored(_), .. } => {
                format!("stored 0 {} {}", trial.configuration.slug(), trial.seed)
            }
            // The process that stored it has written it down.
            Progress::TrialEnded { end: TrialEnd::MadeElsewhere, .. } => return,
            Progress::TrialEnded { trial, end, .. } => {
                format!("failed 0 {} {} {end:?}", trial.configuration.slug(), trial.seed)
            }
            _ => return,
        };
        let mut file = self.0.lock().expect("nobody panics");
        if matches!(progress, Progress::Saved { .. }) {
            let path =
                Path::new(&std::env::var("BPFREE_KILL_TEST").expect("set for the victim")).join("savers");
            let mut savers = File::options().create(true).append(true).open(path).expect("writable");
            savers.write_all(format!("{}\n", std::process::id()).as_bytes()).expect("writable");
        }
        // One call per line, because several processes write into the file.
        file.write_all(format!("{line}\n").as_bytes()).expect("the diary can be written");
    }
}

/// The process that is killed; nothing when the tests run.
#[test]
fn victim() {
    let Ok(folder) = std::env::var("BPFREE_KILL_TEST") else { return };
    let folder = Path::new(&folder);
    let diary = File::options().create(true).append(true).open(folder.join("diary")).expect("writable");
    let store = Store::open(&folder.join("artifacts")).expect("the store is whole, whatever was killed");
    let context = Context { store, data: Path::new("no data here"), device: Device::Cpu, same_build: None };
    let pipeline = Pipeline::parse("test.ron", PIPELINE).expect("the file is right");
    let interrupt = AtomicBool::new(false);
    let settings = RunSettings {
        jobs: 2,
        largest_population: None,
        memory: None,
        fail_fast: false,
        interrupt: &interrupt,
        reporter: &Diary(Mutex::new(diary)),
        build: "test",
    };
    let report = runner::run::run(&context, &pipeline, settings).expect("the run is possible");
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    fs::write(folder.join("done"), "").expect("writable");
}

struct Killed {
    folder: tempfile::TempDir,
}

impl Killed {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn start(&self, fault: Option<&str>) -> Child {
        let mut command = Command::new(std::env::current_exe().expect("this test"));
        command.args(["--exact", "victim", "--nocapture"]).env("BPFREE_KILL_TEST", self.folder.path());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        match fault {
            Some(fault) => command.env("BPFREE_FAULT", fault),
            None => command.env_remove("BPFREE_FAULT"),
        };
        command.spawn().expect("this test can be started again")
    }

    fn is_done(&self) -> bool {
        self.folder.path().join("done").exists()
    }

    fn artifacts(&self) -> PathBuf {
        self.folder.path().join("artifacts")
    }

    /// Runs until everything is done.
    fn finish(&self) {
        let status = self.start(None).wait().expect("it was started");
        assert!(status.success() && self.is_done(), "an undisturbed run ends well: {}", self.diary());
    }

    fn diary(&self) -> String {
        fs::read_to_string(self.folder.path().join("diary")).unwrap_or_default()
    }

    /// Returns key and content of every trial, and the table.
    fn results(&self) -> (Vec<(String, String)>, String) {
        let store = Store::open(&self.artifacts()).expect("the store is whole");
        let context =
            Context { store, data: Path::new("no data here"), device: Device::Cpu, same_build: None };
        let pipeline = Pipeline::parse("test.ron", PIPELINE).expect("the file is right");
        let plans = runner::plan::plan(&context, &pipeline).expect("the store is whole");
        let trials = plans.into_iter().flat_map(|plan| match plan {
            StagePlan::Train { trials, .. } => trials,
            _ => Vec::new(),
        });
        let contents = trials.map(|planned| {
            let artifact = planned.artifact.expect("every trial is done");
            for file in &artifact.manifest().files {
                artifact.read(&file.path).expect("every file is whole");
            }
            (planned.key.to_string(), artifact.manifest().content().to_string())
        });
        let summary = ["table.md", "configurations.csv", "history.csv", "best.ron"].map(|name| {
            fs::read_to_string(self.artifacts().join("runs/killed/report").join(name))
                .expect("the summary's file")
        });
        (contents.collect(), summary.concat())
    }

    /// Checks that no work is left, no trial was stored twice, and every trial resumed from its last checkpoint.
    fn check_diary(&self) {
        let work: Vec<_> = fs::read_dir(self.artifacts().join("work")).expect("the folder").collect();
        assert!(work.is_empty(), "{work:?}");
        let mut saved: HashMap<&str, u32> = HashMap::new();
        let diary = self.diary();
        let mut stored: HashMap<&str, u32> = HashMap::new();
        for line in diary.lines() {
            let mut words = line.splitn(3, ' ');
            let (what, epoch, trial) = (words.next(), words.next(), words.next().unwrap_or_default());
            let epoch: u32 = epoch.and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{line}"));
            match what {
                Some("start") => {
                    let reached = saved.get(trial).copied().unwrap_or(0);
                    assert!(
                        epoch >= reached,
                        "{trial} began after epoch {epoch}, saved after {reached}:\n{diary}"
                    );
                }
                Some("saved") => drop(saved.insert(trial, epoch)),
                Some("stored") => *stored.entry(trial).or_default() += 1,
                _ => panic!("{line}"),
            }
        }
        assert!(stored.values().all(|times| *times == 1), "{diary}");
    }
}

fn undisturbed() -> (Vec<(String, String)>, String) {
    let killed = Killed::new();
    killed.finish();
    killed.check_diary();
    let results = killed.results();
    assert_eq!(results.0.len(), 8);
    results
}

/// Checks with TensorBoard's loaders that each step of each trial is there once and that every session ended.
#[expect(clippy::print_stderr, reason = "a check that is skipped says so")]
fn check_tensorboard(tree: &Path) {
    let Some(python) = tests::python() else {
        eprintln!("skipped: no Python with the package `tensorboard` (name one in BPFREE_PYTHON)");
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/read_events.py");
    let output = Command::new(python).arg(script).arg(tree).arg("--data-server").output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    // 8 trials, and the means of 4 configurations.
    assert!(said.starts_with("12 runs, "), "{said}");
}

#[test]
fn killed_at_thirty_random_moments_it_ends_with_the_same_bytes() {
    let start = Instant::now();
    let expected = undisturbed();
    let took = start.elapsed();
    let killed = Killed::new();
    let mut stream = random::stream(7, "kill", &[]);
    let (mut kills, mut interrupted) = (0, 0);
    while kills < 30 && !killed.is_done() {
        let mut child = killed.start(None);
        // The pauses become longer, so that the run makes progress between the kills.
        let most = took.as_secs_f64() * (0.1 + 0.03 * f64::from(kills));
        thread::sleep(Duration::from_secs_f64(most * f64::from(random::uniform(&mut stream))));
        interrupted += u32::from(child.try_wait().expect("it was started").is_none());
        child.kill().expect("it can be killed");
        child.wait().expect("it was started");
        kills += 1;
    }
    assert!(interrupted >= 5, "{interrupted} of {kills} kills met a run in progress");
    killed.finish();
    killed.check_diary();
    assert!(killed.results() == expected, "{}", killed.diary());
    assert!(killed.diary().lines().any(|line| line.starts_with("start ") && !line.starts_with("start 0 ")));
    check_tensorboard(&killed.artifacts().join("runs/killed"));
}

#[test]
fn killed_at_every_point_of_publishing_it_ends_with_the_same_bytes() {
    let expected = undisturbed();
    for point in [
        "before the sync",
        "before the manifest",
        "before the rename",
        "before a link is placed",
        "after the rename",
        "before the lease is given back",
        "before the checkpoint",
        "after the checkpoint",
    ] {
        for passes in [0, 3] {
            let killed = Killed::new();
            let status = killed.start(Some(&format!("{point}#{passes}"))).wait().expect("it was started");
            assert!(!status.success(), "the point `{point}` is passed {passes} times and more");
            // TensorBoard would take it for a run.
            let tree = walkdir::WalkDir::new(killed.artifacts().join("runs")).into_iter().flatten();
            let unplaced: Vec<_> =
                tree.filter(|entry| entry.file_name().to_string_lossy().starts_with('.')).collect();
            assert!(unplaced.is_empty(), "{point} {passes}: {unplaced:?}");
            killed.finish();
            assert!(killed.results() == expected, "{point} {passes}: {}", killed.diary());
            // The process may die after a trial is stored and before the diary says so.
            let work: Vec<_> = fs::read_dir(killed.artifacts().join("work")).expect("the folder").collect();
            assert!(work.is_empty(), "{point} {passes}: {work:?}");
        }
    }
}

#[test]
fn processes_on_one_store_share_the_work_also_after_one_is_killed() {
    let expected = undisturbed();
    let killed = Killed::new();
    let mut processes: Vec<Child> = (0..4).map(|_| killed.start(None)).collect();
    let start = Instant::now();
    // One process is killed after it wrote a checkpoint, if it still runs.
    let mut victim = None;
    while victim.is_none() && start.elapsed() < Duration::from_secs(60) && !killed.is_done() {
        let savers = fs::read_to_string(killed.folder.path().join("savers")).unwrap_or_default();
        let pids: Vec<u32> = savers.lines().filter_map(|line| line.parse().ok()).collect();
        victim = processes.iter_mut().position(|process| {
            pids.contains(&process.id()) && process.try_wait().expect("it was started").is_none()
        });
    }
    let victim = victim.unwrap_or_else(|| panic!("nobody saved anything: {}", killed.diary()));
    processes[victim].kill().expect("it can be killed");
    for (index, process) in processes.iter_mut().enumerate() {
        let status = process.wait().expect("it was started");
        assert!(status.success() || index == victim, "process {index}: {}", killed.diary());
    }
    killed.finish();
    killed.check_diary();
    assert!(killed.results() == expected, "{}", killed.diary());
}

#[test]
fn one_of_several_processes_may_be_killed_and_started_again_and_again() {
    let start = Instant::now();
    let expected = undisturbed();
    let took = start.elapsed().as_secs_f64();
    let mut stream = random::stream(11, "kill", &[]);
    for count in [2, 4] {
        let killed = Killed::new();
        let mut others: Vec<Child> = (1..count).map(|_| killed.start(None)).collect();
        let mut kills = 0;
        while kills < 10 && !killed.is_done() {
            let mut victim = killed.start(None);
            thread::sleep(Duration::from_secs_f64(took * f64::from(random::uniform(&mut stream))));
            victim.kill().expect("it can be killed");
            victim.wait().expect("it was started");
            kills += 1;
        }
        for process in &mut others {
            let status = process.wait().expect("it was started");
            assert!(status.success(), "{count} processes: {}", killed.diary());
        }
        killed.finish();
        killed.check_diary();
        assert!(killed.results() == expected, "{count} processes: {}", killed.diary());
    }
}

#[test]
fn an_interrupted_run_saves_its_trials_and_resumes_them() {
    let text = PIPELINE.replace(", checkpoint: Every(epochs: 1)", ", checkpoint: Never");
    let whole = Bench::new(1, 4);
    whole.run(&text);
    // The interruption comes at the first and at the second trial of a population.
    for epochs in [4, 5] {
        let halved = Bench::new(1, 4);
        let report = halved.run_with(&text, &tests::Witness::after_epochs(epochs));
        assert!(report.interrupted && report.saved > 0 && report.dropped == 0, "{report:?}");
        let (report, _) = halved.run(&text);
        assert!(!report.interrupted && report.failed.is_empty(), "{report:?}");
        assert_eq!(whole.contents(&text), halved.contents(&text));
        assert_eq!(fs::read_dir(halved.path("work")).expect("the folder").count(), 0);
    }
}
