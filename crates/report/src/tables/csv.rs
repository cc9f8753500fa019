//! Tables as CSV. Numbers are written with as few digits as read back to the same bits; an absent value is an empty cell.

use std::io::Write;

use super::{
    column::{Cells, Table},
    configurations::configurations,
    history::history,
    trials::trials,
};
use crate::study::Study;

/// A line for each configuration, best first.
#[must_use]
pub fn configurations_csv(study: &Study) -> String {
    csv(configurations(study))
}

/// A line for each configuration and seed.
#[must_use]
pub fn trials_csv(study: &Study) -> String {
    csv(trials(study))
}

/// A line for each measured value.
#[must_use]
pub fn history_csv(study: &Study) -> String {
    csv(history(study))
}

fn csv<Rows: Iterator>(table: Table<'_, Rows>) -> String {
    let bytes = written(table).expect("rows of equal length are written to memory");
    String::from_utf8(bytes).expect("every cell is text")
}

fn written<Rows: Iterator>(table: Table<'_, Rows>) -> Result<Vec<u8>, ::csv::Error> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(table.columns.iter().map(|column| column.name))?;
    let mut digits = Vec::new();
    for row in table.rows {
        for column in &table.columns {
            digits.clear();
            match &column.cells {
                Cells::Text(cell) => writer.write_field(cell(&row).as_deref().unwrap_or_default())?,
                Cells::Count(cell) => {
                    cell(&row).map_or(Ok(()), |count| write!(digits, "{count}"))?;
                    writer.write_field(&digits)?;
                }
                Cells::Number(cell) => {
                    cell(&row).map_or(Ok(()), |number| write_number(&mut digits, number))?;
                    writer.write_field(&digits)?;
                }
                Cells::Flag(cell) => writer.write_field(if cell(&row) { "true" } else { "false" })?,
            }
        }
        writer.write_record(None::<&[u8]>)?;
    }
    Ok(writer.into_inner().map_err(::csv::IntoInnerError::into_error)?)
}

/// The shortest digits that read back to the same bits; with an exponent where they would be mostly zeros.
fn write_number(digits: &mut Vec<u8>, number: f64) -> std::io::Result<()> {
    let is_plain = number == 0.0 || !number.is_finite() || (1e-5..1e16).contains(&number.abs());
    if is_plain { write!(digits, "{number}") } else { write!(digits, "{number:e}") }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::{
        example,
        study::{End, Row, Series, Trial},
    };

    /// Cells by the names of their columns, line by line.
    fn read(text: &str) -> Vec<HashMap<String, String>> {
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        reader.deserialize().map(|line| line.expect("a line of cells")).collect()
    }

    #[track_caller]
    fn check_number(line: &HashMap<String, String>, column: &str, expected: Option<f64>) {
        let cell = &line[column];
        let number = (!cell.is_empty()).then(|| cell.parse::<f64>().expect("a number"));
        assert_eq!(number.map(f64::to_bits), expected.map(f64::to_bits), "{column}: {cell}");
    }

    #[test]
    fn the_columns_of_configurations_are_the_axes_among_what_was_measured() {
        let text = configurations_csv(&example::study());
        insta::assert_snapshot!(text.lines().next().expect("a header"), @"rank,stage,configuration,algorithm,hidden,feedback,learning_rate,seeds,n,diverged,failed,missing,metric,mean,sd,ci_low,ci_high,median,ranked_by,ranked_by_mean,ranked_by_sd,test_metric,test_mean,test_sd,pairs,difference,difference_low,difference_high,effect_size,p,p_corrected,wilcoxon_p,epochs,is_baseline,best_of");
    }

    #[test]
    fn every_number_of_a_configuration_reads_back() {
        let study = example::study();
        let lines = read(&configurations_csv(&study));
        assert_eq!(lines.len(), study.rows.len());
        for (line, row) in lines.iter().zip(&study.rows) {
            let value = row.value.expect("a value");
            check_number(line, "rank", row.rank.map(f64::from));
            check_number(line, "mean", Some(value.mean));
            check_number(line, "sd", value.deviation);
            check_number(line, "ci_low", value.interval.map(|interval| interval.low));
            check_number(line, "ci_high", value.interval.map(|interval| interval.high));
            check_number(line, "median", Some(value.median));
            check_number(line, "ranked_by_mean", row.ranked_by.map(|value| value.mean));
            check_number(line, "test_mean", row.test.map(|value| value.mean));
            let comparison = row.versus.map(|versus| versus.comparison);
            check_number(line, "difference", comparison.map(|comparison| comparison.difference));
            check_number(line, "p", comparison.and_then(|comparison| comparison.t_test));
            check_number(line, "p_corrected", row.versus.and_then(|versus| versus.corrected));
            check_number(line, "wilcoxon_p", comparison.and_then(|comparison| comparison.wilcoxon));
            assert_eq!(line["configuration"], row.configuration.slug);
            assert_eq!(line["best_of"], row.best_of.clone().unwrap_or_default());
            assert_eq!(line["is_baseline"], row.is_baseline.to_string());
            assert_eq!(line["metric"], study.reported.metric);
        }
    }

    #[test]
    fn every_trial_reads_back() {
        let study = example::study();
        let lines = read(&trials_csv(&study));
        let trials: Vec<(&Row, &Trial)> =
            study.rows.iter().flat_map(|row| row.trials.iter().map(move |trial| (row, trial))).collect();
        assert_eq!(lines.len(), trials.len());
        for (line, (row, trial)) in lines.iter().zip(trials) {
            assert_eq!(line["configuration"], row.configuration.slug);
            assert_eq!(line["seed"], trial.seed.to_string());
            assert_eq!(line["key"], trial.key);
            check_number(line, "value", trial.value);
            check_number(line, "ranked_by", trial.ranked_by);
            check_number(line, "test", trial.test);
            check_number(line, "seconds", trial.seconds);
            let (outcome, reason) = match &trial.end {
                End::Missing => ("missing", ""),
                End::Failed(reason) => ("failed", reason.as_str()),
                End::Finished => ("finished", ""),
                End::Stopped => ("stopped", ""),
                End::Diverged(reason) => ("diverged", reason.as_str()),
            };
            assert_eq!((line["outcome"].as_str(), line["reason"].as_str()), (outcome, reason));
        }
    }

    #[test]
    fn a_history_is_told_value_by_value() {
        let study = example::study();
        let lines = read(&history_csv(&study));
        let mut next = lines.iter();
        for trial in study.rows.iter().flat_map(|row| &row.trials) {
            for Series { metric, points } in &trial.series {
                for (epoch, value) in points {
                    let line = next.next().expect("a line for each value");
                    assert_eq!(line["seed"], trial.seed.to_string());
                    assert_eq!(line["metric"], *metric);
                    assert_eq!(line["epoch"], epoch.to_string());
                    check_number(line, "value", Some(*value));
                }
            }
        }
        assert!(next.next().is_none());
    }

    #[test]
    fn numbers_are_short_and_read_back_to_the_same_bits() {
        let written = |number: f64| {
            let mut digits = Vec::new();
            write_number(&mut digits, number).expect("memory");
            String::from_utf8(digits).expect("digits")
        };
        let numbers = [500.0, 0.1, 0.1 + 0.2, -0.0, 1e-300, 1e300, f64::MAX, 2.5e-5, f64::INFINITY];
        let texts = numbers.map(written).join(" ");
        insta::assert_snapshot!(texts, @"500 0.1 0.30000000000000004 -0 1e-300 1e300 1.7976931348623157e308 0.000025 inf");
        for (text, number) in texts.split(' ').zip(numbers) {
            assert_eq!(text.parse::<f64>().expect("a number").to_bits(), number.to_bits());
        }
    }

    #[test]
    fn an_axis_with_a_text_is_a_column_of_texts() {
        let mut study = example::study();
        study.rows[0].configuration.axes[3].1 = Some(crate::AxisValue::Text("from 0.1 to 0.001".into()));
        let lines = read(&configurations_csv(&study));
        assert_eq!(lines[0]["learning_rate"], "from 0.1 to 0.001");
        assert_eq!(lines[1]["learning_rate"], "0.001");
        assert_eq!(lines[1]["feedback"], "");
    }

    #[test]
    fn a_study_of_nothing_has_headers() {
        let study = Study { rows: Vec::new(), ..example::study() };
        for text in [configurations_csv(&study), trials_csv(&study), history_csv(&study)] {
            assert_eq!(text.lines().count(), 1);
        }
    }
}
