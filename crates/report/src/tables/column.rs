//! A table for programs: named columns of one type each, read from rows one cell at a time. Nothing is copied before it is written.

use std::borrow::Cow;

/// Columns, and the rows that their cells are read from.
pub(super) struct Table<'study, Rows: Iterator> {
    pub(super) columns: Vec<Column<'study, Rows::Item>>,
    pub(super) rows: Rows,
}

/// A column: its name, and how its cell is found in a row.
pub(super) struct Column<'study, Row> {
    pub(super) name: &'study str,
    pub(super) cells: Cells<'study, Row>,
}

/// The type of a column and its cells; `None` is an empty cell.
pub(super) enum Cells<'study, Row> {
    Text(TextCell<'study, Row>),
    Count(Cell<'study, Row, Option<u64>>),
    Number(Cell<'study, Row, Option<f64>>),
    Flag(Cell<'study, Row, bool>),
}

type Cell<'study, Row, Value> = Box<dyn Fn(&Row) -> Value + 'study>;

/// Borrowed from the row, unless it is put together for it.
type TextCell<'study, Row> = Box<dyn Fn(&Row) -> Option<Cow<'_, str>> + 'study>;

impl<'study, Row> Column<'study, Row> {
    pub(super) fn text(name: &'study str, cell: impl Fn(&Row) -> Option<&str> + 'study) -> Self {
        Self { name, cells: Cells::Text(Box::new(move |row| cell(row).map(Cow::Borrowed))) }
    }

    pub(super) fn composed(name: &'study str, cell: impl Fn(&Row) -> Option<Cow<'_, str>> + 'study) -> Self {
        Self { name, cells: Cells::Text(Box::new(cell)) }
    }

    pub(super) fn count(name: &'study str, cell: impl Fn(&Row) -> Option<u64> + 'study) -> Self {
        Self { name, cells: Cells::Count(Box::new(cell)) }
    }

    pub(super) fn number(name: &'study str, cell: impl Fn(&Row) -> Option<f64> + 'study) -> Self {
        Self { name, cells: Cells::Number(Box::new(cell)) }
    }

    pub(super) fn flag(name: &'study str, cell: impl Fn(&Row) -> bool + 'study) -> Self {
        Self { name, cells: Cells::Flag(Box::new(cell)) }
    }
}
