//! A table of learning rules over the values of one axis, or over datasets.

use crate::{
    effect::levels,
    study::{Configuration, Row, Study},
    words,
};

/// The best configuration of each rule in each column.
pub(crate) struct Pivot<'a> {
    /// The axis of the columns, in words.
    pub(crate) axis: String,
    /// The dataset, if there are several and the columns are not they.
    pub(crate) dataset: Option<&'a str>,
    pub(crate) columns: Vec<String>,
    /// The rules, in the order of the study's rows.
    pub(crate) lines: Vec<Line<'a>>,
}

pub(crate) struct Line<'a> {
    pub(crate) configuration: &'a Configuration,
    /// The best ranked configuration in each column.
    pub(crate) cells: Vec<Option<&'a Row>>,
}

impl<'a> Pivot<'a> {
    /// Returns a table over datasets if there are several, and one over the values of the study's pivot axis for each dataset.
    pub(crate) fn all(study: &'a Study) -> Vec<Self> {
        let datasets = study.datasets();
        let is_one_of_several = datasets.len() > 1;
        let mut pivots = Vec::new();
        if is_one_of_several {
            let columns = datasets.iter().map(|name| (*name).to_owned()).collect();
            let rows = study.rows.iter();
            pivots.push(Self::new("dataset".into(), None, columns, rows, |row| Some(row.dataset.clone())));
        }
        if let Some(axis) = study.pivot {
            for dataset in datasets {
                let rows = || study.rows.iter().filter(|row| row.dataset == dataset);
                let value = |row: &Row| row.configuration.axis(axis).map(words::axis_value);
                let levels = levels(rows().filter_map(|row| row.configuration.axis(axis)));
                let columns = levels.into_iter().map(words::axis_value).collect();
                let dataset = is_one_of_several.then_some(dataset);
                pivots.push(Self::new(words::spaced(axis), dataset, columns, rows(), value));
            }
        }
        pivots.retain(|pivot| pivot.columns.len() > 1 && !pivot.lines.is_empty());
        pivots
    }

    fn new(
        axis: String,
        dataset: Option<&'a str>,
        columns: Vec<String>,
        rows: impl Iterator<Item = &'a Row>,
        column_of: impl Fn(&Row) -> Option<String>,
    ) -> Self {
        let mut lines: Vec<Line<'a>> = Vec::new();
        for row in rows.filter(|row| row.complete_mean().is_some()) {
            let name = column_of(row);
            let Some(column) = columns.iter().position(|known| Some(known) == name.as_ref()) else {
                continue;
            };
            let configuration = &row.configuration;
            let is_of_rule = |line: &Line<'_>| line.configuration.algorithm == configuration.algorithm;
            let line = lines.iter().position(is_of_rule).unwrap_or_else(|| {
                lines.push(Line { configuration, cells: vec![None; columns.len()] });
                lines.len() - 1
            });
            // Rows come in the order of their ranks, which the reported quantity need not have.
            lines[line].cells[column].get_or_insert(row);
        }
        Self { axis, dataset, columns, lines }
    }

    /// Whether `row` has the lowest mean of its column.
    pub(crate) fn is_best(&self, column: usize, row: &Row) -> bool {
        let means = self.lines.iter().filter_map(|line| line.cells[column]).filter_map(Row::complete_mean);
        row.complete_mean() == means.min_by(f64::total_cmp)
    }
}
