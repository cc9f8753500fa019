//! The overview of a pipeline for TensorBoard: its text and the columns of its HPARAMS tab.

use std::{cmp::Ordering, mem::discriminant, path::Path, time::SystemTime};

use history::{
    Event, EventFile, band,
    hparams::{self, Value},
};
use serde::Serialize;
use settings::{Metric, Split, Task};
use spec::{Pipeline, Stage, Summarize, Train};
use store::{KeyText, Provenance, Store};

use crate::{
    error::Error,
    run_tree::RunTree,
    summary::sessions::{self, hyperparameters as of_summary},
    trial::EVENT_FILES,
};

/// Kind of the overview's artifact.
pub const BOARD: &str = "board";
/// Bump it when the overview of an equal pipeline changes.
const BOARD_REVISION: u32 = 6;

/// Columns of the HPARAMS tab that are shown even if all trials have the same value.
const ALWAYS_SHOWN: [&str; 2] = ["algorithm", "learning_rate"];

/// Returns the columns of the HPARAMS tab for all configurations of summaries of `pipeline`: every hyperparameter that differs, with its
/// values. The text of each trial lists the others.
fn columns(pipeline: &Pipeline) -> Vec<(String, Vec<Value>)> {
    let mut rows: Vec<Vec<(String, Value)>> = Vec::new();
    for summarize in summaries(pipeline) {
        for train in &summarize.of {
            let candidates = train.grid.points.candidates().into_iter();
            rows.extend(candidates.map(|configuration| of_summary(summarize, train, configuration)));
        }
    }
    let mut columns = Vec::new();
    for (index, (name, _)) in rows.first().into_iter().flatten().enumerate() {
        let mut values: Vec<Value> = Vec::new();
        for (_, value) in rows.iter().map(|row| &row[index]) {
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        if values.len() > 1 || ALWAYS_SHOWN.contains(&name.as_str()) {
            columns.push((name.clone(), domain(values)));
        }
    }
    columns
}

/// Returns the values of the first one's kind, numbers in ascending order. Values of other kinds, such as `none`, are left out.
fn domain(mut values: Vec<Value>) -> Vec<Value> {
    let kind = values.first().map(discriminant);
    values.retain(|value| Some(discriminant(value)) == kind);
    values.sort_by(|left, right| match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.total_cmp(right),
        _ => Ordering::Equal,
    });
    values
}

fn summaries(pipeline: &Pipeline) -> Vec<&Summarize> {
    let stages = pipeline.stages.iter();
    stages
        .filter_map(|stage| if let Stage::Summarize(summary) = stage { Some(summary.as_ref()) } else { None })
        .collect()
}

/// Returns the metrics that the tables of the pipeline have.
fn metrics(pipeline: &Pipeline) -> Vec<Metric> {
    let mut metrics: Vec<Metric> = Vec::new();
    for metric in summaries(pipeline).into_iter().flat_map(sessions::metrics) {
        if !metrics.contains(&metric) {
            metrics.push(metric);
        }
    }
    metrics
}

/// Returns the metrics whose means over seeds get a chart, the validation split first.
fn charted(pipeline: &Pipeline) -> Vec<Metric> {
    let trains = trains(pipeline);
    let classifies = trains.iter().any(|train| train.training.task == Task::Classification);
    let error_rates = [Split::Validation, Split::Test, Split::Train].map(Metric::ErrorRate);
    let losses = [Split::Validation, Split::Test, Split::Train].map(Metric::Loss);
    let metrics = error_rates.into_iter().filter(|_| classifies).chain(losses);
    metrics.filter(|metric| trains.iter().any(|train| train.metrics().contains(metric))).collect()
}

fn trains(pipeline: &Pipeline) -> Vec<&Train> {
    let stages = pipeline.stages.iter();
    stages
        .filter_map(|stage| if let Stage::Train(train) = stage { Some(train.as_ref()) } else { None })
        .collect()
}

/// Shows the pipeline's text and the columns of the HPARAMS tab at the root of its run tree; returns the name of the event
/// file there.
pub fn show(
    store: &Store,
    pipeline: &Pipeline,
    tree: &RunTree<'_>,
    made: Provenance,
) -> Result<String, Error> {
    #[derive(Serialize)]
    struct Settings<'a> {
        pipeline: &'a str,
    }
    let key_text = KeyText::new(BOARD, BOARD_REVISION, &Settings { pipeline: &pipeline.text }, &[]);
    let (artifact, _) = store.find_or_make(
        &key_text,
        &[EVENT_FILES],
        || made.clone(),
        |work| {
            write(pipeline, work.path(), SystemTime::now())
                .map_err(|source| Error::History { path: work.path().into(), source })
        },
        |_| Ok(()),
    )?;
    let files = &artifact.manifest().files;
    let file = files.iter().find(|file| file.path.starts_with(EVENT_FILES));
    let file = file.expect("a board has an event file").path.clone();
    tree.show_file(&file, &artifact.path().join(&file));
    Ok(file)
}

fn write(pipeline: &Pipeline, folder: &Path, now: SystemTime) -> Result<(), history::Error> {
    let mut events = EventFile::create(folder, 0, now)?;
    events.append(&hparams::experiment(&columns(pipeline), &metrics(pipeline), now))?;
    events.append(&band::layout(&charted(pipeline), now))?;
    events.append(&Event::text("pipeline", now, &format!("```\n{}\n```", pipeline.text)))?;
    events.finish()
}
