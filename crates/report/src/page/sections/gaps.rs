//! What gave no result, and why.

use crate::{
    page::{
        best, number,
        table::{Column, table},
        text::{counted, escaped},
    },
    study::{End, Row, Study},
};

use super::Section;

/// Seeds of a configuration that ended in the same way.
struct Gap<'a> {
    row: &'a Row,
    kind: &'static str,
    reason: &'a str,
    seeds: Vec<u64>,
}

/// A table of them, by configuration.
pub fn section(study: &Study) -> Option<Section> {
    let gaps: Vec<Gap<'_>> = study.rows.iter().flat_map(gaps).collect();
    if gaps.is_empty() {
        return None;
    }
    let rows: Vec<String> = gaps.iter().map(|gap| row(study, gap)).collect();
    let columns =
        [Column::text("configuration"), Column::text("seeds"), Column::text("what"), Column::text("reason")];
    let body = format!("<p>{}</p>\n{}", escaped(&summary(study, &gaps)), table(&columns, &rows, false));
    Some(Section { anchor: "gaps", title: "What gave no result".to_owned(), body })
}

fn gaps(row: &Row) -> Vec<Gap<'_>> {
    let mut gaps: Vec<Gap<'_>> = Vec::new();
    for trial in &row.trials {
        let (kind, reason) = match &trial.end {
            End::Finished | End::Stopped => continue,
            End::Diverged(reason) => ("diverged", reason.as_str()),
            End::Failed(reason) => ("failed", reason.as_str()),
            End::Missing => ("missing", "not trained yet"),
        };
        match gaps.iter_mut().find(|gap| gap.kind == kind && gap.reason == reason) {
            Some(gap) => gap.seeds.push(trial.seed),
            None => gaps.push(Gap { row, kind, reason, seeds: vec![trial.seed] }),
        }
    }
    gaps
}

fn summary(study: &Study, gaps: &[Gap<'_>]) -> String {
    let of =
        |kind: &str| gaps.iter().filter(|gap| gap.kind == kind).map(|gap| gap.seeds.len()).sum::<usize>();
    let counts = ["diverged", "failed", "missing"].map(|kind| (of(kind), kind));
    let said = counts.iter().filter(|(count, _)| *count > 0);
    let said: Vec<String> = said.map(|(count, kind)| format!("{} {kind}", number::whole(*count))).collect();
    let trials: usize = study.rows.iter().map(|row| row.trials.len()).sum();
    format!("Of {}: {}.", counted(trials, "trial"), said.join(", "))
}

fn row(study: &Study, gap: &Gap<'_>) -> String {
    let seeds: Vec<String> = gap.seeds.iter().map(u64::to_string).collect();
    format!(
        "<tr><td class=\"name\">{}</td><td class=\"name\">{}</td><td>{}</td><td class=\"name\">{}</td></tr>\n",
        escaped(&best::name(study, gap.row)),
        seeds.join(", "),
        gap.kind,
        escaped(gap.reason)
    )
}
