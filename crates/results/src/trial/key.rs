//! The key texts of datasets and trials.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;
use settings::{Algorithm, Configuration, Device, FIRST_REVISION, Precision, Task, Tracker, Trial};
use spec::{DIVERGENCE_FACTOR, Dataset, KeptWeights, Train};
use store::{Key, KeyText, Store};
use tuner::EarlyStopping;

use crate::{error::Error, known_images};

/// Revision of everything that turns settings into numbers. Bump it when equal settings give other numbers, and every
/// trial becomes new work; leave it, and old results stay valid. A rule has a revision of its own: `Algorithm::revision`.
pub const NUMERICS_REVISION: u32 = 3;

/// Kind of a prepared dataset's artifact.
pub const DATASET: &str = "dataset";
/// Kind of a trial's artifact.
pub const TRIAL: &str = "trial";

/// Everything that can change a trial's result except its dataset. Settings at their default are left out.
#[derive(Serialize)]
struct Settings<'a> {
    /// The configuration without its batch size, which is a field of its own.
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
    #[serde(skip_serializing_if = "is_last")]
    keep_weights: &'a KeptWeights,
    #[serde(skip_serializing_if = "is_default_factor")]
    divergence_factor: f64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    trackers: &'a [Tracker],
    /// The revisions after the first of the rule and of trackers, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    revisions: BTreeMap<&'static str, u32>,
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

fn is_last(kept: &&KeptWeights) -> bool {
    **kept == KeptWeights::Last
}

fn is_default_factor(divergence_factor: &f64) -> bool {
    *divergence_factor == DIVERGENCE_FACTOR
}

/// Returns the key text of a dataset. Fails if its files are missing in the directory `data` and not known from an earlier run.
pub fn dataset_key_text(store: &Store, dataset: &Dataset, data: &Path) -> Result<KeyText, Error> {
    let fingerprint = known_images::fingerprint(store, dataset, data)?;
    let settings = dataset.settings.without_paths();
    Ok(KeyText::new(DATASET, NUMERICS_REVISION, &settings, &[("source", &fingerprint)]))
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
    // Whether the grid or the stage gives the batch size does not change the trial, so it does not change the key.
    let configuration = Configuration { batch_size: None, ..trial.configuration.clone() };
    let settings = Settings {
        configuration: &configuration,
        seed: trial.seed,
        task: train.training.task,
        epochs: train.training.epochs,
        batch_size: train.training.batch_size_of(&trial.configuration),
        precision: train.training.precision,
        early_stopping: train.early_stopping.as_ref(),
        keep_weights: &train.keep_weights,
        divergence_factor: train.divergence_factor,
        trackers: &train.training.trackers,
        revisions: revisions(trial.configuration.algorithm, &train.training.trackers),
        device,
        build,
    };
    KeyText::new(TRIAL, NUMERICS_REVISION, &settings, &[("dataset", dataset)])
}

/// Returns the revisions after the first of a trial's rule and trackers, by name.
fn revisions(algorithm: Algorithm, trackers: &[Tracker]) -> BTreeMap<&'static str, u32> {
    let rule = [(algorithm.name(), algorithm.revision())];
    let trackers = trackers.iter().map(|tracker| (tracker.name(), tracker.revision()));
    rule.into_iter().chain(trackers).filter(|(_, revision)| *revision > FIRST_REVISION).collect()
}

#[cfg(test)]
mod tests {
    use spec::{Pipeline, Stage};

    use super::*;

    /// Returns the key text of the last trial of a file with these axes and fields of the train stage.
    fn key_text(axes: &str, fields: &str) -> KeyText {
        let pipeline = format!(
            r#"Pipeline(name: "small", stages: [
                Dataset(name: "images", source: Glyphs),
                Grid(name: "grid", axes: (algorithm: [Dfa], hidden: [[12, 8]], learning_rate: [1e-3], {axes})),
                Train(name: "trials", dataset: "images", grid: "grid", epochs: 5, seeds: [7], {fields}),
            ])"#
        );
        let pipeline = Pipeline::parse("test.ron", &pipeline).unwrap_or_else(|problems| panic!("{problems}"));
        let Stage::Train(train) = &pipeline.stages[2] else { panic!("a train stage") };
        let configurations: Vec<Configuration> =
            train.grid.points.candidates().into_iter().cloned().collect();
        let trials = train.trials(&configurations);
        trial_key_text(train, &trials[trials.len() - 1], &Key::of_bytes(b"a dataset"), Device::Cpu, None)
    }

    /// Golden bytes, written by the build 2ddf21a, in which a batch size was always a field of the stage.
    #[test]
    fn keys_are_those_of_earlier_builds() {
        let text = key_text("", "batch_size: 64");
        insta::assert_snapshot!(text.as_str(), @r#"
        (
            kind: "trial",
            revision: 3,
            settings: (
                configuration: (
                    algorithm: Dfa,
                    hidden: [12, 8],
                    activation: Tanh,
                    feedback: Some(Orthogonal),
                    learning_rate: 0.001,
                ),
                seed: 7,
                epochs: 5,
                batch_size: 64,
                device: Cpu,
            ),
            inputs: {
                "dataset": "b9d4ed2788e8888cfa709ff1b0deeca37d6923997439434f489ffec884e1e4d3",
            },
        )
        "#);
        assert_eq!(
            Key::of(&text).to_string(),
            "4a629f49cf65b38b3a19d3d5387c106a48fc1d52d738ee478cc6211cee8597f4"
        );
    }

    #[test]
    fn revisions_after_the_first_are_in_the_keys_of_the_trials_that_they_concern() {
        let text = key_text("", "batch_size: 64, trackers: [BpCosine, Throughput]");
        let expected = "revisions: {\n            \"BpCosine\": 2,\n        }";
        assert!(text.as_str().contains(expected), "{}", text.as_str());
        assert!(!key_text("", "batch_size: 64, trackers: [Throughput]").as_str().contains("revisions"));
        for algorithm in Algorithm::ALL {
            assert!(algorithm.revision() >= FIRST_REVISION, "{}", algorithm.name());
            let is_changed = algorithm.revision() > FIRST_REVISION;
            assert_eq!(revisions(algorithm, &[]).contains_key(algorithm.name()), is_changed);
        }
    }

    #[test]
    fn a_batch_size_has_one_key_wherever_the_file_gives_it() {
        assert_eq!(key_text("batch_size: [32, 64]", ""), key_text("", "batch_size: 64"));
        assert_ne!(key_text("batch_size: [64, 32]", ""), key_text("", "batch_size: 64"));
    }
}
