//! Tables. Of many rows some are shown and the others can be opened.

use super::text::escaped;
use crate::number;

/// The number of rows that are shown at once.
pub const SHOWN: usize = 50;

/// The header of a column.
pub struct Column {
    title: String,
    class: &'static str,
}

impl Column {
    pub fn text(title: impl Into<String>) -> Self {
        Self { title: title.into(), class: "" }
    }

    pub fn number(title: impl Into<String>) -> Self {
        Self { title: title.into(), class: " class=\"number\"" }
    }
}

/// Returns a table of elements `tr`.
pub fn table(columns: &[Column], rows: &[String]) -> String {
    let cells = columns
        .iter()
        .map(|Column { title, class }| format!("<th scope=\"col\"{class}>{}</th>", escaped(title)));
    folded("plain", &cells.collect::<String>(), rows)
}

/// Returns a table that `page.js` can sort. It is sorted by the first column.
pub fn sortable_table(columns: &[Column], rows: &[String]) -> String {
    let cells = columns.iter().enumerate().map(|(index, Column { title, class })| {
        let sorted = if index == 0 { " aria-sort=\"ascending\"" } else { "" };
        format!("<th scope=\"col\"{class}{sorted}><button type=\"button\">{}</button></th>", escaped(title))
    });
    folded("sortable", &cells.collect::<String>(), rows)
}

fn folded(class: &str, head: &str, rows: &[String]) -> String {
    let (shown, others) = rows.split_at(rows.len().min(SHOWN));
    let mut parts = part("table", head, shown);
    if !others.is_empty() {
        let count = number::whole(others.len());
        parts +=
            &format!("<details><summary>{count} more</summary>\n{}</details>\n", part("table", head, others));
    }
    format!("<div class=\"{class}\">\n{parts}</div>\n")
}

/// Returns a table of elements `tr`, with a label for screen readers.
pub fn part(label: &str, head: &str, rows: &[String]) -> String {
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{label}\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n",
        rows.concat()
    )
}
