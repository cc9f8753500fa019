//! What `configurations.csv` holds: a row for each configuration, best first.

use std::borrow::Cow;

use statistics::{Description, Interval};

use super::column::{Column, Table};
use crate::study::{AxisValue, Row, Study};

pub(super) fn configurations(study: &Study) -> Table<'_, impl Iterator<Item = &Row> + Clone> {
    let mut columns = vec![
        Column::count("rank", |row: &&Row| row.rank.map(u64::from)),
        Column::text("stage", |row: &&Row| Some(&row.stage)),
        Column::text("configuration", |row: &&Row| Some(&row.configuration.slug)),
    ];
    columns.extend(axes(study));
    columns.extend(outcomes());
    columns.extend(measurements(study));
    columns.extend(against_baseline());
    columns.extend([
        Column::number("epochs", |row: &&Row| row.mean_epochs()),
        Column::flag("is_baseline", |row: &&Row| row.is_baseline),
        Column::text("best_of", |row: &&Row| row.best_of.as_deref()),
    ]);
    Table { columns, rows: study.rows.iter() }
}

/// A column for each axis: of numbers, where every value is one.
fn axes(study: &Study) -> Vec<Column<'_, &Row>> {
    let Some(first) = study.rows.first() else { return Vec::new() };
    let names = first.configuration.axes.iter().map(|(name, _)| *name);
    let is_text = |name: &str| {
        study.rows.iter().any(|row| matches!(row.configuration.axis(name), Some(AxisValue::Text(_))))
    };
    let column = |name: &'static str| match is_text(name) {
        true => Column::composed(name, move |row: &&Row| row.configuration.axis(name).map(text)),
        false => Column::number(name, move |row: &&Row| row.configuration.axis(name).and_then(number)),
    };
    names.map(column).collect()
}

fn text(value: &AxisValue) -> Cow<'_, str> {
    match value {
        AxisValue::Number(number) => Cow::Owned(number.to_string()),
        AxisValue::Text(text) => Cow::Borrowed(text),
    }
}

fn number(value: &AxisValue) -> Option<f64> {
    match value {
        AxisValue::Number(number) => Some(*number),
        AxisValue::Text(_) => None,
    }
}

fn outcomes<'study>() -> [Column<'study, &'study Row>; 5] {
    [
        Column::count("seeds", |row: &&Row| Some(row.seeds as u64)),
        Column::count("n", |row: &&Row| Some(row.count() as u64)),
        Column::count("diverged", |row: &&Row| Some(row.diverged as u64)),
        Column::count("failed", |row: &&Row| Some(row.failed as u64)),
        Column::count("missing", |row: &&Row| Some(row.missing as u64)),
    ]
}

fn measurements(study: &Study) -> [Column<'_, &Row>; 12] {
    let ranked_by = study.ranked_by.as_ref().map(|criterion| criterion.metric.as_str());
    let interval = |row: &Row| row.value?.interval;
    let deviation = |value: Option<Description>| value?.deviation;
    [
        Column::text("metric", |_: &&Row| Some(&study.reported.metric)),
        Column::number("mean", |row: &&Row| row.value.map(|value| value.mean)),
        Column::number("sd", move |row: &&Row| deviation(row.value)),
        Column::number("ci_low", move |row: &&Row| interval(row).map(|interval| interval.low)),
        Column::number("ci_high", move |row: &&Row| interval(row).map(|interval| interval.high)),
        Column::number("median", |row: &&Row| row.value.map(|value| value.median)),
        Column::text("ranked_by", move |_: &&Row| ranked_by),
        Column::number("ranked_by_mean", |row: &&Row| row.ranked_by.map(|value| value.mean)),
        Column::number("ranked_by_sd", move |row: &&Row| deviation(row.ranked_by)),
        Column::text("test_metric", |_: &&Row| study.test_metric.as_deref()),
        Column::number("test_mean", |row: &&Row| row.test.map(|value| value.mean)),
        Column::number("test_sd", move |row: &&Row| deviation(row.test)),
    ]
}

fn against_baseline<'study>() -> [Column<'study, &'study Row>; 8] {
    let comparison = |row: &Row| row.versus.map(|versus| versus.comparison);
    let interval = move |row: &Row| -> Option<Interval> { comparison(row)?.interval };
    [
        Column::count("pairs", move |row: &&Row| comparison(row).map(|comparison| comparison.pairs as u64)),
        Column::number("difference", move |row: &&Row| {
            comparison(row).map(|comparison| comparison.difference)
        }),
        Column::number("difference_low", move |row: &&Row| interval(row).map(|interval| interval.low)),
        Column::number("difference_high", move |row: &&Row| interval(row).map(|interval| interval.high)),
        Column::number("effect_size", move |row: &&Row| comparison(row)?.effect_size),
        Column::number("p", move |row: &&Row| comparison(row)?.t_test),
        Column::number("p_corrected", |row: &&Row| row.versus?.corrected),
        Column::number("wilcoxon_p", move |row: &&Row| comparison(row)?.wilcoxon),
    ]
}
