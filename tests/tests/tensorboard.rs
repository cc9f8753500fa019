//! The run tree of a pipeline as TensorBoard itself reads it: every event file against its `history.csv`.
//!
//! `BPFREE_PYTHON` names a Python with the package `tensorboard`; otherwise `python3` is tried.

use std::{path::Path, process::Command, sync::atomic::AtomicBool};

use engine::Device;
use pipeline::{
    file::Pipeline,
    plan::Laboratory,
    progress::{Progress, Reporter},
    run::RunSettings,
    store::Store,
};
use tests::SMALL_PIPELINE;

struct Silence;

impl Reporter for Silence {
    fn report(&self, _: &Progress<'_>) {}
}

fn python() -> Option<String> {
    let python = std::env::var("BPFREE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import tensorboard"]).output().ok()?;
    found.status.success().then_some(python)
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn tensorboard_reads_what_the_histories_say() {
    let Some(python) = python() else {
        eprintln!("skipped: no Python with the package `tensorboard` (name one in BPFREE_PYTHON)");
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(folder.path()).expect("a fresh store");
    let laboratory = Laboratory { store, data: Path::new("no data here"), device: Device::Cpu };
    let pipeline = Pipeline::parse("test.ron", SMALL_PIPELINE).expect("the file is right");
    let interrupt = AtomicBool::new(false);
    let settings = RunSettings {
        jobs: 2,
        largest_population: None,
        interrupt: &interrupt,
        reporter: &Silence,
        build: "test",
    };
    laboratory.run(&pipeline, settings).expect("the run is possible");

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/read_events.py");
    let output = Command::new(python)
        .arg(script)
        .arg(folder.path().join("runs/small"))
        .output()
        .expect("python starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    // 10 trials x 2 epochs x loss and error rate of three splits.
    assert!(said.contains("10 runs, 120 values equal"), "{said}");
}
