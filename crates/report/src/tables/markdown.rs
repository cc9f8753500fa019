//! The ranked table in Markdown, aligned to be read as plain text, too.

use std::{borrow::Cow, fmt::Write};

use statistics::Description;

use crate::study::{Criterion, Expectation, Row, Study, Verdict, Versus};

/// What is reported, the ranked table, the notes, and the published values if there are any.
#[must_use]
pub fn markdown(study: &Study) -> String {
    let mut text = introduction(study);
    text.push_str("\n\n");
    text.push_str(&align(&ranking(study)));
    for note in &study.notes {
        let _ = write!(text, "\n{note}\n");
    }
    if !study.expectations.is_empty() {
        text.push_str("\nPublished values beside ours, the mean over seeds:\n\n");
        text.push_str(&align(&expectations(study)));
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
        text.push_str(
            " Against the baseline: mean difference over common seeds [its 95 % confidence interval by Student's t], \
             p of the paired t test after Holm's correction.",
        );
    }
    text
}

fn ranking(study: &Study) -> Vec<Vec<String>> {
    let test = study.test_criterion();
    let mut header = vec!["rank".into(), "configuration".into(), "n".into(), heading(&study.reported)];
    header.extend(study.ranked_by.as_ref().map(heading));
    header.extend(test.as_ref().map(heading));
    header.extend(study.has_comparisons().then(|| "against baseline".into()));
    header.extend(["epochs".into(), "remark".into()]);
    let line = |row: &Row| {
        let mut line = vec![
            row.rank.map_or("-".into(), |rank| rank.to_string()),
            escape(&study.label(row)).into_owned(),
            row.count_of_seeds(),
            spread(row.value, &study.reported),
        ];
        line.extend(study.ranked_by.as_ref().map(|criterion| spread(row.ranked_by, criterion)));
        line.extend(test.as_ref().map(|criterion| spread(row.test, criterion)));
        line.extend(study.has_comparisons().then(|| difference(row.versus, &study.reported)));
        line.extend([epochs(row), remark(row)]);
        line
    };
    std::iter::once(header).chain(study.rows.iter().map(line)).collect()
}

/// `error_rate/validation %`.
fn heading(criterion: &Criterion) -> String {
    format!("{}{}", criterion.metric, criterion.unit())
}

/// `5.50 ± 0.75`.
fn spread(description: Option<Description>, criterion: &Criterion) -> String {
    let decimals = criterion.decimals();
    match description {
        Some(Description { mean, deviation: Some(deviation), .. }) => {
            format!("{mean:.decimals$} ± {deviation:.decimals$}")
        }
        Some(Description { mean, deviation: None, .. }) => format!("{mean:.decimals$}"),
        None => "-".into(),
    }
}

/// `+1.23 [0.80, 1.66] p=0.004`.
fn difference(versus: Option<Versus>, criterion: &Criterion) -> String {
    let Some(Versus { comparison, corrected }) = versus else { return "-".into() };
    let decimals = criterion.decimals();
    let mut text = format!("{:+.decimals$}", comparison.difference);
    if let Some(interval) = comparison.interval {
        let _ = write!(text, " [{:.decimals$}, {:.decimals$}]", interval.low, interval.high);
    }
    let p = corrected.map(|p| if p < 0.001 { " p<0.001".into() } else { format!(" p={p:.3}") });
    text.push_str(&p.unwrap_or_default());
    text
}

fn epochs(row: &Row) -> String {
    row.mean_epochs().map_or("-".into(), |epochs| {
        let decimals = if epochs.fract() == 0.0 { 0 } else { 1 };
        format!("{epochs:.decimals$}")
    })
}

fn remark(row: &Row) -> String {
    let mut remarks = Vec::new();
    remarks.extend(row.best_of.as_ref().map(|group| format!("best {}", escape(group))));
    remarks.extend(row.is_baseline.then(|| "baseline".into()));
    for (count, what) in [(row.diverged, "diverged"), (row.failed, "failed"), (row.missing, "missing")] {
        remarks.extend((count > 0).then(|| format!("{count} {what}")));
    }
    remarks.join("; ")
}

fn expectations(study: &Study) -> Vec<Vec<String>> {
    let header = ["of", "published ± tolerance", "ours", "verdict", "source"].map(String::from).to_vec();
    let decimals = study.reported.decimals();
    let line = |expectation: &Expectation| {
        let verdict = match expectation.verdict {
            Verdict::Pass => "PASS",
            Verdict::Fail => "FAIL",
            Verdict::NotRun => "NOT RUN",
        };
        vec![
            escape(&expectation.of).into_owned(),
            format!("{} ± {}", expectation.published, expectation.tolerance),
            expectation.ours.map_or("-".into(), |ours| format!("{ours:.decimals$}")),
            verdict.into(),
            escape(&expectation.source).into_owned(),
        ]
    };
    std::iter::once(header).chain(study.expectations.iter().map(line)).collect()
}

/// What would end a cell or begin a tag, an entity or an emphasis gets a backslash; what reads as it is stays as it is.
fn escape(text: &str) -> Cow<'_, str> {
    let is_special = |c: char| matches!(c, '|' | '<' | '&' | '*' | '_' | '`' | '~' | '\\' | '\n' | '\r');
    if !text.contains(is_special) {
        return Cow::Borrowed(text);
    }
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
    Cow::Owned(escaped)
}

fn align(lines: &[Vec<String>]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(text, "| {cell}{} ", " ".repeat(width - cell.chars().count()));
        }
        text.push_str("|\n");
        if index == 0 {
            for width in &widths {
                let _ = write!(text, "|{}", "-".repeat(width + 2));
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    #[test]
    fn a_study_is_a_ranked_table_with_notes_and_published_values() {
        insta::assert_snapshot!(markdown(&example::study()), @r"
        `error_rate/validation` of train, best epoch by loss/validation; mean ± sample standard deviation over seeds, smaller is better. Ranked by `loss/validation`, best epoch. Against the baseline: mean difference over common seeds [its 95 % confidence interval by Student's t], p of the paired t test after Holm's correction.

        | rank | configuration                   | n   | error_rate/validation % | loss/validation | error_rate/test % | against baseline             | epochs | remark                  |
        |------|---------------------------------|-----|-------------------------|-----------------|-------------------|------------------------------|--------|-------------------------|
        | 1    | dfa 2x500 lr0.001 uniform\<0.1> | 3   | 5.58 ± 0.38             | 0.1861 ± 0.0127 | 5.68 ± 0.38       | -0.75 [-1.06, -0.44] p=0.018 | 4      | best dfa                |
        | 2    | backprop 2x500 lr0.001          | 3   | 6.33 ± 0.26             | 0.2111 ± 0.0087 | 6.43 ± 0.26       | -                            | 4      | best backprop; baseline |
        | -    | dfa 2x500 lr0.1 a\|b & c_d      | 2/3 | 7.38 ± 0.53             | 0.2458 ± 0.0177 | 7.47 ± 0.53       | +1.19 [-4.37, 6.75] p=0.225  | 3.3    | 1 diverged              |
        | -    | backprop 2x500 lr1e-10          | 1/3 | 88.00                   | 2.9333          | 88.10             | +81.75                       | 4      | 1 failed; 1 missing     |

        The dataset has no holdout: `validation` is the official test split.

        Published values beside ours, the mean over seeds:

        | of                 | published ± tolerance | ours | verdict | source                                          |
        |--------------------|-----------------------|------|---------|-------------------------------------------------|
        | dfa 2x500          | 5.5 ± 0.25            | 5.58 | PASS    | Nøkland 2016, arXiv:1609.01596, table 1 \| p. 6 |
        | backprop\_\* 2x500 | 1.25 ± 0.25           | 6.33 | FAIL    | Nøkland 2016, arXiv:1609.01596, table 1 \| p. 6 |
        | drtp               | 9 ± 0.25              | -    | NOT RUN | Nøkland 2016, arXiv:1609.01596, table 1 \| p. 6 |
        ");
    }

    #[test]
    fn columns_of_what_was_not_asked_for_are_left_out() {
        let mut study = example::study();
        (study.ranked_by, study.test_metric) = (None, None);
        study.notes.clear();
        study.expectations.clear();
        for row in &mut study.rows {
            row.versus = None;
        }
        study.rows[0].stage = "first|stage".into();
        insta::assert_snapshot!(markdown(&study), @r"
        `error_rate/validation` of first\|stage, train, best epoch by loss/validation; mean ± sample standard deviation over seeds, smaller is better.

        | rank | configuration                                 | n   | error_rate/validation % | epochs | remark                  |
        |------|-----------------------------------------------|-----|-------------------------|--------|-------------------------|
        | 1    | first\|stage: dfa 2x500 lr0.001 uniform\<0.1> | 3   | 5.58 ± 0.38             | 4      | best dfa                |
        | 2    | train: backprop 2x500 lr0.001                 | 3   | 6.33 ± 0.26             | 4      | best backprop; baseline |
        | -    | train: dfa 2x500 lr0.1 a\|b & c_d             | 2/3 | 7.38 ± 0.53             | 3.3    | 1 diverged              |
        | -    | train: backprop 2x500 lr1e-10                 | 1/3 | 88.00                   | 4      | 1 failed; 1 missing     |
        ");
    }

    #[test]
    fn a_study_of_nothing_is_a_header() {
        let study = Study { rows: Vec::new(), ..example::study() };
        assert!(markdown(&study).contains("| rank | configuration |"));
    }

    #[test]
    fn every_line_of_a_table_is_equally_wide() {
        let text = markdown(&example::study());
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        let (ranking, expectations) = lines.split_at(6);
        for table in [ranking, expectations] {
            let widths: Vec<usize> = table.iter().map(|line| line.chars().count()).collect();
            assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}");
        }
    }

    #[test]
    fn a_cell_stays_a_cell() {
        assert_eq!(escape("batch_size 5 & 6"), "batch_size 5 & 6");
        assert_eq!(escape("a|b <i> R&D; *_x_ `c` \\ \n"), "a\\|b \\<i> R\\&D; \\*\\_x\\_ \\`c\\` \\\\  ");
    }
}
