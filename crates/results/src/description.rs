//! One-line descriptions of artifacts, made from their key texts.

use ron::value::RawValue;
use serde::Deserialize;
use settings::Configuration;

use crate::{
    board::BOARD,
    mean::MEAN,
    summary::SUMMARY,
    trial::{DATASET, TRIAL},
};

/// Returns a line such as `dfa 2x500 tanh lr0.001 seed 0, 50 epochs, batch 64`, or none if `kind` is unknown or another version
/// wrote the key text.
pub fn describe(kind: &str, key_text: &str) -> Option<String> {
    match kind {
        TRIAL => settings(key_text).map(|trial: Trial| {
            let Trial { configuration, seed, epochs, batch_size } = trial;
            format!("{configuration} seed {seed}, {epochs} epochs, batch {batch_size}")
        }),
        DATASET => settings(key_text).map(|dataset: Dataset<'_>| {
            let holdout = dataset.holdout.map_or(String::new(), |share| format!(", holdout {share}"));
            let fraction = dataset.fraction.map_or(String::new(), |share| format!(", fraction {share}"));
            format!("{}{fraction}{holdout}", dataset.source.get_ron().trim().trim_end_matches("(())"))
        }),
        SUMMARY => settings(key_text)
            .map(|summary: Summary| format!("{} of {}", summary.metric, summary.of.join(", "))),
        MEAN => settings(key_text).map(|mean: Mean| {
            let seeds: Vec<String> = mean.seeds.iter().map(u64::to_string).collect();
            format!("over the seeds {}", seeds.join(", "))
        }),
        BOARD => settings(key_text).and_then(|board: Board| {
            let line = board.pipeline.lines().find_map(|line| line.trim().strip_prefix("name: \""))?;
            Some(format!("pipeline {}", line.split('"').next()?))
        }),
        _ => None,
    }
}

fn settings<'a, T: Deserialize<'a>>(key_text: &'a str) -> Option<T> {
    #[derive(Deserialize)]
    struct Layout<'a> {
        #[serde(borrow)]
        settings: &'a RawValue,
    }
    let layout: Layout<'_> = ron::from_str(key_text).ok()?;
    layout.settings.into_rust().ok()
}

#[derive(Deserialize)]
struct Trial {
    configuration: Configuration,
    seed: u64,
    epochs: u32,
    batch_size: u32,
}

#[derive(Deserialize)]
struct Dataset<'a> {
    #[serde(borrow)]
    source: &'a RawValue,
    fraction: Option<f64>,
    holdout: Option<f64>,
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
