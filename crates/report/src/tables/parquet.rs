//! Tables as Parquet: typed columns that Python, R and databases read without guessing. An absent value is a null.

use std::sync::Arc;

use parquet::{
    basic::{Compression, Encoding, LogicalType, Repetition, Type as Physical},
    data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type},
    errors::ParquetError,
    file::{
        properties::{WriterProperties, WriterPropertiesBuilder},
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::types::{ColumnPath, Type},
};

use super::{
    column::{Cells, Column, Table},
    configurations::configurations,
    history::history,
    trials::trials,
};
use crate::study::Study;

/// Cells that are handed over at once.
const BATCH: usize = 4096;

/// A row for each configuration, best first.
#[must_use]
pub fn configurations_parquet(study: &Study) -> Vec<u8> {
    parquet(&configurations(study))
}

/// A row for each configuration and seed.
#[must_use]
pub fn trials_parquet(study: &Study) -> Vec<u8> {
    parquet(&trials(study))
}

/// A row for each measured value.
#[must_use]
pub fn history_parquet(study: &Study) -> Vec<u8> {
    parquet(&history(study))
}

fn parquet<Rows: Iterator + Clone>(table: &Table<'_, Rows>) -> Vec<u8> {
    written(table).expect("columns of equal length, and of the schema's types, are written to memory")
}

/// One row group: the rows are walked through once for each column, so none is ever held.
fn written<Rows: Iterator + Clone>(table: &Table<'_, Rows>) -> Result<Vec<u8>, ParquetError> {
    let mut bytes = Vec::new();
    let mut file =
        SerializedFileWriter::new(&mut bytes, schema(&table.columns)?, properties(&table.columns).into())?;
    let mut group = file.next_row_group()?;
    for column in &table.columns {
        let rows = table.rows.clone();
        match &column.cells {
            Cells::Text(cell) => {
                let mut latest = ByteArray::from("");
                let mut shared = |text: &str| {
                    // In most columns a text stands below itself: it is copied where it changes.
                    if latest.data() != text.as_bytes() {
                        latest = ByteArray::from(text);
                    }
                    latest.clone()
                };
                write::<ByteArrayType>(&mut group, rows.map(|row| cell(&row).map(|text| shared(&text))))?;
            }
            Cells::Count(cell) => {
                // The schema says that these bits have no sign.
                write::<Int64Type>(&mut group, rows.map(|row| cell(&row).map(u64::cast_signed)))?;
            }
            Cells::Number(cell) => write::<DoubleType>(&mut group, rows.map(|row| cell(&row)))?,
            Cells::Flag(cell) => write::<BoolType>(&mut group, rows.map(|row| Some(cell(&row))))?,
        }
    }
    group.close()?;
    file.close()?;
    Ok(bytes)
}

fn write<Values: DataType>(
    group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
    mut cells: impl Iterator<Item = Option<Values::T>>,
) -> Result<(), ParquetError> {
    let mut column = group.next_column()?.expect("the schema has every column");
    let mut values = Vec::with_capacity(BATCH);
    let mut is_present: Vec<i16> = Vec::with_capacity(BATCH);
    loop {
        values.clear();
        is_present.clear();
        for cell in cells.by_ref().take(BATCH) {
            is_present.push(cell.is_some().into());
            values.extend(cell);
        }
        if is_present.is_empty() {
            return column.close();
        }
        column.typed::<Values>().write_batch(&values, Some(&is_present), None)?;
    }
}

fn schema<Row>(columns: &[Column<'_, Row>]) -> Result<Arc<Type>, ParquetError> {
    let field = |column: &Column<'_, Row>| {
        let (physical, logical) = match column.cells {
            Cells::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Cells::Count(_) => (Physical::INT64, Some(LogicalType::integer(64, false))),
            Cells::Number(_) => (Physical::DOUBLE, None),
            Cells::Flag(_) => (Physical::BOOLEAN, None),
        };
        let field = Type::primitive_type_builder(column.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()?;
        Ok(Arc::new(field))
    };
    let fields = columns.iter().map(field).collect::<Result<_, ParquetError>>()?;
    Ok(Arc::new(Type::group_type_builder("table").with_fields(fields).build()?))
}

/// Texts and counts repeat, which a dictionary is for. Numbers do not: their bytes are sorted by significance, because single
/// precision leaves the last ones zero.
fn properties<Row>(columns: &[Column<'_, Row>]) -> WriterProperties {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    let of_numbers = columns.iter().filter(|column| matches!(column.cells, Cells::Number(_)));
    let split = |properties: WriterPropertiesBuilder, column: &Column<'_, Row>| {
        let path = ColumnPath::from(column.name);
        properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT)
    };
    of_numbers.fold(properties, split).build()
}

#[cfg(test)]
mod tests {
    use ::parquet::{
        file::{reader::FileReader, serialized_reader::SerializedFileReader},
        record::Field,
    };

    use super::*;
    use crate::{example, tables};

    /// Names, and cells line by line.
    fn read(bytes: Vec<u8>) -> (Vec<String>, Vec<Vec<Field>>) {
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).expect("a Parquet file");
        let schema = reader.metadata().file_metadata().schema_descr();
        let names = schema.columns().iter().map(|column| column.name().into()).collect();
        let rows = reader.get_row_iter(None).expect("rows");
        let cells =
            |row: ::parquet::record::Row| row.into_columns().into_iter().map(|(_, cell)| cell).collect();
        (names, rows.map(|row| cells(row.expect("a row"))).collect())
    }

    /// The cell of a CSV that says the same.
    fn is_told_by(field: &Field, text: &str) -> bool {
        match field {
            Field::Null => text.is_empty(),
            Field::Str(expected) => text == expected,
            Field::ULong(expected) => text.parse() == Ok(*expected),
            Field::Double(expected) => {
                text.parse().is_ok_and(|number: f64| number.to_bits() == expected.to_bits())
            }
            Field::Bool(expected) => text.parse() == Ok(*expected),
            _ => false,
        }
    }

    #[test]
    fn parquet_and_csv_say_the_same() {
        let study = example::study();
        for (parquet, csv) in [
            (configurations_parquet(&study), tables::configurations_csv(&study)),
            (trials_parquet(&study), tables::trials_csv(&study)),
            (history_parquet(&study), tables::history_csv(&study)),
        ] {
            let (names, rows) = read(parquet);
            let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
            assert_eq!(reader.headers().expect("a header").iter().collect::<Vec<_>>(), names);
            let lines: Vec<::csv::StringRecord> =
                reader.records().map(|line| line.expect("a line")).collect();
            assert_eq!(lines.len(), rows.len());
            for (line, row) in lines.iter().zip(&rows) {
                for ((text, field), name) in line.iter().zip(row).zip(&names) {
                    assert!(is_told_by(field, text), "{name}: {field:?} is told as {text:?}");
                }
            }
        }
    }

    #[test]
    fn every_measured_value_reads_back() {
        let study = example::study();
        let (_, rows) = read(history_parquet(&study));
        let trials = study.rows.iter().flat_map(|row| &row.trials);
        let points = trials.flat_map(|trial| &trial.series).flat_map(|series| &series.points);
        let expected: Vec<_> =
            points.map(|&(epoch, value)| [Field::ULong(epoch.into()), Field::Double(value)]).collect();
        let told: Vec<_> = rows.into_iter().map(|row| [row[3].clone(), row[5].clone()]).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn seeds_keep_their_highest_bit_and_more_rows_than_a_batch_their_order() {
        let mut study = example::study();
        let trial = &mut study.rows[0].trials[0];
        trial.seed = u64::MAX;
        trial.series[0].points = (1..=3 * BATCH as u32 + 1).map(|epoch| (epoch, f64::from(epoch))).collect();
        let (_, rows) = read(history_parquet(&study));
        assert_eq!(rows[0][2], Field::ULong(u64::MAX));
        for (index, row) in rows.iter().take(3 * BATCH + 1).enumerate() {
            assert_eq!(row[5], Field::Double((index + 1) as f64));
        }
    }

    #[test]
    fn a_study_of_nothing_has_columns() {
        let study = Study { rows: Vec::new(), ..example::study() };
        for bytes in [configurations_parquet(&study), trials_parquet(&study), history_parquet(&study)] {
            let (names, rows) = read(bytes);
            assert!(names.len() > 3 && rows.is_empty());
        }
    }
}
