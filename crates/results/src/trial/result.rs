//! The files of a finished trial.

use std::sync::{Arc, OnceLock};

use history::History;
use serde::{Deserialize, Serialize};
use settings::Trial;
use store::{Artifact, Key, KeyText};
use tuner::Outcome;

use crate::error::Error;

/// The metrics of each epoch.
pub const HISTORY: &str = "history.csv";
/// Time, memory and energy of each epoch. They differ from run to run.
pub const MACHINE: &str = "machine.csv";
/// Prefix of the names of event files. They contain times and host names, so they differ from run to run.
pub const EVENT_FILES: &str = "events.out.tfevents";
/// Weights and feedback matrices of the epoch that is kept.
pub const WEIGHTS: &str = "weights.safetensors";
/// The state after the last epoch, without the arrays that are also in [`WEIGHTS`]. A trial of more epochs begins from it. It follows from
/// the other settings, and a stage may leave it out, so it is no part of a result's content.
pub const STATE: &str = "state.safetensors";
/// How the trial ended, as a [`TrialResult`].
pub const RESULT: &str = "result.ron";

/// How a trial ended, and after how many epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    pub outcome: Outcome,
    pub epochs: u32,
    /// The epoch of the weights, if it is not the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<u32>,
}

/// A finished trial from which another one begins.
#[derive(Clone, Debug)]
pub struct Beginning {
    pub artifact: Artifact,
    pub result: TrialResult,
    /// Whether the other trial ends as this one did: nothing is left to train.
    pub is_whole: bool,
}

/// A trial, its key, and its result if it is finished.
#[derive(Clone, Debug)]
pub struct PlannedTrial {
    pub trial: Trial,
    pub key_text: KeyText,
    pub key: Key,
    /// The key of the dataset.
    pub dataset: Key,
    /// The key text of the dataset.
    pub dataset_text: Arc<KeyText>,
    pub artifact: Option<Artifact>,
    /// The finished trial from which it begins, if it is not finished and there is one.
    pub beginning: Option<Beginning>,
    /// The reason why a stored result cannot be used, if there is one.
    pub damage: Option<String>,
    /// How it ended, after the first call of [`result`](Self::result).
    pub known: OnceLock<TrialResult>,
}

impl PlannedTrial {
    /// Returns how the trial ended, or none if it is not finished.
    pub fn result(&self) -> Result<Option<&TrialResult>, Error> {
        let Some(artifact) = &self.artifact else { return Ok(None) };
        if self.known.get().is_none() {
            let _ = self.known.set(read_result(artifact)?);
        }
        Ok(self.known.get())
    }
}

/// Reads the metrics of a finished trial.
pub fn history(artifact: &Artifact) -> Result<History, Error> {
    read_history(artifact, HISTORY)
}

/// Reads time, memory and energy of a finished trial.
pub fn machine(artifact: &Artifact) -> Result<History, Error> {
    read_history(artifact, MACHINE)
}

fn read_history(artifact: &Artifact, name: &str) -> Result<History, Error> {
    let text = String::from_utf8_lossy(&artifact.read(name)?).into_owned();
    History::from_csv(&text).map_err(|source| Error::History { path: artifact.path().join(name), source })
}

pub(super) fn read_result(artifact: &Artifact) -> Result<TrialResult, Error> {
    let bytes = artifact.read(RESULT)?;
    ron::de::from_bytes(&bytes).map_err(|error| Error::Io {
        action: "read",
        path: artifact.path().join(RESULT),
        source: std::io::Error::other(error.to_string()),
    })
}
