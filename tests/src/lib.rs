//! Code that the tests of the whole program share.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use results::trial::PlannedTrial;
use runner::{
    Context,
    plan::StagePlan,
    progress::{Progress, Reporter},
    run::{RunReport, RunSettings},
};
use settings::Device;
use spec::Pipeline;
use store::Store;

/// A pipeline of every rule on a few glyphs.
pub const SMALL_PIPELINE: &str = r#"Pipeline(
    name: "small",
    stages: [
        Dataset(name: "images", source: Glyphs(train: 200, test: 50), holdout: 0.2),
        Grid(name: "rules", axes: (
            algorithm: [Backprop, Dfa, Drtp, LocalLoss(CrossEntropy), LocalLoss(MeanSquaredError)],
            hidden: [[12, 8]],
            learning_rate: [1e-3],
        )),
        Train(name: "trials", dataset: "images", grid: "rules", epochs: 2, batch_size: 20, seeds: 2),
        Summarize(name: "report", of: ["trials"], metric: "error_rate/test"),
    ],
)"#;

/// Records the tables, and interrupts the run after a number of finished trials or epochs.
pub struct Witness {
    tables: Mutex<Vec<String>>,
    warnings: Mutex<Vec<String>>,
    interrupt: AtomicBool,
    interrupt_after: Option<usize>,
    interrupt_after_epochs: Option<usize>,
    ended: Mutex<usize>,
    epochs: Mutex<usize>,
}

impl Witness {
    /// Interrupts after this many finished trials, or never.
    #[must_use]
    pub fn new(interrupt_after: Option<usize>) -> Self {
        Self {
            tables: Mutex::default(),
            warnings: Mutex::default(),
            interrupt: AtomicBool::new(false),
            interrupt_after,
            interrupt_after_epochs: None,
            ended: Mutex::default(),
            epochs: Mutex::default(),
        }
    }

    /// Interrupts after this many epochs, counted over all trials.
    #[must_use]
    pub fn after_epochs(epochs: usize) -> Self {
        Self { interrupt_after_epochs: Some(epochs), ..Self::new(None) }
    }

    /// Returns the number of epochs that were trained, over all trials.
    pub fn epochs(&self) -> usize {
        *self.epochs.lock().expect("no panic")
    }

    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().expect("no panic").clone()
    }
}

impl Reporter for Witness {
    fn report(&self, progress: &Progress<'_>) {
        match progress {
            Progress::Summary { table, .. } => self.tables.lock().expect("no panic").push((*table).into()),
            Progress::Warning(text) => self.warnings.lock().expect("no panic").push((*text).into()),
            Progress::Epoch { .. } => {
                let mut epochs = self.epochs.lock().expect("no panic");
                *epochs += 1;
                if self.interrupt_after_epochs.is_some_and(|after| *epochs >= after) {
                    self.interrupt.store(true, Ordering::Relaxed);
                }
            }
            Progress::TrialEnded { .. } => {
                let mut ended = self.ended.lock().expect("no panic");
                *ended += 1;
                if self.interrupt_after.is_some_and(|after| *ended >= after) {
                    self.interrupt.store(true, Ordering::Relaxed);
                }
            }
            _ => {}
        }
    }
}

/// A temporary folder of results, with the number of threads and the population limit of its runs.
pub struct Bench {
    folder: tempfile::TempDir,
    jobs: usize,
    largest_population: usize,
}

impl Bench {
    #[must_use]
    pub fn new(jobs: usize, largest_population: usize) -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), jobs, largest_population }
    }

    /// Returns a context for this folder's store, on the CPU and without image files.
    #[must_use]
    pub fn context(&self) -> Context<'static> {
        let store = Store::open(self.folder.path()).expect("a fresh store");
        Context { store, data: Path::new("no data here"), device: Device::Cpu, same_build: None }
    }

    /// Runs the pipeline file `text` with a witness.
    pub fn run_with(&self, text: &str, witness: &Witness) -> RunReport {
        let run = self.try_run(&self.context(), text, &witness.interrupt, witness);
        run.expect("the run is possible")
    }

    /// Runs the pipeline file `text` in another context or with another reporter, if the run is possible.
    pub fn try_run(
        &self,
        context: &Context<'_>,
        text: &str,
        interrupt: &AtomicBool,
        reporter: &dyn Reporter,
    ) -> Result<RunReport, runner::Error> {
        let pipeline = Pipeline::parse("test.ron", text).unwrap_or_else(|problems| panic!("{problems}"));
        let settings = RunSettings {
            jobs: self.jobs,
            largest_population: Some(self.largest_population),
            memory: None,
            fail_fast: false,
            interrupt,
            reporter,
            build: "test",
        };
        runner::run::run(context, &pipeline, settings)
    }

    /// Runs the pipeline file `text`; returns its tables, too.
    pub fn run(&self, text: &str) -> (RunReport, Vec<String>) {
        let witness = Witness::new(None);
        let report = self.run_with(text, &witness);
        (report, witness.tables.into_inner().expect("no panic"))
    }

    /// Returns the trials of the pipeline file `text`.
    #[must_use]
    pub fn trials(&self, text: &str) -> Vec<PlannedTrial> {
        let pipeline = Pipeline::parse("test.ron", text).expect("the file is right");
        let plans = runner::plan::plan(&self.context(), &pipeline).expect("the store is whole");
        let of = |plan| if let StagePlan::Train { trials, .. } = plan { trials } else { Vec::new() };
        plans.into_iter().flat_map(of).collect()
    }

    /// Returns the content hash of each trial, which does not depend on the process and the time.
    #[must_use]
    pub fn contents(&self, text: &str) -> Vec<String> {
        let content =
            |trial: PlannedTrial| trial.artifact.expect("the trial is done").manifest().content().to_string();
        self.trials(text).into_iter().map(content).collect()
    }

    /// Returns a path in the folder of results.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Returns a Python with the package `tensorboard`: the one in `BPFREE_PYTHON`, or `python3`.
#[must_use]
pub fn python() -> Option<String> {
    let python = std::env::var("BPFREE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import tensorboard"]).output().ok()?;
    found.status.success().then_some(python)
}
