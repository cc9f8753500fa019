//! A table with many rows: some at once, the others folded away.

use super::{number, text::escaped};

/// Rows that are shown at once.
pub const SHOWN: usize = 50;

/// A column's header.
pub struct Column {
    /// What stands in it.
    pub title: String,
    /// Are its cells numbers?
    pub is_number: bool,
}

impl Column {
    /// Of words.
    pub fn text(title: impl Into<String>) -> Self {
        Self { title: title.into(), is_number: false }
    }

    /// Of numbers.
    pub fn number(title: impl Into<String>) -> Self {
        Self { title: title.into(), is_number: true }
    }
}

/// A table of `rows` (elements `tr`). Where it sorts, it is by the first column now.
pub fn table(columns: &[Column], rows: &[String], sorts: bool) -> String {
    let head = head(columns, sorts);
    let part = |rows: &[String]| {
        format!(
            "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"table\"><table>\n{head}<tbody>\n{}</tbody>\n</table></div>\n",
            rows.concat()
        )
    };
    let (shown, others) = rows.split_at(rows.len().min(SHOWN));
    let folded = if others.is_empty() {
        String::new()
    } else {
        let count = number::whole(others.len());
        format!("<details><summary>{count} more</summary>\n{}</details>\n", part(others))
    };
    let class = if sorts { "sortable" } else { "plain" };
    format!("<div class=\"{class}\">\n{}{folded}</div>\n", part(shown))
}

fn head(columns: &[Column], sorts: bool) -> String {
    let cells = columns.iter().enumerate().map(|(index, column)| {
        let title = escaped(&column.title);
        let class = if column.is_number { " class=\"number\"" } else { "" };
        match sorts {
            true => {
                let sorted = if index == 0 { " aria-sort=\"ascending\"" } else { "" };
                format!("<th scope=\"col\"{class}{sorted}><button type=\"button\">{title}</button></th>")
            }
            false => format!("<th scope=\"col\"{class}>{title}</th>"),
        }
    });
    format!("<thead><tr>{}</tr></thead>\n", cells.collect::<String>())
}
