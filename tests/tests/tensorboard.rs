//! The run tree of a pipeline, read by TensorBoard: every event file against its `history.csv`.
//!
//! `BPFREE_PYTHON` names a Python with the package `tensorboard`; otherwise `python3` is tried.

use std::{
    path::Path,
    process::Command,
    time::{Instant, SystemTime},
};

use history::{Event, EventFile};
use settings::{Metric, Place, Quantity};
use tests::{Bench, SMALL_PIPELINE, python};

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn tensorboard_reads_what_the_histories_say() {
    let Some(python) = python() else {
        eprintln!("skipped: no Python with the package `tensorboard` (name one in BPFREE_PYTHON)");
        return;
    };
    let bench = Bench::new(2, 1);
    bench.run(&SMALL_PIPELINE.replace("seeds: 2", "seeds: 2, trackers: [Throughput, Histograms, Images]"));

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/read_events.py");
    let output = Command::new(python)
        .arg(script)
        .arg(bench.path("runs/small"))
        .arg("--data-server")
        .output()
        .expect("python starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    // 10 trials x 2 epochs x (loss and error rate of three splits, and a speed), and for the means of 5 configurations four
    // values of each but the speed.
    assert!(said.contains("15 runs, 380 values equal"), "{said}");
}

const RUNS: usize = 1000;
const TAGS: u32 = 50;
const EPOCHS: u32 = 100;

#[test]
#[expect(clippy::print_stderr, reason = "a measurement, and a test that is skipped says so")]
fn a_thousand_long_runs_are_written_and_loaded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let metrics: Vec<Metric> = (1..=TAGS)
        .map(|layer| Metric::At { place: Place::Layer(layer), quantity: Quantity::named("bp_cosine") })
        .collect();
    let start = Instant::now();
    for run in 0..RUNS {
        let now = SystemTime::now();
        let path = folder.path().join(format!("dfa-{}/seed-{}", run / 10, run % 10));
        let mut file = EventFile::create(&path, 1, now).expect("the folder can be written");
        for epoch in 1..=EPOCHS {
            let values: Vec<(Metric, f64)> =
                metrics.iter().map(|metric| (metric.clone(), f64::from(epoch))).collect();
            file.append(&Event::scalars(epoch, now, &values)).expect("the file can be written");
            file.flush().expect("the file can be written");
        }
        file.finish().expect("the file can be written");
    }
    let seconds = start.elapsed().as_secs_f64();
    let files = walkdir::WalkDir::new(folder.path()).into_iter().map(|entry| entry.expect("an entry"));
    let bytes: u64 = files
        .map(|file| file.metadata().expect("a file"))
        .filter(|file| file.is_file())
        .map(|file| file.len())
        .sum();
    eprintln!("{RUNS} runs x {TAGS} tags x {EPOCHS} epochs: {} MB in {seconds:.1} s", bytes / 1_000_000);
    assert!(bytes < 200_000_000, "{bytes} bytes");
    let Some(python) = python() else {
        eprintln!("skipped: no Python with the package `tensorboard` loads them");
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/load_tree.py");
    let numbers = [RUNS.to_string(), TAGS.to_string(), EPOCHS.to_string()];
    let output =
        Command::new(python).arg(script).arg(folder.path()).args(numbers).output().expect("python starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    eprintln!("{}", said.trim());
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
