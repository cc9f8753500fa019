//! What `history.csv` holds, in the long form that plotting programs want: a row for each measured value.

use super::column::{Column, Table};
use crate::study::{Row, Series, Study, Trial};

/// A measured value, and whose it is.
#[derive(Clone, Copy)]
pub(super) struct Measurement<'study> {
    row: &'study Row,
    trial: &'study Trial,
    series: &'study Series,
    epoch: u32,
    value: f64,
}

pub(super) fn history(study: &Study) -> Table<'_, impl Iterator<Item = Measurement<'_>> + Clone> {
    let trials = study.rows.iter().flat_map(|row| row.trials.iter().map(move |trial| (row, trial)));
    let series = trials.flat_map(|(row, trial)| trial.series.iter().map(move |series| (row, trial, series)));
    let rows = series.flat_map(|(row, trial, series)| {
        series.points.iter().map(move |&(epoch, value)| Measurement { row, trial, series, epoch, value })
    });
    let columns = vec![
        Column::text("stage", |measurement: &Measurement| Some(&measurement.row.stage)),
        Column::text("configuration", |measurement: &Measurement| Some(&measurement.row.configuration.slug)),
        Column::count("seed", |measurement: &Measurement| Some(measurement.trial.seed)),
        Column::count("epoch", |measurement: &Measurement| Some(measurement.epoch.into())),
        Column::text("metric", |measurement: &Measurement| Some(&measurement.series.metric)),
        Column::number("value", |measurement: &Measurement| Some(measurement.value)),
    ];
    Table { columns, rows }
}
