//! The ranked table in Markdown, with aligned columns that can be read as plain text.

use std::fmt::Write;

use super::number::{difference, mean_and_deviation};
use crate::{
    derived::Quantity,
    pivot::Pivot,
    study::{Criterion, Expectation, Images, Row, Setting, Study},
};

const ABSENT: &str = "-";

/// Returns an introduction, the ranked table, the notes and a table of published values.
pub fn markdown(study: &Study) -> String {
    let mut text = introduction(study);
    text.push_str("\n\n");
    let datasets = study.by_dataset();
    if datasets.is_empty() {
        text.push_str(&aligned(&ranking(study)));
    }
    for (index, (dataset, study)) in datasets.iter().enumerate() {
        let gap = if index == 0 { "" } else { "\n" };
        let _ = write!(text, "{gap}Dataset {}:\n\n{}", escape(dataset), aligned(&ranking(study)));
    }
    for pivot in &Pivot::all(study) {
        let dataset = pivot.dataset.map_or(String::new(), |dataset| format!(" on {}", escape(dataset)));
        let _ = write!(
            text,
            "\nThe best configuration of each rule{dataset}, by {}:\n\n{}",
            escape(&pivot.axis),
            aligned(&by_column(study, pivot))
        );
    }
    for Images { account, warnings } in &study.images {
        let _ = write!(text, "\nImages: {account}.\n");
        for warning in warnings {
            let _ = write!(text, "\nWarning: {warning}.\n");
        }
    }
    for note in &study.notes {
        let _ = write!(text, "\n{note}\n");
    }
    if !study.expectations.is_empty() {
        text.push_str("\nPublished values and ours:\n\n");
        text.push_str(&aligned(&expectations(study)));
        for Setting { name, value } in &study.publications {
            let _ = write!(text, "\n{}: {}\n", escape(name), escape(value));
        }
    }
    text
}

fn introduction(study: &Study) -> String {
    let Criterion { metric, epoch } = &study.reported;
    let stages: Vec<_> = study.stages().into_iter().map(escape).collect();
    let mut text = format!(
        "`{metric}` of {}, {epoch}; mean ± sample standard deviation over seeds, smaller is better.",
        stages.join(", ")
    );
    if let Some(Criterion { metric, epoch }) = &study.ranked_by {
        let _ = write!(text, " Ranked by `{metric}`, {epoch}.");
    }
    if study.has_comparisons() {
        let _ = write!(
            text,
            " Against {}: mean difference over common seeds [its 95 % confidence interval by Student's t], \
             p of the paired t test after Holm's correction.",
            study.baseline_in_words()
        );
    }
    text
}

fn ranking(study: &Study) -> Vec<Vec<String>> {
    let quantities = study.quantities();
    let mut header = ["rank", "configuration", "n"].map(String::from).to_vec();
    header.extend(
        quantities
            .iter()
            .map(|Quantity { criterion, .. }| format!("{}{}", criterion.metric, criterion.unit())),
    );
    header.extend(study.has_comparisons().then(|| "against baseline".into()));
    header.extend(["epochs", "remark"].map(String::from));
    let rows = study.rows.iter().map(|row| line(study, &quantities, row));
    std::iter::once(header).chain(rows).collect()
}

fn line(study: &Study, quantities: &[Quantity], row: &Row) -> Vec<String> {
    let mut line = vec![
        row.rank.map_or(ABSENT.into(), |rank| rank.to_string()),
        escape(&study.label(row)),
        row.count_of_seeds(),
    ];
    line.extend(quantities.iter().map(|Quantity { criterion, value }| {
        value(row).map_or(ABSENT.into(), |value| mean_and_deviation(&value, criterion.decimals(), " ± "))
    }));
    line.extend(study.has_comparisons().then(|| against_baseline(row, study.reported.decimals())));
    line.push(row.mean_epochs().map_or(ABSENT.into(), |epochs| match epochs.fract() {
        0.0 => format!("{epochs:.0}"),
        _ => format!("{epochs:.1}"),
    }));
    line.push(escape(&row.remarks().join("; ")));
    line
}

/// Returns `+1.23 [0.80, 1.66] p=0.004`.
fn against_baseline(row: &Row, decimals: usize) -> String {
    let Some(versus) = row.versus else { return ABSENT.into() };
    let text = difference(&versus.comparison, decimals, " ");
    match versus.corrected {
        None => text,
        Some(p) if p < 0.001 => format!("{text} p<0.001"),
        Some(p) => format!("{text} p={p:.3}"),
    }
}

/// Returns a pivot with the lowest mean of each column in bold.
fn by_column(study: &Study, pivot: &Pivot<'_>) -> Vec<Vec<String>> {
    let decimals = study.reported.decimals();
    let header = std::iter::once("rule".to_owned()).chain(pivot.columns.iter().map(|name| escape(name)));
    let lines = pivot.lines.iter().map(|line| {
        let cells = line.cells.iter().enumerate().map(|(column, cell)| {
            let Some((row, value)) = cell.and_then(|row| Some((row, row.value?))) else {
                return ABSENT.into();
            };
            let text = mean_and_deviation(&value, decimals, " ± ");
            if pivot.is_best(column, row) { format!("**{text}**") } else { text }
        });
        std::iter::once(escape(&line.configuration.rule)).chain(cells).collect()
    });
    std::iter::once(header.collect()).chain(lines).collect()
}

fn expectations(study: &Study) -> Vec<Vec<String>> {
    let header =
        ["configuration", "published ± sd (n)", "ours ± sd (n)", "allowed distance", "verdict", "source"]
            .map(String::from)
            .to_vec();
    let lines = study.expectations.iter().map(|expectation| expected(expectation, study.reported.decimals()));
    std::iter::once(header).chain(lines).collect()
}

fn expected(expectation: &Expectation, decimals: usize) -> Vec<String> {
    vec![
        escape(&expectation.of),
        expectation.published.in_words(|value| format!("{value:.decimals$}")),
        expectation.ours_in_words(|value| format!("{value:.decimals$}")).unwrap_or_else(|| ABSENT.into()),
        format!("{:.decimals$}", expectation.tolerance),
        escape(&expectation.verdict_in_words()),
        escape(&expectation.source),
    ]
}

/// Puts a backslash before each character that would end a cell or begin a tag, an entity or an emphasis.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 4);
    let mut previous = ' ';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek().copied().unwrap_or(' ');
        let needs_backslash = match character {
            '|' | '<' | '*' | '`' | '~' | '\\' => true,
            // Within a word it is only an underscore, and a lone ampersand only that.
            '_' => !(previous.is_alphanumeric() && next.is_alphanumeric()),
            '&' => next.is_alphanumeric() || next == '#',
            _ => false,
        };
        escaped.extend(needs_backslash.then_some('\\'));
        escaped.push(if matches!(character, '\n' | '\r') { ' ' } else { character });
        previous = character;
    }
    escaped
}

fn aligned(lines: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..lines[0].len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        for (cell, &width) in line.iter().zip(&widths) {
            let _ = write!(text, "| {cell:width$} ");
        }
        text.push_str("|\n");
        if index == 0 {
            text.extend(widths.iter().map(|width| format!("|{}", "-".repeat(width + 2))));
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stays_a_cell() {
        assert_eq!(escape("batch_size 5 & 6"), "batch_size 5 & 6");
        assert_eq!(escape("a|b <i> R&D; *_x_ `c` \\ \n"), "a\\|b \\<i> R\\&D; \\*\\_x\\_ \\`c\\` \\\\  ");
    }
}
