//! What names a dataset's and a trial's result (the text of their keys), and what a trial's result holds.

use std::{path::Path, sync::OnceLock};

use history::History;
use serde::{Deserialize, Serialize};
use settings::{Configuration, Device, Precision, Task, Tracker, Trial};
use tuner::{EarlyStopping, Outcome};

use crate::Error;
use spec::{DIVERGENCE_FACTOR, Dataset, Train};
use store::{Artifact, Key, KeyText, StoreError};

/// Revision of everything that turns settings into numbers. Bump it when equal settings give other numbers, and every
/// trial becomes new work; leave it, and old results stay valid.
pub const NUMERICS_REVISION: u32 = 2;

/// Kind of a prepared dataset's artifact.
pub const DATASET: &str = "dataset";
/// Kind of a trial's artifact.
pub const TRIAL: &str = "trial";

/// Everything that can change a trial's result, beside its inputs. What is at its default is left out.
#[derive(Serialize)]
struct Settings<'a> {
    configuration: &'a Configuration,
    seed: u64,
    #[serde(skip_serializing_if = "is_classification")]
    task: Task,
    epochs: u32,
    batch_size: u32,
    #[serde(skip_serializing_if = "is_full")]
    precision: Precision,
    #[serde(skip_serializing_if = "Option::is_none")]
    early_stopping: Option<&'a EarlyStopping>,
    #[serde(skip_serializing_if = "is_usual")]
    divergence_factor: f64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    trackers: &'a [Tracker],
    device: Device,
    #[serde(skip_serializing_if = "Option::is_none")]
    build: Option<&'a str>,
}

fn is_classification(task: &Task) -> bool {
    *task == Task::Classification
}

fn is_full(precision: &Precision) -> bool {
    *precision == Precision::Full
}

fn is_usual(divergence_factor: &f64) -> bool {
    *divergence_factor == DIVERGENCE_FACTOR
}

/// Returns the key text of a dataset, made from the files in the directory `data`.
///
/// # Errors
/// If files are missing.
pub fn dataset_key_text(dataset: &Dataset, data: &Path) -> Result<KeyText, Error> {
    let Dataset { name, settings } = dataset;
    let fingerprint = settings
        .source
        .fingerprint(data)
        .map_err(|source| Error::Data { stage: name.clone(), source: Box::new(source) })?;
    Ok(KeyText::new(DATASET, NUMERICS_REVISION, &settings.without_paths(), &[("source", &fingerprint)])?)
}

/// The key text of `trial` in the stage `train`, on the dataset with the key `dataset`; with `build`, only results of that
/// build have it.
///
/// # Errors
/// If the settings cannot be written as text.
pub fn trial_key_text(
    train: &Train,
    trial: &Trial,
    dataset: &Key,
    device: Device,
    build: Option<&str>,
) -> Result<KeyText, StoreError> {
    let settings = Settings {
        configuration: &trial.configuration,
        seed: trial.seed,
        task: train.training.task,
        epochs: train.training.epochs,
        batch_size: train.training.batch_size,
        precision: train.training.precision,
        early_stopping: train.early_stopping.as_ref(),
        divergence_factor: train.divergence_factor,
        trackers: &train.training.trackers,
        device,
        build,
    };
    KeyText::new(TRIAL, NUMERICS_REVISION, &settings, &[("dataset", dataset)])
}

/// Epoch by epoch, what was measured.
pub const HISTORY: &str = "history.csv";
/// What was measured of the machine, epoch by epoch; differs from run to run.
pub const MACHINE: &str = "machine.csv";
/// Final weights and feedback.
pub const WEIGHTS: &str = "weights.safetensors";
/// How the trial ended.
pub const RESULT: &str = "result.ron";

/// How a trial ended, and after how many epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// How.
    pub outcome: Outcome,
    /// Epochs it trained.
    pub epochs: u32,
}

/// A trial, its name in the store, and its result if it is finished.
#[derive(Clone, Debug)]
pub struct PlannedTrial {
    /// What is trained.
    pub trial: Trial,
    /// What names its result.
    pub key_text: KeyText,
    /// Hash of the text.
    pub key: Key,
    /// Its result.
    pub artifact: Option<Artifact>,
    /// What is wrong with its result, where there is one that cannot be used.
    pub damage: Option<String>,
    /// How it ended, once somebody has asked.
    pub known: OnceLock<TrialResult>,
}

impl PlannedTrial {
    /// How the trial ended; none where it is not finished.
    ///
    /// # Errors
    /// If its files cannot be read.
    pub fn result(&self) -> Result<Option<&TrialResult>, Error> {
        let Some(artifact) = &self.artifact else { return Ok(None) };
        if self.known.get().is_none() {
            let _ = self.known.set(result(artifact)?);
        }
        Ok(self.known.get())
    }
}

/// What a finished trial measured.
///
/// # Errors
/// If its file cannot be read.
pub fn history(artifact: &Artifact) -> Result<History, Error> {
    let text = String::from_utf8_lossy(&artifact.read(HISTORY)?).into_owned();
    History::from_csv(&text).map_err(|source| Error::History { path: artifact.path().join(HISTORY), source })
}

/// What was measured of the machine that trained a trial.
///
/// # Errors
/// If its file cannot be read.
pub fn machine(artifact: &Artifact) -> Result<History, Error> {
    let text = String::from_utf8_lossy(&artifact.read(MACHINE)?).into_owned();
    History::from_csv(&text).map_err(|source| Error::History { path: artifact.path().join(MACHINE), source })
}

/// How a finished trial ended.
///
/// # Errors
/// If its files cannot be read.
fn result(artifact: &Artifact) -> Result<TrialResult, Error> {
    let bytes = artifact.read(RESULT)?;
    ron::de::from_bytes(&bytes).map_err(|error| Error::Io {
        action: "read",
        path: artifact.path().join(RESULT),
        source: std::io::Error::other(error.to_string()),
    })
}
