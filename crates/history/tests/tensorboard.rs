//! A run tree as TensorBoard itself reads it, where a Python with the package `tensorboard` is installed.
//!
//! `BPFREE_PYTHON` names that Python; otherwise `python3` is tried.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use history::{
    Epoch, Event, EventFile, History,
    hparams::{self, Value},
};
use settings::{Metric, Place, Quantity, Split};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/python/read_events.py");
const RATES: [(&str, f64); 2] = [("dfa-rate0.01", 0.01), ("dfa-rate0.1", 0.1)];
const ERROR_RATE: Metric = Metric::ErrorRate(Split::Validation);

fn python() -> Option<String> {
    let python = std::env::var("BPFREE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import tensorboard"]).output().ok()?;
    found.status.success().then_some(python)
}

fn now(epoch: u32) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000 + u64::from(epoch))
}

/// Returns made-up values of an epoch; `attempt` distinguishes the values of a killed process from those of its successor.
fn measured(epoch: u32, seed: u32, attempt: u32) -> Epoch {
    let loss = f64::from(attempt) + 1.0 / f64::from(epoch * seed);
    let error_rate = if epoch == 4 { f64::NAN } else { 0.9 / f64::from(epoch) };
    let too_large_for_f32 = if epoch == 5 { 1e300 } else { 1e-3 };
    let layer = |layer| Metric::At { place: Place::Layer(layer), quantity: Quantity::named("bp_cosine") };
    let values =
        vec![(Metric::Loss(Split::Train), loss), (ERROR_RATE, error_rate), (layer(1), too_large_for_f32)];
    Epoch { epoch, values }
}

fn append_epoch(file: &mut EventFile, epoch: &Epoch) {
    file.append(&Event::scalars(epoch.epoch, now(epoch.epoch), &epoch.values)).expect("writable");
    file.flush().expect("writable");
}

fn start(folder: &Path, first_step: u32, group: &str, rate: f64) -> EventFile {
    let mut file = EventFile::create(folder, first_step, now(first_step)).expect("a writable folder");
    let values = [("rate".to_owned(), Value::Number(rate)), ("batch_norm".to_owned(), Value::Flag(false))];
    file.append(&hparams::session_start(group, &values, now(first_step))).expect("writable");
    file
}

/// Writes a trial of six epochs that was killed after five and resumed from the checkpoint of epoch `resumed_from`.
fn write_trial(folder: &Path, group: &str, rate: f64, seed: u32, resumed_from: u32) {
    let mut killed = start(folder, 1, group, rate);
    for epoch in 1..=5 {
        append_epoch(&mut killed, &measured(epoch, seed, u32::from(epoch > resumed_from)));
    }
    drop(killed);
    let mut history = History::default();
    let mut resumed = start(folder, resumed_from + 1, group, rate);
    for epoch in (1..=6).map(|epoch| measured(epoch, seed, 0)) {
        if epoch.epoch > resumed_from {
            append_epoch(&mut resumed, &epoch);
        }
        history.push(epoch).expect("in order");
    }
    resumed.append(&hparams::session_end(true, now(7))).expect("writable");
    resumed.finish().expect("writable");
    fs::write(folder.join("history.csv"), history.to_csv()).expect("writable");
}

/// Writes two configurations under two seeds, in the folders of a Train stage.
fn write_tree(root: &Path) {
    let hyperparameters = [
        ("rate".to_owned(), RATES.map(|(_, rate)| Value::Number(rate)).to_vec()),
        ("batch_norm".to_owned(), vec![Value::Flag(false)]),
    ];
    let mut file = EventFile::create(root, 0, now(0)).expect("a writable folder");
    file.append(&hparams::experiment(&hyperparameters, &[ERROR_RATE], now(0))).expect("writable");
    file.finish().expect("writable");
    for (group, rate) in RATES {
        write_trial(&root.join(group).join("seed-1"), group, rate, 1, 0);
        write_trial(&root.join(group).join("seed-2"), group, rate, 2, 3);
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
fn tensorboard_reads_every_value_and_no_overlap() {
    let Some(python) = python() else {
        return eprintln!("skipped: no Python with tensorboard, see BPFREE_PYTHON");
    };
    let root = tempfile::tempdir().expect("a temporary folder");
    write_tree(root.path());
    let command = Command::new(python).arg(SCRIPT).arg(root.path()).arg("--data-server").output();
    let output = command.expect("python started before");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    // 4 trials of 6 epochs with 3 values.
    assert!(stdout.contains("4 runs, 72 values equal"), "{stdout}{stderr}");
}
