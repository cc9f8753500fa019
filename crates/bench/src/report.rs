//! A run's results, as Markdown.

use std::{fmt::Write as _, process::Command};

use anyhow::{Context, ensure};

pub struct Report {
    /// Day and time in UTC, `2026-11-23 18:05`.
    pub date: String,
    /// Version and commit of the program.
    pub build: String,
    /// The GPU if one was used, the processor, and the threads in use.
    pub machine: String,
    pub groups: Vec<Group>,
}

/// One piece of work, and the contestants that did it in turn.
pub struct Group {
    pub title: String,
    /// Floating-point operations of the work's matrix products, if it has a number of them.
    pub flops: Option<f64>,
    pub unit: Unit,
    /// The first entry is the reference of the column "times the first".
    pub entries: Vec<Entry>,
    /// Further sentences, for example on whether losses agree.
    pub notes: Vec<String>,
}

/// The unit of a group's values.
#[derive(Clone, Copy, PartialEq)]
pub enum Unit {
    /// Seconds per piece of work.
    Seconds,
    /// Seconds per training step of one trial in a population.
    SecondsPerTrialStep,
    Bytes,
}

/// The values of one contestant.
pub struct Entry {
    pub name: String,
    /// One value per round; rounds of a group's entries belong together.
    pub values: Vec<f64>,
}

impl Entry {
    pub fn median(&self) -> f64 {
        median(&self.values)
    }

    /// Returns the median over the rounds of the ratio to `other`.
    fn times(&self, other: &Self) -> f64 {
        median(&self.values.iter().zip(&other.values).map(|(ours, theirs)| ours / theirs).collect::<Vec<_>>())
    }
}

pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

impl Group {
    /// Returns a group of times in seconds.
    pub fn new(title: String, entries: Vec<Entry>) -> Self {
        Self { title, flops: None, unit: Unit::Seconds, entries, notes: Vec::new() }
    }

    fn to_markdown(&self) -> String {
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
        let mut columns = vec!["median", "lowest to highest"];
        if self.unit == Unit::SecondsPerTrialStep {
            columns.push("trial-steps/s");
        }
        if self.flops.is_some() {
            columns.push("GFLOP/s");
        }
        columns.push("times the first");
        let mut text = format!("| | {} |\n|---|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
        for entry in &self.entries {
            let _ = writeln!(text, "| {} | {} |", entry.name, self.cells(entry).join(" | "));
        }
        text
    }

    fn cells(&self, entry: &Entry) -> Vec<String> {
        let median = entry.median();
        let lowest = entry.values.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = entry.values.iter().copied().fold(0.0, f64::max);
        let [lowest, highest] = [lowest, highest].map(|value| self.unit.write(value));
        let mut cells = vec![self.unit.write(median), format!("{lowest} to {highest}")];
        if self.unit == Unit::SecondsPerTrialStep {
            cells.push(format!("{:.0}", 1.0 / median));
        }
        cells.extend(self.flops.map(|flops| format!("{:.1}", flops / median / 1e9)));
        cells.push(format!("{:.2}", entry.times(&self.entries[0])));
        cells
    }
}

impl Unit {
    /// Returns a text like `1.250 ms` or `3.2 MiB`.
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
    pub fn to_markdown(&self) -> String {
        let mut text = format!("Measured {} on {}, build {}.\n", self.date, self.machine, self.build);
        for group in &self.groups {
            let _ = write!(text, "\n{}", group.to_markdown());
        }
        text
    }
}

/// Returns the present day and time in UTC, `2026-11-23 18:05`.
pub fn date() -> anyhow::Result<String> {
    let output =
        Command::new("date").args(["-u", "+%Y-%m-%d %H:%M"]).output().context("cannot start `date`")?;
    ensure!(output.status.success(), "`date` failed");
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(seconds: [[f64; 3]; 2]) -> Report {
        let entries = ["ours", "theirs"].into_iter().zip(seconds);
        let entries = entries.map(|(name, values)| Entry { name: name.into(), values: values.to_vec() });
        let group = Group { flops: Some(2e9), ..Group::new("a step".into(), entries.collect()) };
        Report { date: "today".into(), build: "b".into(), machine: "m".into(), groups: vec![group] }
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
}
