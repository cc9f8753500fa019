//! Example settings, and artifacts with them, for the tests of the store.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde::Serialize;

use super::{Artifact, Claim, KeyText, Provenance, Store, Work};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    pub algorithm: Algorithm,
    pub hidden: Vec<u32>,
    pub learning_rate: f64,
    pub batch_norm: bool,
    pub note: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Algorithm {
    Backprop,
    Dfa { feedback: Distribution },
    Drtp { feedback: Distribution },
    LocalLoss(Loss),
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Distribution {
    Orthogonal,
    Uniform { from: f64, to: f64 },
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Loss {
    CrossEntropy,
    MeanSquaredError,
}

impl Settings {
    pub fn example() -> Self {
        Self {
            algorithm: Algorithm::Dfa { feedback: Distribution::Uniform { from: -1.0, to: 1e-10 } },
            hidden: vec![500, 500],
            learning_rate: 1e-3,
            batch_norm: false,
            note: "the \"first\"\ntry".to_owned(),
            patience: None,
        }
    }
}

/// Draws each field from few values, so that equal pairs and pairs that differ in one field are common.
pub fn any_settings() -> impl Strategy<Value = Settings> {
    (
        any_algorithm(),
        prop::collection::vec(1..3_u32, 0..2),
        prop_oneof![Just(0.1), Just(1.0), Just(1e-10), prop::num::f64::NORMAL],
        any::<bool>(),
        "[a,:\"()\\\\\n]{0,2}",
        prop::option::of(0..2_u32),
    )
        .prop_map(|(algorithm, hidden, learning_rate, batch_norm, note, patience)| Settings {
            algorithm,
            hidden,
            learning_rate,
            batch_norm,
            note,
            patience,
        })
}

fn any_algorithm() -> impl Strategy<Value = Algorithm> {
    prop_oneof![
        Just(Algorithm::Backprop),
        any_distribution().prop_map(|feedback| Algorithm::Dfa { feedback }),
        any_distribution().prop_map(|feedback| Algorithm::Drtp { feedback }),
        Just(Algorithm::LocalLoss(Loss::CrossEntropy)),
        Just(Algorithm::LocalLoss(Loss::MeanSquaredError)),
    ]
}

fn any_distribution() -> impl Strategy<Value = Distribution> {
    let bound = || prop_oneof![Just(-1.0), Just(1.0)];
    prop_oneof![
        Just(Distribution::Orthogonal),
        (bound(), bound()).prop_map(|(from, to)| Distribution::Uniform { from, to }),
    ]
}

/// The first letters of the names of files that are not compared.
pub const VOLATILE: &[&str] = &["out"];

pub fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (folder, store)
}

/// Returns a key text of the example settings; different numbers give different keys.
pub fn key_text(revision: u32) -> KeyText {
    KeyText::new("trial", revision, &Settings::example(), &[])
}

/// Claims work with two files, one of them volatile, and does not publish it.
pub fn begin(store: &Store, key_text: &KeyText) -> Work {
    let Claim::Mine(work) = store.claim(key_text, &[]).unwrap() else { panic!("it is free") };
    work.write("history.csv", b"epoch,loss\n1,0.5\n").unwrap();
    work.write("events/out", b"event bytes").unwrap();
    work
}

pub fn publish(store: &Store, key_text: &KeyText) -> Artifact {
    begin(store, key_text).publish(Provenance::example(), VOLATILE).unwrap()
}

/// Returns the sorted names in a folder.
pub fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

impl Provenance {
    /// Describes the same machine and time in every test.
    pub fn example() -> Self {
        Self {
            build: "0.1.0".to_owned(),
            host: "node-1".to_owned(),
            device: "cpu".to_owned(),
            operating_system: "Linux 6.1".to_owned(),
            processor: "Zen 4".to_owned(),
            started_unix_seconds: 1_700_000_000,
            duration_seconds: 1.5,
        }
    }
}
