//! The table: every configuration with what its seeds amount to.

use std::collections::{BTreeMap, BTreeSet};

use statistics::Description;

use crate::{
    page::{
        appearance::appearance,
        best, effect, legend, number,
        table::{Column, SHOWN, table},
        text::{counted, escaped, listed},
        words,
    },
    study::{AxisValue, Criterion, Row, Study},
};

use super::Section;

/// Characters above which a name may be broken into lines.
const LONG: usize = 24;

/// The table with what is the same in all of its rows above it.
pub fn section(study: &Study) -> Option<Section> {
    if study.rows.is_empty() {
        return None;
    }
    let layout = Layout::of(study);
    let rows: Vec<String> = study.rows.iter().map(|row| layout.row(row)).collect();
    let mut body = constants(study);
    body += &format!("<p class=\"explained\">{}</p>\n", escaped(&layout.explanation()));
    body += &winners(&layout);
    body += &table(&layout.columns(), &rows, true);
    Some(Section { anchor: "results", title: "Results".to_owned(), body })
}

/// The best of each kind by themselves, where they would have to be looked for.
fn winners(layout: &Layout<'_>) -> String {
    let rows = &layout.study.rows;
    let winners: Vec<String> =
        rows.iter().filter(|row| row.best_of.is_some()).map(|row| layout.row(row)).collect();
    if winners.len() < 2 || rows.len() < 2 * winners.len() {
        return String::new();
    }
    let table = table(&layout.columns(), &winners, false);
    format!("<h3>Best of each kind</h3>\n{table}<h3>All configurations</h3>\n")
}

/// What all configurations share.
fn constants(study: &Study) -> String {
    let said = effect::constant(&study.rows).into_iter().map(|(axis, value, is_everywhere)| {
        let where_it_applies = if is_everywhere { "" } else { " (where it applies)" };
        format!("{} {}{where_it_applies}", words::spaced(axis), words::axis_value(value))
    });
    let said: Vec<String> = said.collect();
    if said.is_empty() || effect::varying(&study.rows).is_empty() {
        return String::new();
    }
    format!("<p>The same in all configurations: {}.</p>\n", escaped(&listed(&said)))
}

/// Which columns the table has: those with something in them.
struct Layout<'a> {
    study: &'a Study,
    /// The marker of each algorithm, as markup.
    keys: BTreeMap<&'a str, String>,
    axes: Vec<&'static str>,
    has_stages: bool,
    test: Option<Criterion>,
    has_intervals: bool,
    has_comparisons: bool,
    has_wilcoxon: bool,
}

impl<'a> Layout<'a> {
    fn of(study: &'a Study) -> Self {
        let rows = &study.rows;
        let comparison = |has: fn(&Row) -> bool| rows.iter().any(has);
        let test = study.test_metric.as_ref().filter(|_| rows.iter().any(|row| row.test.is_some()));
        Self {
            study,
            keys: rows
                .iter()
                .map(|row| row.configuration.algorithm.as_str())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .map(|algorithm| (algorithm, legend::key(appearance(study, algorithm))))
                .collect(),
            axes: effect::varying(rows),
            has_stages: rows.iter().any(|row| row.stage != rows[0].stage),
            test: test
                .map(|metric| Criterion { metric: metric.clone(), epoch: study.reported.epoch.clone() }),
            has_intervals: comparison(|row| row.value.is_some_and(|value| value.interval.is_some())),
            has_comparisons: comparison(|row| row.versus.is_some()),
            has_wilcoxon: comparison(|row| {
                row.versus.is_some_and(|versus| versus.comparison.wilcoxon.is_some())
            }),
        }
    }

    fn columns(&self) -> Vec<Column> {
        let mut columns = vec![Column::number("rank")];
        if self.has_stages {
            columns.push(Column::text("stage"));
        }
        if self.axes.is_empty() {
            columns.push(Column::text("configuration"));
        }
        columns.extend(self.axes.iter().map(|axis| Column::text(words::spaced(axis))));
        columns.push(Column::text("remark"));
        columns.push(Column::number("n"));
        columns.push(Column::number(words::quantity(&self.study.reported)));
        if self.has_intervals {
            columns.push(Column::number("95 % interval"));
        }
        columns.push(Column::number("median"));
        if let Some(test) = &self.test {
            columns.push(Column::number(words::quantity(test)));
        }
        if let Some(ranking) = &self.study.ranked_by {
            columns.push(Column::number(format!("ranked by: {}", words::quantity(ranking))));
        }
        if self.has_comparisons {
            columns.push(Column::number("difference to baseline"));
            columns.push(Column::number("d"));
            columns.push(Column::number("p (Holm)"));
        }
        if self.has_wilcoxon {
            columns.push(Column::number("p (Wilcoxon)"));
        }
        columns
    }

    fn row(&self, row: &Row) -> String {
        let mut cells = vec![number_cell(row.rank.map(f64::from), |rank| format!("{rank}"))];
        if self.has_stages {
            cells.push(text_cell(&row.stage, ""));
        }
        if self.axes.is_empty() {
            cells.push(text_cell(&row.configuration.label, self.key(row)));
        }
        cells.extend(self.axes.iter().map(|axis| {
            let key = if *axis == "algorithm" { self.key(row) } else { "" };
            axis_cell(effect::on_axis(row, axis), key)
        }));
        cells.push(text_cell(&remark(row), ""));
        let count = row.value.map_or(0, |value| value.count);
        cells.push(number_cell(Some(count as f64), |_| seeds(count, row.seeds)));
        let reported = &self.study.reported;
        cells.push(description_cell(row.value, reported, "number main"));
        if self.has_intervals {
            let interval = row.value.and_then(|value| value.interval);
            let text = interval.map(|interval| number::interval(&interval, reported.decimals()));
            cells.push(cell("number", interval.map(|interval| interval.low), text));
        }
        let median = row.value.map(|value| value.median);
        cells.push(number_cell(median, |median| number::fixed(median, reported.decimals())));
        if let Some(test) = &self.test {
            cells.push(description_cell(row.test, test, "number"));
        }
        if let Some(ranking) = &self.study.ranked_by {
            cells.push(description_cell(row.ranked_by, ranking, "number"));
        }
        self.comparison(row, &mut cells);
        let class = if row.best_of.is_some() { " class=\"winner\"" } else { "" };
        format!("<tr{class}>{}</tr>\n", cells.concat())
    }

    fn comparison(&self, row: &Row, cells: &mut Vec<String>) {
        let versus = row.versus;
        if self.has_comparisons {
            let decimals = self.study.reported.decimals();
            let difference = versus.map(|versus| versus.comparison.difference);
            let text = versus.map(|versus| {
                let difference = number::signed(versus.comparison.difference, decimals);
                match versus.comparison.interval {
                    Some(interval) => format!("{difference} {}", number::interval(&interval, decimals)),
                    None => difference,
                }
            });
            cells.push(cell("number", difference, text));
            let effect = versus.and_then(|versus| versus.comparison.effect_size);
            cells.push(number_cell(effect, |effect| number::fixed(effect, 2)));
            cells.push(number_cell(versus.and_then(|versus| versus.corrected), number::probability));
        }
        if self.has_wilcoxon {
            let wilcoxon = versus.and_then(|versus| versus.comparison.wilcoxon);
            cells.push(number_cell(wilcoxon, number::probability));
        }
    }

    fn key(&self, row: &Row) -> &str {
        &self.keys[row.configuration.algorithm.as_str()]
    }

    fn explanation(&self) -> String {
        let rows = &self.study.rows;
        let mut text = "n counts the seeds that gave a value".to_owned();
        if rows.iter().any(|row| row.value.map_or(0, |value| value.count) != row.seeds) {
            text +=
                "; 2/3 says that one is missing, diverged or failed, and such a configuration has no rank";
        }
        text += ".";
        if self.has_intervals {
            text += " Numbers are the mean ± the sample standard deviation over seeds; the 95 % interval is that of the \
                     mean, by Student’s t.";
        }
        if self.has_comparisons {
            text += &self.comparison_explained();
        }
        if rows.iter().any(|row| row.best_of.is_some()) {
            text += " A shaded row is the best of its kind.";
        }
        if rows.len() > SHOWN {
            text += &format!(
                " The first {SHOWN} rows are shown, the others below them can be opened; sorting is over all."
            );
        }
        text
    }

    fn comparison_explained(&self) -> String {
        let baseline = self.study.rows.iter().find(|row| row.is_baseline);
        let baseline = baseline.map_or_else(String::new, |row| format!(", {},", best::name(self.study, row)));
        let points = if self.study.reported.unit().is_empty() { "" } else { " in percentage points" };
        let wilcoxon = if self.has_wilcoxon {
            "; p (Wilcoxon) that of the exact signed-rank test, uncorrected"
        } else {
            ""
        };
        format!(
            " Differences to the baseline{baseline} are paired, seed by seed{points}, with the 95 % interval of their mean (a \
             remark counts the pairs where some are missing); d is Cohen’s d of the pairs; p (Holm) that of the two-sided paired t test, corrected over the table{wilcoxon}."
        )
    }
}

fn seeds(count: usize, asked: usize) -> String {
    if count == asked { number::whole(count) } else { format!("{count}/{asked}") }
}

fn remark(row: &Row) -> String {
    let mut remarks = Vec::new();
    if row.is_baseline {
        remarks.push("baseline".to_owned());
    }
    if let Some(kind) = &row.best_of {
        remarks.push(format!("best {kind}"));
    }
    for (count, what) in [(row.diverged, "diverged"), (row.failed, "failed"), (row.missing, "missing")] {
        if count > 0 {
            remarks.push(format!("{} {what}", number::whole(count)));
        }
    }
    if let Some(versus) = row.versus.filter(|versus| versus.comparison.pairs < row.seeds) {
        remarks.push(counted(versus.comparison.pairs, "pair"));
    }
    remarks.join(", ")
}

fn description_cell(description: Option<Description>, criterion: &Criterion, class: &str) -> String {
    let text = description.map(|description| number::mean_and_deviation(&description, criterion.decimals()));
    cell(class, description.map(|description| description.mean), text)
}

fn number_cell(value: Option<f64>, text: impl Fn(f64) -> String) -> String {
    cell("number", value, value.map(text))
}

fn axis_cell(value: Option<&AxisValue>, key: &str) -> String {
    match value {
        Some(AxisValue::Number(value)) => cell("short", Some(*value), Some(number::shortest(*value))),
        Some(AxisValue::Text(text)) => text_cell(text, key),
        None => cell("short", None, None),
    }
}

/// A cell with the value that it sorts by; without one it comes last.
fn cell(class: &str, value: Option<f64>, text: Option<String>) -> String {
    let text = text.map_or_else(|| number::ABSENT.to_owned(), |text| escaped(&text).into_owned());
    match value.filter(|value| value.is_finite()) {
        Some(value) => format!("<td class=\"{class}\" data-value=\"{value}\">{text}</td>"),
        None => format!("<td class=\"{class}\">{text}</td>"),
    }
}

fn text_cell(text: &str, key: &str) -> String {
    let text = escaped(text);
    let value = if text.is_empty() { String::new() } else { format!(" data-value=\"{text}\"") };
    let class = if text.chars().count() > LONG { "name" } else { "short" };
    format!("<td class=\"{class}\"{value}>{key}{text}</td>")
}
