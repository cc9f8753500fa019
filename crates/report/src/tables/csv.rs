//! Tables as CSV, for programs. A line of each table carries its configuration's value on every axis, so that a plot needs one file.

use statistics::{Comparison, Description, Interval};

use super::columns::Columns;
use crate::study::{End, Row, Series, Study, Trial};

/// Returns a line for each configuration, best first.
#[must_use]
pub fn configurations_csv(study: &Study) -> String {
    let mut columns: Columns<'_, &Row> = Columns::new();
    columns.add("rank", |row| row.rank.map(u64::from));
    add_configuration(&mut columns, study, |row| row);
    columns.add("seeds", |row| row.seeds as u64);
    columns.add("n", |row| row.count() as u64);
    columns.add("diverged", |row| row.diverged as u64);
    columns.add("failed", |row| row.failed as u64);
    columns.add("missing", |row| row.missing as u64);
    add_measurements(&mut columns, study);
    add_difference_to_baseline(&mut columns);
    columns.add("epochs", Row::mean_epochs);
    columns.add("is_baseline", |row| row.is_baseline);
    columns.add("best_of", |row| row.best_of.as_deref());
    columns.csv(study.rows.iter())
}

/// Returns a line for each configuration and seed.
#[must_use]
pub fn trials_csv(study: &Study) -> String {
    let mut columns: Columns<'_, (&Row, &Trial)> = Columns::new();
    add_configuration(&mut columns, study, |(row, _)| row);
    columns.add("seed", |(_, trial)| trial.seed);
    columns.add("outcome", |(_, trial)| outcome(&trial.end));
    columns.add("epochs", |(_, trial)| trial.epochs_trained().map(u64::from));
    columns.add("epoch", |(_, trial)| trial.epoch.map(u64::from));
    columns.add("step", |(row, trial)| row.step(trial.epoch?));
    columns.add("value", |(_, trial)| trial.value);
    columns.add("ranked_by", |(_, trial)| trial.ranked_by);
    columns.add("test", |(_, trial)| trial.test);
    columns.add("seconds", |(_, trial)| trial.seconds);
    columns.add("key", |(_, trial)| trial.key.as_str());
    columns.add("reason", |(_, trial)| reason(&trial.end));
    columns.csv(trials(study))
}

/// Returns a line for each measured value.
#[must_use]
pub fn history_csv(study: &Study) -> String {
    let mut columns: Columns<'_, (&Row, &Trial, &Series, (u32, f64))> = Columns::new();
    add_configuration(&mut columns, study, |(row, ..)| row);
    columns.add("seed", |(_, trial, ..)| trial.seed);
    columns.add("epoch", |(.., (epoch, _))| u64::from(epoch));
    columns.add("step", |(row, .., (epoch, _))| row.step(epoch));
    columns.add("metric", |(_, _, series, _)| series.metric.as_str());
    columns.add("value", |(.., (_, value))| value);
    let series =
        trials(study).flat_map(|(row, trial)| trial.series.iter().map(move |series| (row, trial, series)));
    let values = series
        .flat_map(|(row, trial, series)| series.points.iter().map(move |&point| (row, trial, series, point)));
    columns.csv(values)
}

fn trials(study: &Study) -> impl Iterator<Item = (&Row, &Trial)> {
    study.rows.iter().flat_map(|row| row.trials.iter().map(move |trial| (row, trial)))
}

/// Adds the columns that name a configuration to any table.
fn add_configuration<'study, Line: Copy + 'study>(
    columns: &mut Columns<'study, Line>,
    study: &'study Study,
    row: fn(Line) -> &'study Row,
) {
    columns.add("stage", move |line| row(line).stage.as_str());
    columns.add("configuration", move |line| row(line).configuration.slug.as_str());
    for (axis, _) in study.rows.first().map_or(&[][..], |row| &row.configuration.axes) {
        columns.add(axis, move |line| row(line).configuration.axis(axis));
    }
}

fn add_measurements<'study>(columns: &mut Columns<'study, &'study Row>, study: &'study Study) {
    columns.add("metric", |_| study.reported.metric.as_str());
    columns.add("mean", |row| mean(row.value));
    columns.add("sd", |row| deviation(row.value));
    columns.add("ci_low", |row| low(row.value?.interval));
    columns.add("ci_high", |row| high(row.value?.interval));
    columns.add("median", |row| row.value.map(|value| value.median));
    columns.add("ranked_by", |_| study.ranked_by.as_ref().map(|criterion| criterion.metric.as_str()));
    columns.add("ranked_by_mean", |row| mean(row.ranked_by));
    columns.add("ranked_by_sd", |row| deviation(row.ranked_by));
    columns.add("test_metric", |_| study.test_metric.as_deref());
    columns.add("test_mean", |row| mean(row.test));
    columns.add("test_sd", |row| deviation(row.test));
}

fn add_difference_to_baseline<'study>(columns: &mut Columns<'study, &'study Row>) {
    columns.add("pairs", |row| comparison(row).map(|comparison| comparison.pairs as u64));
    columns.add("difference", |row| comparison(row).map(|comparison| comparison.difference));
    columns.add("difference_low", |row| low(comparison(row)?.interval));
    columns.add("difference_high", |row| high(comparison(row)?.interval));
    columns.add("effect_size", |row| comparison(row)?.effect_size);
    columns.add("p", |row| comparison(row)?.t_test);
    columns.add("p_corrected", |row| row.versus?.corrected);
    columns.add("wilcoxon_p", |row| comparison(row)?.wilcoxon);
}

fn comparison(row: &Row) -> Option<Comparison> {
    row.versus.map(|versus| versus.comparison)
}

fn mean(value: Option<Description>) -> Option<f64> {
    value.map(|value| value.mean)
}

fn deviation(value: Option<Description>) -> Option<f64> {
    value?.deviation
}

fn low(interval: Option<Interval>) -> Option<f64> {
    interval.map(|interval| interval.low)
}

fn high(interval: Option<Interval>) -> Option<f64> {
    interval.map(|interval| interval.high)
}

fn outcome(end: &End) -> &'static str {
    match end {
        End::Missing => "missing",
        End::Failed(_) => "failed",
        End::Finished => "finished",
        End::Stopped => "stopped",
        End::Diverged(_) => "diverged",
    }
}

fn reason(end: &End) -> Option<&str> {
    match end {
        End::Failed(reason) | End::Diverged(reason) => Some(reason),
        End::Missing | End::Finished | End::Stopped => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::{
        example,
        study::{AxisValue, End, Row, Series},
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

    #[track_caller]
    fn check_configuration(line: &HashMap<String, String>, row: &Row) {
        assert_eq!(line["configuration"], row.configuration.slug);
        for (axis, value) in &row.configuration.axes {
            match value {
                Some(AxisValue::Number(number)) => check_number(line, axis, Some(*number)),
                Some(AxisValue::Text(text)) => assert_eq!(line[*axis], *text),
                None => assert_eq!(line[*axis], ""),
            }
        }
    }

    #[test]
    fn the_columns_of_configurations_are_the_axes_among_what_was_measured() {
        let text = configurations_csv(&example::study());
        insta::assert_snapshot!(text.lines().next().expect("a header"), @"rank,stage,configuration,algorithm,hidden,feedback,learning_rate,seeds,n,diverged,failed,missing,metric,mean,sd,ci_low,ci_high,median,ranked_by,ranked_by_mean,ranked_by_sd,test_metric,test_mean,test_sd,pairs,difference,difference_low,difference_high,effect_size,p,p_corrected,wilcoxon_p,epochs,is_baseline,best_of");
    }

    #[test]
    fn a_line_of_a_history_needs_no_other_file() {
        let text = history_csv(&example::study());
        let lines: Vec<&str> = text.lines().take(3).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        stage,configuration,algorithm,hidden,feedback,learning_rate,seed,epoch,step,metric,value
        train,dfa-2x500-lr0.001,dfa,500-500,uniform<0.1>,0.001,1,1,25,loss/train,0.55
        train,dfa-2x500-lr0.001,dfa,500-500,uniform<0.1>,0.001,1,2,50,loss/train,0.275
        ");
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
            check_configuration(line, row);
            assert_eq!(line["best_of"], row.best_of.clone().unwrap_or_default());
            assert_eq!(line["is_baseline"], row.is_baseline.to_string());
            assert_eq!(line["metric"], study.reported.metric);
        }
    }

    #[test]
    fn every_trial_reads_back() {
        let study = example::study();
        let lines = read(&trials_csv(&study));
        assert_eq!(lines.len(), trials(&study).count());
        for (line, (row, trial)) in lines.iter().zip(trials(&study)) {
            check_configuration(line, row);
            assert_eq!(line["seed"], trial.seed.to_string());
            assert_eq!(line["step"], trial.epoch.map_or(String::new(), |epoch| (25 * epoch).to_string()));
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
        for (row, trial) in trials(&study) {
            for Series { metric, points } in &trial.series {
                for (epoch, value) in points {
                    let line = next.next().expect("a line for each value");
                    check_configuration(line, row);
                    assert_eq!(line["seed"], trial.seed.to_string());
                    assert_eq!(line["metric"], *metric);
                    assert_eq!(line["epoch"], epoch.to_string());
                    assert_eq!(line["step"], (25 * epoch).to_string());
                    check_number(line, "value", Some(*value));
                }
            }
        }
        assert!(next.next().is_none());
    }

    #[test]
    fn an_axis_with_a_text_is_a_column_of_texts() {
        let mut study = example::study();
        study.rows[0].configuration.axes[3].1 = Some(AxisValue::Text("from 0.1 to 0.001".into()));
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
