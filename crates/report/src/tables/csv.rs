//! Tables as CSV, for programs. A line of each table carries its configuration's value on every axis, so that a plot needs one file.

use super::columns::Columns;
use crate::study::{End, Row, Series, Study, Trial};

/// Returns a line for each configuration, best first.
pub fn configurations_csv(study: &Study) -> String {
    let mut columns: Columns<'_, &Row> = Columns::new();
    columns.add("rank", |row| row.rank.map(u64::from));
    add_configuration(&mut columns, study, |row| row);
    columns.add("seeds", |row| row.seeds as u64);
    columns.add("n", |row| row.count() as u64);
    columns.add("diverged", |row| row.diverged as u64);
    columns.add("failed", |row| row.failed as u64);
    columns.add("missing", |row| row.missing as u64);
    columns.add("dropped_after", |row| row.dropped.map(|dropped| u64::from(dropped.epochs)));
    add_measurements(&mut columns, study);
    add_difference_to_baseline(&mut columns);
    columns.add("epochs", Row::mean_epochs);
    columns.add("is_baseline", |row| row.is_baseline);
    columns.add("best_of", |row| row.best_of.as_deref());
    columns.csv(study.rows.iter())
}

/// Returns a line for each configuration and seed.
pub fn trials_csv(study: &Study) -> String {
    let mut columns: Columns<'_, (&Row, &Trial)> = Columns::new();
    add_configuration(&mut columns, study, |(row, _)| row);
    columns.add("seed", |(_, trial)| trial.seed);
    columns.add("outcome", |(_, trial)| outcome(&trial.end));
    columns.add("epochs", |(_, trial)| trial.epochs_trained().map(u64::from));
    columns.add("epoch", |(_, trial)| trial.epoch.map(u64::from));
    columns.add("step", |(row, trial)| row.step(trial.epoch?));
    columns.add("value", |(_, trial)| trial.value);
    columns.add("ranked_by", |(_, trial)| trial.ranked_by);
    columns.add("test", |(_, trial)| trial.test);
    columns.add("seconds", |(_, trial)| trial.seconds);
    columns.add("key", |(_, trial)| trial.key.as_str());
    columns.add("reason", |(_, trial)| reason(&trial.end));
    columns.csv(trials(study))
}

/// Returns a line for each measured value.
pub fn history_csv(study: &Study) -> String {
    let mut columns: Columns<'_, (&Row, &Trial, &Series, (u32, f64))> = Columns::new();
    add_configuration(&mut columns, study, |(row, ..)| row);
    columns.add("seed", |(_, trial, ..)| trial.seed);
    columns.add("epoch", |(.., (epoch, _))| u64::from(epoch));
    columns.add("step", |(row, .., (epoch, _))| row.step(epoch));
    columns.add("metric", |(_, _, series, _)| series.metric.as_str());
    columns.add("value", |(.., (_, value))| value);
    let series =
        trials(study).flat_map(|(row, trial)| trial.series.iter().map(move |series| (row, trial, series)));
    let values = series
        .flat_map(|(row, trial, series)| series.points.iter().map(move |&point| (row, trial, series, point)));
    columns.csv(values)
}

fn trials(study: &Study) -> impl Iterator<Item = (&Row, &Trial)> {
    study.rows.iter().flat_map(|row| row.trials.iter().map(move |trial| (row, trial)))
}

/// Adds the columns that name a configuration to any table.
fn add_configuration<'study, Line: Copy + 'study>(
    columns: &mut Columns<'study, Line>,
    study: &'study Study,
    row: fn(Line) -> &'study Row,
) {
    columns.add("dataset", move |line| row(line).dataset.as_str());
    columns.add("stage", move |line| row(line).stage.as_str());
    columns.add("configuration", move |line| row(line).configuration.slug.as_str());
    for (axis, _) in study.rows.first().map_or(&[][..], |row| &row.configuration.axes) {
        columns.add(axis, move |line| row(line).configuration.axis(axis));
    }
}

fn add_measurements<'study>(columns: &mut Columns<'study, &'study Row>, study: &'study Study) {
    columns.add("metric", |_| study.reported.metric.as_str());
    columns.add("mean", |row| Some(row.value?.mean));
    columns.add("sd", |row| row.value?.deviation);
    columns.add("ci_low", |row| Some(row.interval()?.low));
    columns.add("ci_high", |row| Some(row.interval()?.high));
    columns.add("median", |row| Some(row.value?.median));
    columns.add("ranked_by", |_| study.ranked_by.as_ref().map(|criterion| criterion.metric.as_str()));
    columns.add("ranked_by_mean", |row| Some(row.ranked_by?.mean));
    columns.add("ranked_by_sd", |row| row.ranked_by?.deviation);
    columns.add("test_metric", |_| study.test_metric.as_deref());
    columns.add("test_mean", |row| Some(row.test?.mean));
    columns.add("test_sd", |row| row.test?.deviation);
}

fn add_difference_to_baseline<'study>(columns: &mut Columns<'study, &'study Row>) {
    columns.add("pairs", |row| Some(row.comparison()?.pairs as u64));
    columns.add("difference", |row| Some(row.comparison()?.difference));
    columns.add("difference_low", |row| Some(row.comparison()?.interval?.low));
    columns.add("difference_high", |row| Some(row.comparison()?.interval?.high));
    columns.add("effect_size", |row| row.comparison()?.effect_size);
    columns.add("p", |row| row.comparison()?.t_test);
    columns.add("p_corrected", |row| row.versus?.corrected);
    columns.add("wilcoxon_p", |row| row.comparison()?.wilcoxon);
}

fn outcome(end: &End) -> &'static str {
    match end {
        End::Missing => "missing",
        End::Failed(_) => "failed",
        End::Finished => "finished",
        End::Stopped => "stopped",
        End::Diverged(_) => "diverged",
    }
}

fn reason(end: &End) -> Option<&str> {
    match end {
        End::Failed(reason) | End::Diverged(reason) => Some(reason),
        End::Missing | End::Finished | End::Stopped => None,
    }
}
