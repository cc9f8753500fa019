//! The best configuration of each rule over datasets, or over the values of an axis.

use crate::{
    number,
    page::{
        table::{Column, table},
        text::escaped,
    },
    pivot::Pivot,
    study::Study,
};

pub fn body(study: &Study) -> Option<String> {
    let tables: String = Pivot::all(study).iter().map(|pivot| draw(study, pivot)).collect();
    (!tables.is_empty()).then_some(tables)
}

fn draw(study: &Study, pivot: &Pivot<'_>) -> String {
    let decimals = study.reported.decimals();
    let mut columns = vec![Column::text("rule")];
    columns.extend(pivot.columns.iter().map(Column::number));
    let rows: Vec<String> = pivot
        .lines
        .iter()
        .map(|line| {
            let cells = line.cells.iter().enumerate().map(|(column, cell)| {
                let Some((row, value)) = cell.and_then(|row| Some((row, row.value?))) else {
                    return format!("<td class=\"number\">{}</td>", number::ABSENT);
                };
                let class = if pivot.is_best(column, row) { "number lowest" } else { "number" };
                format!("<td class=\"{class}\">{}</td>", number::mean_and_deviation(&value, decimals))
            });
            let rule = escaped(&line.configuration.rule);
            format!("<tr><td class=\"short\">{rule}</td>{}</tr>\n", cells.collect::<String>())
        })
        .collect();
    let dataset = pivot.dataset.map_or(String::new(), |dataset| format!(" on {}", escaped(dataset)));
    format!(
        "<p>The best configuration of each rule{dataset}, by {}; the lowest of each column is bold.</p>\n{}",
        escaped(&pivot.axis),
        table(&columns, &rows)
    )
}
