//! What TensorBoard shows of a pipeline as a whole: its text and the columns of its HPARAMS tab.

use std::time::SystemTime;

use history::{
    Event, EventFile, band,
    hparams::{self, Domain, Hyperparameter, Value},
};
use serde::Serialize;
use settings::{Metric, Split, Task};
use spec::{Pipeline, Stage, Train};
use store::{Key, KeyText, Provenance, Store};

use crate::{Error, hyperparameters::hyperparameters, run_tree};

/// Kind of the artifact that holds a pipeline's text and the columns of its HPARAMS tab.
pub const BOARD: &str = "board";
/// Bump it when equal pipelines are shown otherwise.
pub const BOARD_REVISION: u32 = 3;
/// Event files hold times and host names.
pub const EVENT_FILES: &str = "events.out.tfevents";

/// Columns of the HPARAMS tab that are shown also where all trials have one value.
const ALWAYS_SHOWN: [&str; 2] = ["algorithm", "learning_rate"];

/// The columns of the HPARAMS tab for all trials of `pipeline`: every hyperparameter that differs, with the values that it
/// takes. The others stand in each trial's text.
fn columns(pipeline: &Pipeline) -> Vec<Hyperparameter> {
    let trains = trains(pipeline);
    let rows: Vec<Vec<(String, Value)>> = trains
        .iter()
        .flat_map(|train| {
            train.points.candidates().into_iter().map(|configuration| hyperparameters(train, configuration))
        })
        .collect();
    let names: Vec<&String> = rows.first().into_iter().flatten().map(|(name, _)| name).collect();
    let column = |(index, name): (usize, &String)| {
        let mut values: Vec<&Value> = Vec::new();
        for (_, value) in rows.iter().map(|row| &row[index]) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        let texts = values.iter().filter_map(|value| match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        });
        let mut numbers: Vec<f64> = values
            .iter()
            .filter_map(|value| match value {
                Value::Number(number) => Some(*number),
                _ => None,
            })
            .collect();
        numbers.sort_by(f64::total_cmp);
        let flags = values.iter().filter_map(|value| match value {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        });
        let domain = match values.first() {
            Some(Value::Number(_)) => Domain::Numbers(numbers),
            Some(Value::Flag(_)) => Domain::Flags(flags.collect()),
            _ => Domain::Texts(texts.collect()),
        };
        Hyperparameter { name: name.clone(), domain }
    };
    let differs = |&(index, name): &(usize, &String)| {
        let of_all = || rows.iter().map(move |row| &row[index].1);
        ALWAYS_SHOWN.contains(&name.as_str()) || of_all().zip(of_all().skip(1)).any(|(one, next)| one != next)
    };
    names.into_iter().enumerate().filter(differs).map(column).collect()
}

fn trains(pipeline: &Pipeline) -> Vec<&Train> {
    let stages = pipeline.stages.iter();
    stages.filter_map(|stage| if let Stage::Train(train) = stage { Some(train) } else { None }).collect()
}

/// The metrics of the HPARAMS tab: what trials are compared by, the validation split first.
fn metrics(pipeline: &Pipeline) -> Vec<Metric> {
    let trains = trains(pipeline);
    let classifies = trains.iter().any(|train| train.training.task == Task::Classification);
    let error_rates = [Split::Validation, Split::Test, Split::Train].map(Metric::ErrorRate);
    let losses = [Split::Validation, Split::Test, Split::Train].map(Metric::Loss);
    let wanted = error_rates.into_iter().filter(|_| classifies).chain(losses);
    wanted.filter(|metric| trains.iter().any(|train| train.metrics().contains(metric))).collect()
}

/// Shows the pipeline's text and the columns of the HPARAMS tab at the root of its run tree; returns the name of the event
/// file there.
///
/// # Errors
/// If the store or the run tree cannot be written.
pub fn show(store: &Store, pipeline: &Pipeline, made: Provenance) -> Result<String, Error> {
    #[derive(Serialize)]
    struct Settings<'a> {
        pipeline: &'a str,
    }
    let key_text = KeyText::new(BOARD, BOARD_REVISION, &Settings { pipeline: &pipeline.text }, &[])?;
    let artifact = match store.find_or_move_aside(BOARD, &Key::of(&key_text))?.0 {
        Some(artifact) => artifact,
        None => {
            let work = store.begin(&key_text)?;
            write_board(pipeline, work.path(), SystemTime::now())
                .map_err(|source| Error::History { path: work.path().into(), source })?;
            work.publish(made, &[EVENT_FILES])?.into_artifact()
        }
    };
    let files = &artifact.manifest().files;
    let file = files.iter().find(|file| file.path.starts_with(EVENT_FILES));
    let file = file.expect("a board is an event file").path.clone();
    run_tree::show_file(store.root(), &pipeline.name, &file, &artifact.path().join(&file))?;
    Ok(file)
}

fn write_board(pipeline: &Pipeline, folder: &std::path::Path, now: SystemTime) -> Result<(), history::Error> {
    let mut events = EventFile::create(folder, 0, now)?;
    events.append(&hparams::experiment(&columns(pipeline), &metrics(pipeline), now))?;
    events.append(&band::layout(&metrics(pipeline), now))?;
    events.append(&Event::text("pipeline", now, &format!("```\n{}\n```", pipeline.text)))?;
    events.finish()
}
