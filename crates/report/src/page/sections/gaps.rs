//! Trials without a result, and the reasons.

use crate::{
    number,
    page::{
        best::Names,
        table::{Column, table},
        text::{counted, escaped},
    },
    study::{End, Row, Study},
};

/// Seeds of a configuration that ended in the same way.
struct Gap<'a> {
    row: &'a Row,
    outcome: &'static str,
    reason: &'a str,
    seeds: Vec<String>,
}

pub fn body(study: &Study) -> Option<String> {
    let gaps: Vec<Gap<'_>> = study.rows.iter().flat_map(gaps).collect();
    if gaps.is_empty() {
        return None;
    }
    let columns = ["configuration", "seeds", "outcome", "reason"].map(Column::text);
    let names = Names::of(&study.rows);
    let rows: Vec<String> = gaps.iter().map(|gap| row(&names, gap)).collect();
    Some(format!("<p>{}</p>\n{}", escaped(&summary(study, &gaps)), table(&columns, &rows)))
}

fn gaps(row: &Row) -> Vec<Gap<'_>> {
    let mut gaps: Vec<Gap<'_>> = Vec::new();
    for trial in &row.trials {
        let (outcome, reason) = match &trial.end {
            End::Finished | End::Stopped => continue,
            End::Diverged(reason) => ("diverged", reason.as_str()),
            End::Failed(reason) => ("failed", reason.as_str()),
            End::Missing => ("missing", "not trained yet"),
        };
        let seed = trial.seed.to_string();
        match gaps.iter_mut().find(|gap| gap.outcome == outcome && gap.reason == reason) {
            Some(gap) => gap.seeds.push(seed),
            None => gaps.push(Gap { row, outcome, reason, seeds: vec![seed] }),
        }
    }
    gaps
}

fn summary(study: &Study, gaps: &[Gap<'_>]) -> String {
    let counts: Vec<String> = ["diverged", "failed", "missing"]
        .into_iter()
        .map(|outcome| {
            let trials = gaps.iter().filter(|gap| gap.outcome == outcome).map(|gap| gap.seeds.len()).sum();
            (trials, outcome)
        })
        .filter(|(trials, _)| *trials > 0)
        .map(|(trials, outcome)| format!("{} {outcome}", number::whole(trials)))
        .collect();
    let trials: usize = study.rows.iter().map(|row| row.trials.len()).sum();
    format!("Of {}: {}.", counted(trials, "trial"), counts.join(", "))
}

fn row(names: &Names<'_>, gap: &Gap<'_>) -> String {
    format!(
        "<tr><td class=\"name\">{}</td><td class=\"name\">{}</td><td>{}</td><td class=\"name\">{}</td></tr>\n",
        escaped(&names.of_row(gap.row)),
        gap.seeds.join(", "),
        gap.outcome,
        escaped(gap.reason)
    )
}
