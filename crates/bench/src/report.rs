//! What was measured, as Markdown for people and JSON for the next run.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::claims::{self, Claim};

/// All groups of a run, and where they were measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Day and time, UTC.
    pub date: String,
    /// Version and commit of the program.
    pub build: String,
    /// The GPU where one was used, the processor, and how many threads were used.
    pub machine: String,
    /// What was promised of the work, and what came of it.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// In the order of measurement.
    pub groups: Vec<Group>,
}

/// One piece of work, and everybody who did it in turn.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    /// Names the work; equal titles in two reports are the same work.
    pub title: String,
    /// Floating-point operations of its matrix products; absent where that means nothing.
    pub flops: Option<f64>,
    /// What is counted.
    pub unit: Unit,
    /// The first one is what the others are held against.
    pub entries: Vec<Entry>,
    /// What else there is to say, for example whether the losses agreed.
    pub notes: Vec<String>,
}

/// What a group's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Of time, for one piece of work.
    Seconds,
    /// Of time, for a step of one trial of a population.
    SecondsPerTrialStep,
    /// Of memory.
    Bytes,
}

/// One contestant of a group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Who.
    pub name: String,
    /// One per round; rounds of all entries belong together.
    pub values: Vec<f64>,
}

/// How a contestant's median changed from an older report.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Group and entry.
    pub name: String,
    /// Medians, old and new.
    pub medians: [f64; 2],
}

impl Entry {
    /// The middle one.
    #[must_use]
    pub fn median(&self) -> f64 {
        median(&self.values)
    }

    /// How many times as long as `other` this took: the median over the rounds.
    #[must_use]
    pub fn times(&self, other: &Self) -> f64 {
        median(&self.values.iter().zip(&other.values).map(|(ours, theirs)| ours / theirs).collect::<Vec<_>>())
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

impl Group {
    /// Of times, `[entries][rounds]`.
    #[must_use]
    pub(crate) fn new(title: String, flops: Option<f64>, names: Vec<String>, seconds: Vec<Vec<f64>>) -> Self {
        let entries = names.into_iter().zip(seconds).map(|(name, values)| Entry { name, values }).collect();
        Self { title, flops, unit: Unit::Seconds, entries, notes: Vec::new() }
    }

    /// A table with a heading.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = format!("### {}\n", self.title);
        if !self.entries.is_empty() {
            let _ = write!(text, "\n{}", self.table());
        }
        for note in &self.notes {
            let _ = write!(text, "\n{note}\n");
        }
        text
    }

    fn table(&self) -> String {
        let mut text = String::new();
        let steps = self.unit == Unit::SecondsPerTrialStep;
        let [head, rule] = if steps { [" trial-steps/s |", "---|"] } else { [""; 2] };
        let rate = if self.flops.is_some() { " GFLOP/s |" } else { "" };
        let _ = writeln!(text, "| | median | lowest to highest |{head}{rate} times the first |");
        let _ = writeln!(text, "|---|---|---|{rule}{}---|", if rate.is_empty() { "" } else { "---|" });
        for entry in &self.entries {
            let (median, first) = (entry.median(), &self.entries[0]);
            let lowest = entry.values.iter().copied().fold(f64::INFINITY, f64::min);
            let highest = entry.values.iter().copied().fold(0.0, f64::max);
            let rate = self.flops.map_or(String::new(), |flops| format!(" {:.1} |", flops / median / 1e9));
            let per_second = if steps { format!(" {:.0} |", 1.0 / median) } else { String::new() };
            let _ = writeln!(
                text,
                "| {} | {} | {} to {} |{per_second}{rate} {:.2} |",
                entry.name,
                self.unit.write(median),
                self.unit.write(lowest),
                self.unit.write(highest),
                entry.times(first),
            );
        }
        text
    }
}

impl Unit {
    /// `1.250 ms`, `3.2 MiB`.
    fn write(self, value: f64) -> String {
        match self {
            Self::SecondsPerTrialStep => format!("{:.2} µs", value * 1e6),
            Self::Seconds if value < 1e-3 => format!("{:.3} µs", value * 1e6),
            Self::Seconds if value < 1.0 => format!("{:.3} ms", value * 1e3),
            Self::Seconds => format!("{value:.2} s"),
            Self::Bytes => format!("{:.1} MiB", value / f64::from(1 << 20)),
        }
    }
}

impl Report {
    /// Everything, with the machine and the date above it.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = format!("Measured {} on {}, build {}.\n", self.date, self.machine, self.build);
        if !self.claims.is_empty() {
            let _ = write!(text, "\n{}", claims::table(&self.claims));
        }
        for group in &self.groups {
            let _ = write!(text, "\n{}", group.to_markdown());
        }
        text
    }

    /// What both reports measured.
    #[must_use]
    pub fn against(&self, old: &Self) -> Vec<Comparison> {
        let named = |report: &Self| -> Vec<(String, f64)> {
            let entries = report.groups.iter().flat_map(|group| {
                group.entries.iter().map(|entry| (format!("{}: {}", group.title, entry.name), entry.median()))
            });
            entries.collect()
        };
        let old = named(old);
        let pair = |(name, new): (String, f64)| {
            let (_, before) = old.iter().find(|(other, _)| *other == name)?;
            Some(Comparison { name, medians: [*before, new] })
        };
        named(self).into_iter().filter_map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(seconds: [[f64; 3]; 2]) -> Report {
        let names = vec!["ours".to_owned(), "theirs".to_owned()];
        let seconds = seconds.map(|seconds| seconds.to_vec()).to_vec();
        let group = Group::new("a step".into(), Some(2e9), names, seconds);
        Report {
            date: "today".into(),
            build: "b".into(),
            machine: "m".into(),
            claims: Vec::new(),
            groups: vec![group],
        }
    }

    #[test]
    fn ratios_are_medians_over_rounds_not_ratios_of_medians() {
        // Each round was twice as slow as the one before; theirs always took 1.5 times as long.
        let report = report([[0.001, 0.002, 0.004], [0.0015, 0.003, 0.006]]);
        insta::assert_snapshot!(report.to_markdown(), @r"
        Measured today on m, build b.

        ### a step

        | | median | lowest to highest | GFLOP/s | times the first |
        |---|---|---|---|---|
        | ours | 2.000 ms | 1.000 ms to 4.000 ms | 1000.0 | 1.00 |
        | theirs | 3.000 ms | 1.500 ms to 6.000 ms | 666.7 | 1.50 |
        ");
    }

    #[test]
    fn a_comparison_pairs_what_both_reports_have() {
        let (old, mut new) = (report([[1.0; 3], [2.0; 3]]), report([[0.5; 3], [2.0; 3]]));
        new.groups[0].entries[1].name = "somebody new".into();
        let expected = Comparison { name: "a step: ours".into(), medians: [1.0, 0.5] };
        assert_eq!(new.against(&old), [expected]);
    }
}
