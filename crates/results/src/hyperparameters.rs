//! The settings of a trial in words: for TensorBoard's HPARAMS tab, its text and the report.

use std::fmt::Write;

use data::{DatasetSettings, Scaling};
use history::hparams::Value;
use settings::{Axis, AxisPoint, Configuration, Device, Precision, Task, Trial};
use spec::Train;
use tuner::EarlyStopping;

/// Returns the columns of a trial in the HPARAMS tab. The seed is none: sessions group by configuration.
#[must_use]
pub fn hyperparameters(train: &Train, configuration: &Configuration) -> Vec<(String, Value)> {
    let training = &train.training;
    let axes = Axis::ALL.map(|axis| (axis.name(), axis_value(axis.of(configuration))));
    let stage = [
        ("dataset", Value::Text(describe(&train.dataset))),
        ("task", Value::Text(training.task.name().into())),
        ("early_stopping", Value::Text(early_stopping(train))),
        ("epochs", Value::Number(f64::from(training.epochs))),
        ("batch_size", Value::Number(f64::from(training.batch_size))),
        ("precision", Value::Text(training.precision.name().into())),
    ];
    axes.into_iter().chain(stage).map(|(name, value)| (name.to_owned(), value)).collect()
}

fn axis_value(point: Option<AxisPoint>) -> Value {
    match point {
        None => Value::Text("none".into()),
        Some(AxisPoint::Number(number)) => Value::Number(number),
        Some(AxisPoint::Flag(flag)) => Value::Flag(flag),
        Some(text) => Value::Text(text.to_string()),
    }
}

/// The row of the HPARAMS tab that a trial shares with the other seeds of its configuration.
pub fn group(train: &Train, configuration: &Configuration) -> String {
    let Train { dataset, training, .. } = train;
    let (data, epochs, batch) = (describe(dataset), training.epochs, training.batch_size);
    let mut text = format!("{configuration}, {data}, {epochs} epochs, batch {batch}");
    if training.task != Task::default() {
        text.push_str(&format!(", {}", training.task.name()));
    }
    if training.precision != Precision::default() {
        text.push_str(&format!(", {}", training.precision.name()));
    }
    if train.early_stopping.is_some() {
        text.push_str(&format!(", {}", early_stopping(train)));
    }
    text
}

pub fn early_stopping(train: &Train) -> String {
    train.early_stopping.as_ref().map_or_else(
        || "none".into(),
        |rule| {
            let EarlyStopping { metric, min_delta, patience, start_from_epoch } = rule;
            format!("stop {patience} epochs after {metric} by {min_delta} from {start_from_epoch}")
        },
    )
}

/// `CIFAR-10`, with whatever is not at its default after it.
pub fn describe(dataset: &DatasetSettings) -> String {
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
pub fn trial_text(train: &Train, trial: &Trial, device: Device) -> String {
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
