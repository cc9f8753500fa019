//! The key texts of datasets and trials.

use std::path::Path;

use serde::Serialize;
use settings::{Configuration, Device, Precision, Task, Tracker, Trial};
use spec::{DIVERGENCE_FACTOR, Dataset, Train};
use store::{Key, KeyText};
use tuner::EarlyStopping;

use crate::error::Error;

/// Revision of everything that turns settings into numbers. Bump it when equal settings give other numbers, and every
/// trial becomes new work; leave it, and old results stay valid.
pub const NUMERICS_REVISION: u32 = 3;

/// Kind of a prepared dataset's artifact.
pub const DATASET: &str = "dataset";
/// Kind of a trial's artifact.
pub const TRIAL: &str = "trial";

/// Everything that can change a trial's result except its dataset. Settings at their default are left out.
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
    #[serde(skip_serializing_if = "is_default_factor")]
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

fn is_default_factor(divergence_factor: &f64) -> bool {
    *divergence_factor == DIVERGENCE_FACTOR
}

/// Returns the key text of a dataset. Fails if its files are missing in the directory `data`.
pub fn dataset_key_text(dataset: &Dataset, data: &Path) -> Result<KeyText, Error> {
    let Dataset { name, settings } = dataset;
    let fingerprint = settings
        .source
        .fingerprint(data)
        .map_err(|source| Error::Data { stage: name.clone(), source: Box::new(source) })?;
    Ok(KeyText::new(DATASET, NUMERICS_REVISION, &settings.without_paths(), &[("source", &fingerprint)]))
}

/// Returns the key text of `trial` in the stage `train`, on the dataset with the key `dataset`. With `build`, other builds have
/// other keys.
pub fn trial_key_text(
    train: &Train,
    trial: &Trial,
    dataset: &Key,
    device: Device,
    build: Option<&str>,
) -> KeyText {
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
