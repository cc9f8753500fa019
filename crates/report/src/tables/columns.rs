//! Columns of a CSV file.

use std::fmt::Write;

use crate::study::AxisValue;

/// A name and a function that writes the cell of a row, for each column.
pub(super) struct Columns<'study, Row>(Vec<(&'static str, WriteCell<'study, Row>)>);

type WriteCell<'study, Row> = Box<dyn Fn(Row, &mut String) + 'study>;

impl<'study, Row: Copy> Columns<'study, Row> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn add<C: Cell>(&mut self, name: &'static str, cell: impl Fn(Row) -> C + 'study) {
        self.0.push((name, Box::new(move |row, text| cell(row).write(text))));
    }

    /// Returns a header and a line for each row.
    pub(super) fn csv(&self, rows: impl Iterator<Item = Row>) -> String {
        const WRITTEN: &str = "lines of equal length are written to memory";
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        writer.write_record(self.0.iter().map(|(name, _)| name)).expect(WRITTEN);
        let mut cell = String::new();
        for row in rows {
            for (_, write) in &self.0 {
                cell.clear();
                write(row, &mut cell);
                writer.write_field(&cell).expect(WRITTEN);
            }
            writer.write_record(None::<&[u8]>).expect(WRITTEN);
        }
        String::from_utf8(writer.into_inner().expect(WRITTEN)).expect("every cell is text")
    }
}

/// A value that a cell can hold. An absent one is an empty cell.
pub(super) trait Cell {
    fn write(&self, text: &mut String);
}

impl<C: Cell> Cell for Option<C> {
    fn write(&self, text: &mut String) {
        if let Some(cell) = self {
            cell.write(text);
        }
    }
}

impl Cell for &str {
    fn write(&self, text: &mut String) {
        text.push_str(self);
    }
}

impl Cell for bool {
    fn write(&self, text: &mut String) {
        text.push_str(if *self { "true" } else { "false" });
    }
}

impl Cell for u64 {
    fn write(&self, text: &mut String) {
        let _ = write!(text, "{self}");
    }
}

/// The fewest digits that read back to the same bits, without a point where the number is whole; with an exponent where most digits
/// would be zeros.
impl Cell for f64 {
    fn write(&self, text: &mut String) {
        let is_plain = *self == 0.0 || !self.is_finite() || (1e-5..1e16).contains(&self.abs());
        let _ = if is_plain { write!(text, "{self}") } else { write!(text, "{self:e}") };
    }
}

impl Cell for &AxisValue {
    fn write(&self, text: &mut String) {
        match self {
            AxisValue::Number(number) => number.write(text),
            AxisValue::Text(value) => value.as_str().write(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_read_back_to_the_same_bits() {
        let numbers = [500.0, 0.1, 0.1 + 0.2, -0.0, 1e-300, 1e300, f64::MAX, 2.5e-5, f64::INFINITY];
        let mut text = String::new();
        for number in numbers {
            number.write(&mut text);
            text.push(' ');
        }
        insta::assert_snapshot!(text, @"500 0.1 0.30000000000000004 -0 1e-300 1e300 1.7976931348623157e308 0.000025 inf");
        for (text, number) in text.split(' ').zip(numbers) {
            assert_eq!(text.parse::<f64>().expect("a number").to_bits(), number.to_bits());
        }
    }
}
