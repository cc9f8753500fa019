//! The table of all configurations.

use std::collections::{BTreeMap, BTreeSet};

use statistics::{Comparison, Description};

use crate::{
    effect, number,
    page::{
        appearance::appearance,
        best,
        filter::filter,
        legend,
        scale::Scale,
        table::{Column, SHOWN, sortable_table, table},
        text::{counted, escaped, listed},
    },
    study::{AxisValue, Row, Study},
    words,
};

/// The number of characters above which a name may be broken into lines.
const LONG: usize = 24;

/// Returns the table, and above it the settings that are the same in all of its rows.
pub fn body(study: &Study) -> Option<String> {
    if study.rows.is_empty() {
        return None;
    }
    let keys = keys(&study.rows);
    let columns = Columns::of(study, &keys);
    let winners = winners(study, &columns);
    let heading = if winners.is_empty() { "" } else { "<h3>All configurations</h3>\n" };
    Some(format!(
        "{}<p class=\"explained\">{}</p>\n{winners}{heading}{}{}",
        constants(study),
        escaped(&explanation(study)),
        filter(study),
        sortable_table(&columns.heads, &columns.rows(study.rows.iter()))
    ))
}

/// Returns a table of the best configuration of each group, if it is much shorter than the table of all.
fn winners(study: &Study, columns: &Columns<'_>) -> String {
    let winners = columns.rows(study.rows.iter().filter(|row| row.best_of.is_some()));
    if winners.len() < 2 || study.rows.len() < 2 * winners.len() {
        return String::new();
    }
    format!("<h3>Best configurations</h3>\n{}", table(&columns.heads, &winners))
}

fn constants(study: &Study) -> String {
    let constants = effect::constant(&study.rows).into_iter().map(|(axis, value, is_everywhere)| {
        let where_it_applies = if is_everywhere { "" } else { " (where it applies)" };
        format!("{} {}{where_it_applies}", words::spaced(axis), words::axis_value(value))
    });
    let constants: Vec<String> = constants.collect();
    if constants.is_empty() || effect::varying(&study.rows).is_empty() {
        return String::new();
    }
    format!("<p>The same in all configurations: {}.</p>\n", escaped(&listed(&constants)))
}

/// Returns the marker of each group, as markup.
fn keys(rows: &[Row]) -> BTreeMap<&str, String> {
    let groups: BTreeSet<&str> = rows.iter().map(|row| row.group.as_str()).collect();
    groups.into_iter().map(|group| (group, legend::key(appearance(rows, group)))).collect()
}

/// The columns of a table: their headers, and functions that return the markup of a row's cells.
struct Columns<'a> {
    heads: Vec<Column>,
    cells: Vec<Cell<'a>>,
}

type Cell<'a> = Box<dyn Fn(&Row) -> String + 'a>;

impl<'a> Columns<'a> {
    /// Returns the columns that have a value in at least one row.
    fn of(study: &'a Study, keys: &'a BTreeMap<&str, String>) -> Self {
        let (rows, decimals) = (&study.rows, study.reported.decimals());
        let axes = effect::varying(rows);
        let mut columns = Self { heads: Vec::new(), cells: Vec::new() };
        columns.number("rank", |row| number_cell(row.rank.map(f64::from), |rank| format!("{rank}")));
        if study.stages().len() > 1 {
            columns.text("stage", |row| text_cell(&row.stage, ""));
        }
        if axes.is_empty() {
            columns
                .text("configuration", |row| text_cell(&row.configuration.label, &keys[row.group.as_str()]));
        }
        for axis in axes {
            columns.text(words::spaced(axis), move |row| {
                let key = if axis == "algorithm" { &keys[row.group.as_str()] } else { "" };
                axis_cell(row.configuration.axis(axis), key)
            });
        }
        columns.text("remark", |row| text_cell(&remark(row), ""));
        columns.number("n", |row| number_cell(Some(row.count() as f64), |_| row.count_of_seeds()));
        columns.number(words::quantity(&study.reported), move |row| {
            description_cell(row.value, decimals, "number main")
        });
        if rows.iter().any(|row| row.interval().is_some()) {
            columns.number("95 % interval", move |row| {
                let text = row.interval().map(|interval| number::interval(&interval, decimals));
                cell("number", row.interval().map(|interval| interval.low), text)
            });
        }
        if let Some(scale) = seed_scale(study).filter(|_| rows.iter().any(|row| row.count() > 1)) {
            columns.text("each seed", move |row| seeds_cell(row, scale, decimals));
        }
        for quantity in study.quantities().into_iter().skip(1) {
            let decimals = quantity.criterion.decimals();
            columns.number(words::quantity(&quantity.criterion), move |row| {
                description_cell((quantity.value)(row), decimals, "number")
            });
        }
        if study.has_comparisons() {
            columns.add_comparison(decimals);
        }
        if has_wilcoxon(study) {
            columns.number("p (Wilcoxon)", |row| {
                number_cell(row.comparison().and_then(|comparison| comparison.wilcoxon), number::probability)
            });
        }
        columns
    }

    fn add_comparison(&mut self, decimals: usize) {
        self.number("difference to baseline", move |row| {
            let text = row.comparison().map(|comparison| difference_text(&comparison, decimals));
            cell("number", row.comparison().map(|comparison| comparison.difference), text)
        });
        self.number("d", |row| {
            let effect = row.comparison().and_then(|comparison| comparison.effect_size);
            number_cell(effect, |effect| number::fixed(effect, 2))
        });
        self.number("p (Holm)", |row| {
            number_cell(row.versus.and_then(|versus| versus.corrected), number::probability)
        });
    }

    fn text(&mut self, title: impl Into<String>, cell: impl Fn(&Row) -> String + 'a) {
        self.heads.push(Column::text(title));
        self.cells.push(Box::new(cell));
    }

    fn number(&mut self, title: impl Into<String>, cell: impl Fn(&Row) -> String + 'a) {
        self.heads.push(Column::number(title));
        self.cells.push(Box::new(cell));
    }

    fn rows<'row>(&self, rows: impl Iterator<Item = &'row Row>) -> Vec<String> {
        rows.map(|row| {
            let class = if row.best_of.is_some() { " class=\"winner\"" } else { "" };
            let group = escaped(&row.group);
            let cells: String = self.cells.iter().map(|cell| cell(row)).collect();
            format!("<tr{class} data-group=\"{group}\">{cells}</tr>\n")
        })
        .collect()
    }
}

/// Returns an axis for the values of all seeds of ranked configurations.
fn seed_scale(study: &Study) -> Option<Scale> {
    let ranked = study.rows.iter().filter(|row| row.rank.is_some());
    let values: Vec<f64> = ranked.flat_map(|row| &row.trials).filter_map(|trial| trial.value).collect();
    Scale::around(&values, &[])
}

/// Returns a cell with a point for each seed; the tooltip has the numbers. Points beyond the axis are left out.
fn seeds_cell(row: &Row, scale: Scale, decimals: usize) -> String {
    let (mut points, mut numbers) = (String::new(), Vec::new());
    for trial in &row.trials {
        let Some(value) = trial.value else { continue };
        numbers.push(format!("seed {}: {}", trial.seed, number::fixed(value, decimals)));
        let position = scale.position(value);
        if (0.0..=1.0).contains(&position) {
            points += &format!("<circle cx=\"{:.1}\" cy=\"8\" r=\"3\"/>", 4.0 + 88.0 * position);
        }
    }
    let numbers = escaped(&numbers.join(", "));
    format!(
        "<td class=\"short\"><svg class=\"seeds\" viewBox=\"0 0 96 16\" role=\"img\" aria-label=\"{numbers}\"><title>{numbers}</title>\
         {points}</svg></td>"
    )
}

fn has_wilcoxon(study: &Study) -> bool {
    study.rows.iter().filter_map(Row::comparison).any(|comparison| comparison.wilcoxon.is_some())
}

fn explanation(study: &Study) -> String {
    let rows = &study.rows;
    let mut text = "n is the number of seeds with a value".to_owned();
    if rows.iter().any(|row| row.dropped.is_none() && row.count() != row.seeds) {
        text += "; 2/3 means that one of three seeds is missing, diverged or failed, and that the configuration is not ranked";
    }
    text += ".";
    if rows.iter().any(|row| row.interval().is_some()) {
        text += " Numbers are the mean ± the sample standard deviation over seeds; the 95 % interval is that of the mean, by \
                 Student’s t.";
    }
    if rows.iter().any(|row| row.count() == 2) {
        text += " Two seeds are too few for an interval or a test.";
    }
    if rows.iter().any(|row| row.count() > 1) {
        text += " Each seed is a point, all on one axis; point at it for the numbers.";
    }
    if study.has_comparisons() {
        text += &comparison_explained(study);
    }
    if rows.iter().any(|row| row.best_of.is_some()) {
        text += " Shaded rows are the best of their group.";
    }
    if rows.len() > SHOWN {
        text += &format!(
            " The first {SHOWN} rows are shown, the others can be opened below them; sorting moves rows between both parts."
        );
    }
    text
}

fn comparison_explained(study: &Study) -> String {
    let mut baselines = study.rows.iter().filter(|row| row.is_baseline);
    let baseline = match (baselines.next(), baselines.next()) {
        (Some(only), None) => format!(", {},", best::name(study, only)),
        _ => String::new(),
    };
    let points = if study.reported.unit().is_empty() { "" } else { " in percentage points" };
    let wilcoxon = if has_wilcoxon(study) {
        "; p (Wilcoxon) is that of the exact signed-rank test, uncorrected"
    } else {
        ""
    };
    format!(
        " Differences to {}{baseline} are paired by seed{points}, with the 95 % interval of their mean (a remark counts the \
         pairs if some are missing); d is Cohen’s d of the pairs; p (Holm) is that of the two-sided paired t test, corrected over the \
         table{wilcoxon}.",
        study.baseline_in_words()
    )
}

fn remark(row: &Row) -> String {
    let mut remarks = row.remarks();
    let pairs = row.comparison().map(|comparison| comparison.pairs).filter(|pairs| *pairs < row.seeds);
    remarks.extend(pairs.map(|pairs| counted(pairs, "pair")));
    remarks.join(", ")
}

fn difference_text(comparison: &Comparison, decimals: usize) -> String {
    let difference = number::signed(comparison.difference, decimals);
    match comparison.interval {
        Some(interval) => format!("{difference} {}", number::interval(&interval, decimals)),
        None => difference,
    }
}

fn description_cell(description: Option<Description>, decimals: usize, class: &str) -> String {
    let text = description.map(|description| number::mean_and_deviation(&description, decimals));
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

/// Returns a cell with the value by which it is sorted. Cells without a value come last.
fn cell(class: &str, value: Option<f64>, text: Option<String>) -> String {
    let text = text.map_or_else(|| number::ABSENT.to_owned(), |text| escaped(&text));
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
