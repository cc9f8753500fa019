//! A run's results, as Markdown for people and as JSON for a later comparison.

use std::{fmt::Write as _, time::SystemTime};

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
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
#[derive(Serialize, Deserialize)]
pub struct Group {
    /// Identifies the work: two reports measured the same where titles are equal.
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
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Unit {
    /// Seconds per piece of work.
    Seconds,
    /// Seconds per training step of one trial in a population.
    SecondsPerTrialStep,
    Bytes,
}

/// The values of one contestant.
#[derive(Serialize, Deserialize)]
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

    /// Returns, for each entry that both reports have, its name and the ratio of its median to the older one.
    pub fn against(&self, older: &Self) -> Vec<(String, f64)> {
        let older = older.medians();
        let pairs = self.medians().into_iter().filter_map(|(name, median)| {
            let (_, before) = older.iter().find(|(other, _)| *other == name)?;
            Some((name, median / before))
        });
        pairs.collect()
    }

    fn medians(&self) -> Vec<(String, f64)> {
        let mut medians = Vec::new();
        for Group { title, entries, .. } in &self.groups {
            medians.extend(entries.iter().map(|entry| (format!("{title}: {}", entry.name), entry.median())));
        }
        medians
    }
}

/// Returns the present day and time in UTC, `2026-11-23 18:05`.
pub fn date() -> String {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    date_of(elapsed.map_or(0, |elapsed| elapsed.as_secs()))
}

/// Returns the day and time `seconds` after the beginning of 1970 (Hinnant, "chrono-compatible low-level date algorithms").
fn date_of(seconds: u64) -> String {
    // Days since 0000-03-01, in eras of 400 years, whose years begin in March.
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, (month + 2) % 12 + 1);
    let year = 400 * era + year + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60)
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

    #[test]
    fn a_comparison_has_the_entries_of_both_reports() {
        let (older, mut newer) = (report([[1.0; 3], [2.0; 3]]), report([[0.5; 3], [2.0; 3]]));
        newer.groups[0].entries[1].name = "a new one".into();
        assert_eq!(newer.against(&older), [("a step: ours".to_owned(), 0.5)]);
    }

    #[test]
    fn dates_follow_the_gregorian_calendar() {
        assert_eq!(date_of(0), "1970-01-01 00:00");
        assert_eq!(date_of(951_782_400 + 86_399), "2000-02-29 23:59");
        assert_eq!(date_of(1_795_370_700), "2026-11-22 18:05");
        assert_eq!(date_of(4_102_444_800 - 60), "2099-12-31 23:59");
    }
}
