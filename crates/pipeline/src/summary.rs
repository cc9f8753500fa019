//! What trials amount to: the ranked table of configurations.

use std::fmt::Write;

use serde::Serialize;
use tracker::{Metric, Split};
use tuner::{
    Configuration, Outcome, Trial,
    statistics::{Summary, summarize},
};

use crate::{
    Error,
    stages::{EpochRule, Summarize},
    store::{KeyText, StoreError},
    trial::{self, PlannedTrial, TrialResult},
};

/// Kind of a summary's artifact.
pub const SUMMARY: &str = "summary";
/// The ranked table.
pub const TABLE: &str = "table.md";
const CONFIGURATIONS: &str = "configurations.csv";
const TRIALS: &str = "trials.csv";
/// Bump it when equal trials give other tables.
const SUMMARY_REVISION: u32 = 1;

/// The key text of the summary of these trials, finished or not.
///
/// # Errors
/// If the settings cannot be written as text.
pub fn key_text(summarize: &Summarize, trials: &[&[PlannedTrial]]) -> Result<KeyText, StoreError> {
    #[derive(Serialize)]
    struct Settings<'a> {
        of: Vec<&'a str>,
        metric: &'a Metric,
        epoch: EpochRule,
        trials: usize,
        finished: usize,
    }
    let mut hasher = blake3::Hasher::new();
    for trial in trials.iter().copied().flatten() {
        // What is summarized is content, so the text names what each finished trial holds.
        let content = trial
            .artifact
            .as_ref()
            .map_or_else(|| "missing".into(), |done| done.manifest().content().to_string());
        hasher.update(format!("{}: {content}\n", trial.key).as_bytes());
    }
    let settings = Settings {
        of: summarize.of.iter().map(|train| train.name.as_str()).collect(),
        metric: &summarize.metric,
        epoch: summarize.epoch,
        trials: trials.iter().map(|trials| trials.len()).sum(),
        finished: trials.iter().copied().flatten().filter(|trial| trial.artifact.is_some()).count(),
    };
    KeyText::new(SUMMARY, SUMMARY_REVISION, &settings, &[("trials", &hasher.finalize().to_hex())])
}

/// A configuration with what its seeds amount to.
struct Row {
    stage: String,
    configuration: Configuration,
    seeds: usize,
    diverged: usize,
    missing: usize,
    summary: Option<Summary>,
    test: Option<Summary>,
    epochs: f64,
    is_best_of_algorithm: bool,
}

impl Row {
    /// Did every seed give a value?
    fn is_complete(&self) -> bool {
        self.summary.is_some_and(|summary| summary.count == self.seeds)
    }
}

/// A trial with the value that counts.
struct Cell<'a> {
    stage: &'a str,
    trial: &'a Trial,
    result: Option<TrialResult>,
    /// Epoch and value; absent where the trial gave none.
    value: Option<(u32, f64)>,
    /// The same quantity on the test split at that epoch, where the trial measured it.
    test: Option<f64>,
}

/// The files of a summary, by name.
///
/// # Errors
/// If a trial's files cannot be read.
pub fn files(
    summarize: &Summarize,
    trials: &[&[PlannedTrial]],
) -> Result<Vec<(&'static str, String)>, Error> {
    let mut cells = Vec::new();
    for (train, planned) in summarize.of.iter().zip(trials) {
        for planned in *planned {
            cells.push(cell(summarize, &train.name, planned)?);
        }
    }
    let rows = rank(&cells);
    let table = table(summarize, &rows);
    Ok(vec![
        (TABLE, table),
        (CONFIGURATIONS, configurations_csv(summarize, &rows)),
        (TRIALS, trials_csv(&cells)),
    ])
}

fn cell<'a>(summarize: &Summarize, stage: &'a str, planned: &'a PlannedTrial) -> Result<Cell<'a>, Error> {
    let trial = &planned.trial;
    let Some(artifact) = &planned.artifact else {
        return Ok(Cell { stage, trial, result: None, value: None, test: None });
    };
    let result = planned.result()?.cloned().expect("it is finished");
    let history = trial::history(artifact)?;
    let value = match (&result.outcome, summarize.epoch) {
        (Outcome::Diverged { .. }, _) => None,
        (_, EpochRule::Final) => history.last(&summarize.metric),
        (_, EpochRule::Best) => history.best(&summarize.metric),
    };
    // A loss that is no number is no result, whatever the trial's end says.
    let value = value.filter(|(_, value)| value.is_finite());
    let test = test_metric(summarize).zip(value).and_then(|(metric, (epoch, _))| {
        history.epochs().iter().find(|measured| measured.epoch == epoch)?.value(&metric)
    });
    Ok(Cell { stage, trial, result: Some(result), value, test })
}

/// The reported quantity on the test split, where there is one that is neither chosen by nor reported already.
fn test_metric(summarize: &Summarize) -> Option<Metric> {
    let has_holdout = summarize.of.iter().all(|train| train.dataset.holdout > 0.0);
    match summarize.metric {
        Metric::Loss(split) if has_holdout && split != Split::Test => Some(Metric::Loss(Split::Test)),
        Metric::ErrorRate(split) if has_holdout && split != Split::Test => {
            Some(Metric::ErrorRate(Split::Test))
        }
        _ => None,
    }
}

/// A row per configuration, the best first; those without a value last.
fn rank(cells: &[Cell<'_>]) -> Vec<Row> {
    let mut groups: Vec<Vec<&Cell>> = Vec::new();
    for cell in cells {
        let is_same = |group: &&mut Vec<&Cell>| {
            group[0].stage == cell.stage && group[0].trial.configuration == cell.trial.configuration
        };
        match groups.last_mut().filter(is_same) {
            Some(group) => group.push(cell),
            None => groups.push(vec![cell]),
        }
    }
    let mut rows: Vec<Row> = groups.iter().map(|group| row(group)).collect();
    let mean = |row: &Row| row.summary.map_or(f64::INFINITY, |summary| summary.mean);
    // A mean over the seeds that happened to survive is no rival to one over all of them.
    rows.sort_by(|left, right| {
        right.is_complete().cmp(&left.is_complete()).then(mean(left).total_cmp(&mean(right)))
    });
    for index in 0..rows.len() {
        let algorithm = rows[index].configuration.algorithm;
        let is_first = rows[..index].iter().all(|row| row.configuration.algorithm != algorithm);
        rows[index].is_best_of_algorithm = is_first && rows[index].is_complete();
    }
    rows
}

fn row(group: &[&Cell<'_>]) -> Row {
    let values: Vec<f64> = group.iter().filter_map(|cell| cell.value).map(|(_, value)| value).collect();
    let results: Vec<&TrialResult> = group.iter().filter_map(|cell| cell.result.as_ref()).collect();
    let is_diverged = |result: &&&TrialResult| matches!(result.outcome, Outcome::Diverged { .. });
    Row {
        stage: group[0].stage.into(),
        configuration: group[0].trial.configuration.clone(),
        seeds: group.len(),
        diverged: results.iter().filter(is_diverged).count(),
        missing: group.len() - results.len(),
        summary: summarize(&values),
        test: summarize(&group.iter().filter_map(|cell| cell.test).collect::<Vec<_>>()),
        epochs: results.iter().map(|result| f64::from(result.epochs)).sum::<f64>()
            / results.len().max(1) as f64,
        is_best_of_algorithm: false,
    }
}

fn unit(metric: &Metric) -> &'static str {
    if matches!(metric, Metric::ErrorRate(_)) { " %" } else { "" }
}

/// Markdown, aligned to be read as plain text, too.
fn table(summarize: &Summarize, rows: &[Row]) -> String {
    let epoch = match summarize.epoch {
        EpochRule::Final => "last epoch",
        EpochRule::Best => "best epoch",
    };
    let test = test_metric(summarize);
    let column = |metric: &Metric| format!("{metric}{}", unit(metric));
    let mut header = vec!["rank".into(), "configuration".into(), "n".into(), column(&summarize.metric)];
    header.extend(test.as_ref().map(column));
    header.extend(["epochs".into(), "remark".into()]);
    let mut lines: Vec<Vec<String>> = vec![header];
    let several_stages = summarize.of.len() > 1;
    for (rank, row) in (1..).zip(rows) {
        let count = row.summary.map_or(0, |summary| summary.count);
        let mut line = vec![
            if row.is_complete() { rank.to_string() } else { "-".into() },
            match several_stages {
                true => format!("{}: {}", row.stage, row.configuration),
                false => row.configuration.to_string(),
            },
            if row.is_complete() { count.to_string() } else { format!("{count}/{}", row.seeds) },
            spread(row.summary, &summarize.metric),
        ];
        line.extend(test.as_ref().map(|metric| spread(row.test, metric)));
        let epochs = if row.epochs.fract() == 0.0 { 0 } else { 1 };
        line.extend([format!("{:.epochs$}", row.epochs), remark(row)]);
        lines.push(line);
    }
    let of: Vec<&str> = summarize.of.iter().map(|train| train.name.as_str()).collect();
    let mut text = format!(
        "`{}` of {}, {epoch}; mean ± sample standard deviation over seeds, smaller is better.\n\n",
        summarize.metric,
        of.join(", ")
    );
    text.push_str(&align(&lines));
    for note in notes(summarize) {
        let _ = write!(text, "\n{note}\n");
    }
    text
}

/// `5.50 ± 0.75`.
fn spread(summary: Option<Summary>, metric: &Metric) -> String {
    let decimals = if matches!(metric, Metric::ErrorRate(_)) { 2 } else { 4 };
    match summary {
        Some(Summary { mean, deviation: Some(deviation), .. }) => {
            format!("{mean:.decimals$} ± {deviation:.decimals$}")
        }
        Some(Summary { mean, deviation: None, .. }) => format!("{mean:.decimals$}"),
        None => "-".into(),
    }
}

fn remark(row: &Row) -> String {
    let mut remarks = Vec::new();
    if row.is_best_of_algorithm {
        remarks.push(format!("best {}", row.configuration.algorithm.name()));
    }
    if row.diverged > 0 {
        remarks.push(format!("{} diverged", row.diverged));
    }
    if row.missing > 0 {
        remarks.push(format!("{} missing", row.missing));
    }
    remarks.join(", ")
}

/// What a reader of the table has to know.
fn notes(summarize: &Summarize) -> Vec<&'static str> {
    let mut notes = Vec::new();
    let without_holdout = summarize.of.iter().any(|train| train.dataset.holdout == 0.0);
    if summarize.metric.split() == Some(Split::Test) {
        notes.push(
            "This table is ranked by test data. Choose by a validation metric: its table has a test column beside it.",
        );
    }
    if without_holdout && summarize.metric.split() == Some(Split::Validation) {
        notes.push(
            "The dataset has no holdout: `validation` is the official test split, and ranking by it selects on test data.",
        );
    } else if without_holdout
        && summarize.of.iter().any(|train| {
            train.early_stopping.as_ref().is_some_and(|rule| rule.metric.split() == Some(Split::Validation))
        })
    {
        notes.push("The dataset has no holdout: early stopping by `validation` selects on test data.");
    }
    if summarize.epoch == EpochRule::Best {
        notes.push("The best epoch of each trial was chosen by the metric that is reported.");
    }
    notes
}

fn align(lines: &[Vec<String>]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(text, "| {cell}{} ", " ".repeat(width - cell.chars().count()));
        }
        text.push_str("|\n");
        if index == 0 {
            for width in &widths {
                let _ = write!(text, "|{}", "-".repeat(width + 2));
            }
            text.push_str("|\n");
        }
    }
    text
}

fn csv_text(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = writer.write_record(header);
    rows.fold(written, |written, row| written.and_then(|()| writer.write_record(row)))
        .expect("rows of equal length are written to memory");
    String::from_utf8(writer.into_inner().expect("memory can be flushed")).expect("every cell is text")
}

fn configurations_csv(summarize: &Summarize, rows: &[Row]) -> String {
    let header = [
        "rank",
        "stage",
        "configuration",
        "algorithm",
        "hidden",
        "activation",
        "batch_norm",
        "bias",
        "weights",
        "feedback",
        "learning_rate",
        "dropout",
        "weight_decay",
        "seeds",
        "n",
        "diverged",
        "missing",
        "metric",
        "mean",
        "sd",
        "test_mean",
        "test_sd",
        "epochs",
        "best_of_algorithm",
    ];
    let cells = |(rank, row): (usize, &Row)| {
        let configuration = &row.configuration;
        let hidden: Vec<String> = configuration.hidden.iter().map(u32::to_string).collect();
        let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        vec![
            rank.to_string(),
            row.stage.clone(),
            configuration.slug(),
            configuration.algorithm.name().into(),
            hidden.join("-"),
            format!("{:?}", configuration.activation),
            configuration.batch_norm.to_string(),
            configuration.bias.to_string(),
            format!("{:?}", configuration.weights),
            configuration.feedback.map_or(String::new(), |feedback| format!("{feedback:?}")),
            configuration.learning_rate.to_string(),
            configuration.dropout.to_string(),
            configuration.weight_decay.to_string(),
            row.seeds.to_string(),
            row.summary.map_or(0, |summary| summary.count).to_string(),
            row.diverged.to_string(),
            row.missing.to_string(),
            summarize.metric.to_string(),
            number(row.summary.map(|summary| summary.mean)),
            number(row.summary.and_then(|summary| summary.deviation)),
            number(row.test.map(|summary| summary.mean)),
            number(row.test.and_then(|summary| summary.deviation)),
            row.epochs.to_string(),
            row.is_best_of_algorithm.to_string(),
        ]
    };
    csv_text(&header, (1..).zip(rows).map(cells))
}

fn trials_csv(cells: &[Cell<'_>]) -> String {
    let header = ["stage", "configuration", "seed", "outcome", "epochs", "epoch", "value", "test", "reason"];
    let row = |cell: &Cell| {
        let (outcome, reason) = match cell.result.as_ref().map(|result| &result.outcome) {
            None => ("missing", ""),
            Some(Outcome::Finished) => ("finished", ""),
            Some(Outcome::Stopped { .. }) => ("stopped", ""),
            Some(Outcome::Diverged { reason, .. }) => ("diverged", reason.as_str()),
        };
        let epochs = cell.result.as_ref().map_or(String::new(), |result| result.epochs.to_string());
        vec![
            cell.stage.into(),
            cell.trial.configuration.slug(),
            cell.trial.seed.to_string(),
            outcome.into(),
            epochs,
            cell.value.map_or(String::new(), |(epoch, _)| epoch.to_string()),
            cell.value.map_or(String::new(), |(_, value)| value.to_string()),
            cell.test.map_or(String::new(), |value| value.to_string()),
            reason.into(),
        ]
    };
    csv_text(&header, cells.iter().map(row))
}
