//! What TensorBoard shows beside curves: what a trial is, what a pipeline compares, and its text.

use std::{fmt::Write, time::SystemTime};

use data::{DatasetSettings, Scaling};
use engine::Device;
use model::Precision;
use serde::Serialize;
use tracker::{
    Event, EventFile, Metric, Split, band,
    hparams::{self, Domain, Hyperparameter, Value},
};
use tuner::{Configuration, EarlyStopping, Task, Trial};

use crate::{
    Error,
    file::Pipeline,
    plan::Laboratory,
    run_tree,
    stages::{Stage, Train},
    store::{Key, KeyText, Provenance},
};

/// Kind of the artifact that holds a pipeline's text and the columns of its HPARAMS tab.
pub(crate) const BOARD: &str = "board";
/// Bump it when equal pipelines are shown otherwise.
pub(crate) const BOARD_REVISION: u32 = 2;
/// Event files hold times and host names.
pub(crate) const EVENT_FILES: &str = "events.out.tfevents";

/// What the HPARAMS tab shows of a trial. The seed is none: sessions group by configuration.
pub(crate) fn hyperparameters(train: &Train, configuration: &Configuration) -> Vec<(String, Value)> {
    let hidden: Vec<String> = configuration.hidden.iter().map(u32::to_string).collect();
    let feedback = configuration.feedback.map_or_else(|| "none".into(), |feedback| format!("{feedback:?}"));
    let values = [
        ("algorithm", Value::Text(configuration.algorithm.name().into())),
        ("learning_rate", Value::Number(configuration.learning_rate)),
        ("hidden", Value::Text(hidden.join("-"))),
        ("activation", Value::Text(format!("{:?}", configuration.activation))),
        ("batch_norm", Value::Flag(configuration.batch_norm)),
        ("bias", Value::Flag(configuration.bias)),
        ("weights", Value::Text(format!("{:?}", configuration.weights))),
        ("feedback", Value::Text(feedback)),
        ("dropout", Value::Number(configuration.dropout)),
        ("weight_decay", Value::Number(configuration.weight_decay)),
        ("dataset", Value::Text(describe(&train.dataset))),
        ("task", Value::Text(format!("{:?}", train.schedule.task))),
        ("early_stopping", Value::Text(early_stopping(train))),
        ("epochs", Value::Number(f64::from(train.schedule.epochs))),
        ("batch_size", Value::Number(f64::from(train.schedule.batch_size))),
        ("precision", Value::Text(train.schedule.precision.in_words().into())),
    ];
    values.map(|(name, value)| (name.to_owned(), value)).into()
}

/// The row of the HPARAMS tab that a trial shares with the other seeds of its configuration.
pub(crate) fn group(train: &Train, configuration: &Configuration) -> String {
    let Train { dataset, schedule, .. } = train;
    let (data, epochs, batch) = (describe(dataset), schedule.epochs, schedule.batch_size);
    let mut text = format!("{configuration}, {data}, {epochs} epochs, batch {batch}");
    if schedule.task != Task::default() {
        text.push_str(&format!(", {:?}", schedule.task));
    }
    if schedule.precision != Precision::default() {
        text.push_str(&format!(", {}", schedule.precision.in_words()));
    }
    if train.early_stopping.is_some() {
        text.push_str(&format!(", {}", early_stopping(train)));
    }
    text
}

pub(crate) fn early_stopping(train: &Train) -> String {
    train.early_stopping.as_ref().map_or_else(
        || "none".into(),
        |rule| {
            let EarlyStopping { metric, min_delta, patience, start_from_epoch } = rule;
            format!("stop {patience} epochs after {metric} by {min_delta} from {start_from_epoch}")
        },
    )
}

/// `CIFAR-10`, with whatever is not at its default after it.
pub(crate) fn describe(dataset: &DatasetSettings) -> String {
    let DatasetSettings { source, scaling, fraction, holdout, split_seed, augmentations } = dataset;
    let mut text = source.name().to_owned();
    if !data::sources().contains(source) {
        let settings = ron::to_string(source).unwrap_or_default();
        text = format!("{text} {settings}");
    }
    let mut add = |part: std::fmt::Arguments<'_>| text.write_fmt(part).expect("a String takes everything");
    if *scaling != Scaling::default() {
        add(format_args!(" {scaling:?}"));
    }
    if *fraction < 1.0 {
        add(format_args!(" fraction {fraction}"));
    }
    if *holdout > 0.0 {
        add(format_args!(" holdout {holdout}"));
    }
    if *split_seed > 0 {
        add(format_args!(" split {split_seed}"));
    }
    for augmentation in augmentations {
        add(format_args!(" {augmentation:?}"));
    }
    text
}

/// What a trial is, and where it trains, as a table in Markdown.
pub(crate) fn trial_text(train: &Train, trial: &Trial, device: Device) -> String {
    let mut text = String::from("| setting | value |\n|---|---|\n");
    for (name, value) in hyperparameters(train, &trial.configuration) {
        let value = match value {
            Value::Text(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Flag(flag) => flag.to_string(),
        };
        writeln!(text, "| {name} | {value} |").expect("a String takes everything");
    }
    writeln!(text, "| device | {device} |\n| seed | {} |", trial.seed).expect("a String takes everything");
    text
}

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
    let classifies = trains.iter().any(|train| train.schedule.task == Task::Classification);
    let error_rates = [Split::Validation, Split::Test, Split::Train].map(Metric::ErrorRate);
    let losses = [Split::Validation, Split::Test, Split::Train].map(Metric::Loss);
    let wanted = error_rates.into_iter().filter(|_| classifies).chain(losses);
    wanted.filter(|metric| trains.iter().any(|train| train.metrics().contains(metric))).collect()
}

impl Laboratory<'_> {
    /// Shows the pipeline's text and the columns of the HPARAMS tab at the root of its run tree; gives the name of the
    /// event file there.
    pub(crate) fn show_board(&self, pipeline: &Pipeline, made: Provenance) -> Result<String, Error> {
        #[derive(Serialize)]
        struct Settings<'a> {
            pipeline: &'a str,
        }
        let key_text = KeyText::new(BOARD, BOARD_REVISION, &Settings { pipeline: &pipeline.text }, &[])?;
        let artifact = match self.store.find_or_move_aside(BOARD, &Key::of(&key_text))?.0 {
            Some(artifact) => artifact,
            None => {
                let work = self.store.begin(&key_text)?;
                write_board(pipeline, work.path(), SystemTime::now())
                    .map_err(|source| Error::History { path: work.path().into(), source })?;
                work.publish(made, &[EVENT_FILES])?.into_artifact()
            }
        };
        let files = &artifact.manifest().files;
        let file = files.iter().find(|file| file.path.starts_with(EVENT_FILES));
        let file = file.expect("a board is an event file").path.clone();
        run_tree::show_file(self.store.root(), &pipeline.name, &file, &artifact.path().join(&file))?;
        Ok(file)
    }
}

fn write_board(pipeline: &Pipeline, folder: &std::path::Path, now: SystemTime) -> Result<(), tracker::Error> {
    let mut events = EventFile::create(folder, 0, now)?;
    events.append(&hparams::experiment(&columns(pipeline), &metrics(pipeline), now))?;
    events.append(&band::layout(&metrics(pipeline), now))?;
    events.append(&Event::text("pipeline", now, &format!("```\n{}\n```", pipeline.text)))?;
    events.finish()
}
