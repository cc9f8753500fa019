//! The search that each learning rule was given.

use crate::{
    budget::{Budget, budgets},
    number,
    page::{
        table::{Column, table},
        text::escaped,
    },
    study::Study,
};

/// Names of units of time and their seconds.
const UNITS: [(&str, f64); 3] = [("h", 3600.0), ("min", 60.0), ("s", 1.0)];

pub fn body(study: &Study) -> Option<String> {
    let budgets = budgets(&study.rows, &study.search);
    if budgets.len() < 2 {
        return None;
    }
    let mut columns = vec![Column::text("rule")];
    columns.extend(["configurations", "trials", "epochs", "training time"].map(Column::number));
    let rows: Vec<String> = budgets.iter().map(row).collect();
    let search =
        if study.search.is_empty() { "" } else { ", and those of the search that chose its configurations" };
    let text = format!(
        "The trials of this table by rule{search}. Each trial and each epoch counts once. Times depend on the machine and its load."
    );
    Some(format!("<p>{text}</p>\n{}", table(&columns, &rows)))
}

fn row(budget: &Budget<'_>) -> String {
    let epochs = usize::try_from(budget.epochs).unwrap_or(usize::MAX);
    let numbers = [budget.configurations, budget.trials, epochs].map(number::whole);
    let cells = numbers.into_iter().chain([time(budget.seconds)]);
    let cells: String = cells.map(|cell| format!("<td class=\"number\">{cell}</td>")).collect();
    format!("<tr><td class=\"name\">{}</td>{cells}</tr>\n", escaped(budget.rule))
}

fn time(seconds: f64) -> String {
    let (unit, size) = UNITS.iter().find(|(_, size)| seconds >= *size).unwrap_or(&UNITS[2]);
    format!("{} {unit}", number::fixed(seconds / size, 1))
}
