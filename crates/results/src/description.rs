//! One-line descriptions of artifacts, made from their key texts.

use data::DatasetSettings;
use ron::{Options, extensions::Extensions, value::RawValue};
use serde::Deserialize;
use settings::Configuration;
use store::{Key, Name, Store};

use crate::{
    board::BOARD,
    hyperparameters,
    mean::MEAN,
    summary::SUMMARY,
    trial::{DATASET, TRIAL},
};

/// Returns a line such as `dfa 2x500 tanh lr0.001 seed 0, 50 epochs, batch 64, on MNIST`, or the key if the kind is unknown, the key
/// text is damaged, or another version wrote it.
pub fn of(store: &Store, name: &Name) -> String {
    of_key_text(store, name).unwrap_or_else(|| format!("key {}", name.key.short()))
}

fn of_key_text(store: &Store, name: &Name) -> Option<String> {
    let key_text = store.key_text(&name.kind, &name.key)?;
    let description = describe(&name.kind, &key_text)?;
    let dataset = (name.kind == TRIAL).then(|| dataset_of(&key_text)).flatten();
    let dataset = dataset.and_then(|key| describe(DATASET, &store.key_text(DATASET, &key)?));
    Some(dataset.map_or(description.clone(), |dataset| format!("{description}, on {dataset}")))
}

/// Returns the revision in a key text.
pub fn revision_of(key_text: &str) -> Option<u32> {
    let line = key_text.lines().find_map(|line| line.trim().strip_prefix("revision: "))?;
    line.trim_end_matches(',').parse().ok()
}

/// Returns the key of the dataset of a trial.
pub fn dataset_of(key_text: &str) -> Option<Key> {
    let inputs = key_text.split_once("    inputs: ")?.1;
    let dataset = inputs.split_once("\"dataset\": \"")?.1.split('"').next()?;
    Key::parse(dataset)
}

fn describe(kind: &str, key_text: &str) -> Option<String> {
    match kind {
        TRIAL => settings(key_text).map(|trial: Trial| {
            let Trial { configuration, seed, epochs, batch_size } = trial;
            let word = if epochs == 1 { "epoch" } else { "epochs" };
            format!("{configuration} seed {seed}, {epochs} {word}, batch {batch_size}")
        }),
        DATASET => settings(key_text).map(|dataset: DatasetSettings| {
            one_name(&in_file_spelling(&hyperparameters::describe(&dataset)))
        }),
        SUMMARY => settings(key_text)
            .map(|summary: Summary| format!("{} of {}", summary.metric, summary.of.join(", "))),
        MEAN => settings(key_text).map(|mean: Mean| {
            let seeds: Vec<String> = mean.seeds.iter().map(u64::to_string).collect();
            format!("over the seeds {}", seeds.join(", "))
        }),
        BOARD => settings(key_text).and_then(|board: Board| {
            let (_, name) = board.pipeline.split_once("name: \"")?;
            Some(format!("pipeline {}", name.split('"').next()?))
        }),
        _ => None,
    }
}

/// Returns settings as a pipeline file spells them: without `Some`, and without the brackets of settings at their defaults.
pub fn in_file_spelling(settings: &str) -> String {
    let mut text = settings.replace("(())", "");
    for (opening, spelled) in [("Some(", ""), ("((", "(")] {
        while let Some(start) = text.find(opening) {
            let inner = start + opening.len();
            let Some(length) = closing(&text[inner..]) else { return text };
            // The inner bracket of two closes first.
            let length = if spelled.is_empty() {
                Some(length)
            } else {
                closing(&text[inner + length + 1..]).map(|more| length + 1 + more)
            };
            let Some(length) = length else { return text };
            text = format!(
                "{}{spelled}{}{}",
                &text[..start],
                &text[inner..inner + length],
                &text[inner + length + 1..]
            );
        }
    }
    text
}

/// Returns the offset of the bracket that closes one before `text`.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.find(|letter| {
        depth += match letter {
            '(' | '[' | '{' => 1,
            ')' | ']' | '}' => -1,
            _ => 0,
        };
        depth < 0
    })
}

/// Returns `Glyphs(train:600)` for `Glyphs Glyphs(train:600)`.
fn one_name(dataset: &str) -> String {
    let (name, rest) = dataset.split_once(' ').unwrap_or((dataset, ""));
    if rest.starts_with(&format!("{name}(")) { rest.to_owned() } else { dataset.to_owned() }
}

fn settings<'a, T: Deserialize<'a>>(key_text: &'a str) -> Option<T> {
    #[derive(Deserialize)]
    struct Layout<'a> {
        #[serde(borrow)]
        settings: &'a RawValue,
    }
    let layout: Layout<'_> = ron::from_str(key_text).ok()?;
    // Key texts leave `Some` out where a configuration always has a value.
    let options = Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
    options.from_str(layout.settings.get_ron()).ok()
}

#[derive(Deserialize)]
struct Trial {
    configuration: Configuration,
    seed: u64,
    epochs: u32,
    batch_size: u32,
}

#[derive(Deserialize)]
struct Summary {
    of: Vec<String>,
    metric: String,
}

#[derive(Deserialize)]
struct Mean {
    seeds: Vec<u64>,
}

#[derive(Deserialize)]
struct Board {
    pipeline: String,
}

#[cfg(test)]
mod tests {
    use data::{Glyphs, Source};
    use settings::{Algorithm, Device, Trial};
    use spec::{Pipeline, Stage};
    use store::KeyText;

    use super::*;
    use crate::trial::trial_key_text;

    #[test]
    fn trials_and_datasets_are_described_by_their_settings() {
        let text = r#"Pipeline(name: "small", stages: [
            Dataset(name: "images", source: Glyphs),
            Grid(name: "grid", axes: (algorithm: [Dfa], hidden: [[12, 8]], learning_rate: [1e-3], dropout: [0.5])),
            Train(name: "trials", dataset: "images", grid: "grid", epochs: 1, batch_size: 64, seeds: [7]),
        ])"#;
        let pipeline = Pipeline::parse("test.ron", text).unwrap_or_else(|problems| panic!("{problems}"));
        let Stage::Train(train) = &pipeline.stages[2] else { panic!("a train stage") };
        let configuration = train.grid.points.candidates()[0].clone();
        assert_eq!(configuration.algorithm, Algorithm::Dfa);
        let dataset = Key::of_bytes(b"a dataset");
        let text = trial_key_text(train, &Trial { configuration, seed: 7 }, &dataset, Device::Cpu, None);
        assert_eq!(
            describe(TRIAL, text.as_str()).as_deref(),
            Some("dfa 12-8 tanh lr0.001 dropout0.5 seed 7, 1 epoch, batch 64")
        );
        assert_eq!(dataset_of(text.as_str()), Some(dataset));
        assert_eq!(revision_of(text.as_str()), Some(crate::NUMERICS_REVISION));
        let settings = DatasetSettings {
            holdout: 0.1,
            ..DatasetSettings::of(Source::Glyphs(Glyphs { train: 600, ..Glyphs::default() }))
        };
        let text = KeyText::new(DATASET, 1, &settings, &[("source", &"aa")]);
        assert_eq!(describe(DATASET, text.as_str()).as_deref(), Some("Glyphs(train:600) holdout 0.1"));
        assert_eq!(describe("other", text.as_str()), None);
        assert_eq!(
            in_file_spelling("ImageFolder((path:\"x\",size:Some(64)))"),
            "ImageFolder(path:\"x\",size:64)"
        );
        assert_eq!(
            in_file_spelling("PerChannel(Some((means: [1, 2], b: (3))))"),
            "PerChannel(means: [1, 2], b: (3))"
        );
        assert_eq!(in_file_spelling("Glyphs(())"), "Glyphs");
    }
}
