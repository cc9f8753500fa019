//! Describes the settings of a trial for TensorBoard's HPARAMS tab, its TEXT tab and the report.

use std::fmt::Write;

use data::{DatasetSettings, Scaling};
use history::hparams::Value;
use serde::Serialize;
use settings::{Axis, AxisPoint, Configuration, Device, Precision, Task, Trial};
use spec::Train;
use tuner::EarlyStopping;

/// Returns the columns of a trial in the HPARAMS tab. There is no column for the seed: sessions are grouped by configuration.
pub fn hyperparameters(train: &Train, configuration: &Configuration) -> Vec<(String, Value)> {
    let training = &train.training;
    let configuration = training.completed(configuration);
    let axes = Axis::ALL.map(|axis| (axis.name(), axis_value(axis.of(&configuration))));
    let stage = [
        ("dataset", Value::Text(describe(&train.dataset.settings))),
        ("task", Value::Text(training.task.name().into())),
        ("early_stopping", Value::Text(early_stopping(train))),
        ("epochs", Value::Number(f64::from(training.epochs))),
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

/// Returns the name of the group that the HPARAMS tab puts all seeds of a configuration into.
pub fn group(train: &Train, configuration: &Configuration) -> String {
    let Train { dataset, training, .. } = train;
    let (data, epochs) = (describe(&dataset.settings), training.epochs);
    let batch = training.batch_size_of(configuration);
    // The name has the batch size in one form, whether the grid or the stage gives it.
    let configuration = Configuration { batch_size: None, ..configuration.clone() };
    let mut text = format!("{configuration}, {data}, {epochs} epochs, batch {batch}");
    if training.task != Task::default() {
        text.push_str(&format!(", {}", training.task.name()));
    }
    if training.precision != Precision::default() {
        text.push_str(&format!(", {}", training.precision.name()));
    }
    if train.early_stopping.is_some() {
        text.push_str(&format!(", early stopping by {}", early_stopping(train)));
    }
    text
}

/// Returns `error_rate/validation, patience 3, min_delta 0, start_from_epoch 0`, or `none`.
pub fn early_stopping(train: &Train) -> String {
    let Some(rule) = &train.early_stopping else { return "none".into() };
    let EarlyStopping { metric, min_delta, patience, start_from_epoch } = rule;
    format!("{metric}, patience {patience}, min_delta {min_delta}, start_from_epoch {start_from_epoch}")
}

/// Returns the name of a dataset and every setting that differs from its default: `CIFAR-10 ZeroOne holdout 0.1`.
pub fn describe(dataset: &DatasetSettings) -> String {
    let DatasetSettings { source, scaling, fraction, holdout, split_seed, augmentations, official: _ } =
        dataset;
    let mut text = dataset.name();
    if !data::sources().contains(source) {
        text = format!("{text} {}", to_ron(source));
    }
    if *scaling != Scaling::default() {
        text.push_str(&format!(" {}", to_ron(scaling)));
    }
    if *fraction < 1.0 {
        text.push_str(&format!(" fraction {fraction}"));
    }
    if *holdout > 0.0 {
        text.push_str(&format!(" holdout {holdout}"));
    }
    if *split_seed > 0 {
        text.push_str(&format!(" split {split_seed}"));
    }
    for augmentation in augmentations {
        text.push_str(&format!(" {}", to_ron(augmentation)));
    }
    text
}

fn to_ron(settings: &impl Serialize) -> String {
    ron::to_string(settings).expect("names and numbers are RON")
}

/// Returns the settings of a trial and its device as a table in Markdown.
pub fn trial_text(train: &Train, trial: &Trial, device: Device) -> String {
    let mut text = String::from("| setting | value |\n|---|---|\n");
    for (name, value) in hyperparameters(train, &trial.configuration) {
        let value = match value {
            Value::Text(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Flag(flag) => flag.to_string(),
        };
        writeln!(text, "| {name} | {value} |").expect("a String can be written");
    }
    writeln!(text, "| device | {device} |\n| seed | {} |", trial.seed).expect("a String can be written");
    text
}

#[cfg(test)]
mod tests {
    use spec::{Pipeline, Stage};

    use super::*;

    /// Returns the stage and the only configuration of a file with these axes and fields of the train stage.
    fn read(axes: &str, fields: &str) -> (std::sync::Arc<Train>, Configuration) {
        let pipeline = format!(
            r#"Pipeline(name: "small", stages: [
                Dataset(name: "images", source: Glyphs),
                Grid(name: "grid", axes: (algorithm: [Dfa], hidden: [[12]], learning_rate: [1e-3], {axes})),
                Train(name: "trials", dataset: "images", grid: "grid", epochs: 5, seeds: [7], {fields}),
            ])"#
        );
        let pipeline = Pipeline::parse("test.ron", &pipeline).unwrap_or_else(|problems| panic!("{problems}"));
        let Stage::Train(train) = &pipeline.stages[2] else { panic!("a train stage") };
        let configuration = train.grid.points.candidates()[0].clone();
        (std::sync::Arc::clone(train), configuration)
    }

    #[test]
    fn a_batch_size_is_one_column_wherever_the_file_gives_it() {
        let (of_grid, with_own) = read("batch_size: [32]", "");
        let (of_stage, without) = read("", "batch_size: 32");
        let columns = hyperparameters(&of_grid, &with_own);
        assert_eq!(columns, hyperparameters(&of_stage, &without));
        let sizes: Vec<&Value> =
            columns.iter().filter(|(name, _)| name == "batch_size").map(|(_, value)| value).collect();
        assert_eq!(sizes, [&Value::Number(32.0)]);
        let name = group(&of_grid, &with_own);
        assert_eq!(name, group(&of_stage, &without));
        assert!(name.starts_with("dfa 12 tanh lr0.001, ") && name.ends_with(", batch 32"), "{name}");
    }
}
