//! A request for an export.

use settings::Axis;

/// The networks to export.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub choice: Choice,
    /// The Summarize stage whose trials are exported. By default, winners are those of the last stage, and finished trials are
    /// those of the whole pipeline.
    pub summary: Option<String>,
    /// The seeds to export; all if empty.
    pub seeds: Vec<u64>,
}

/// The configurations to export.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// Every trial that is finished.
    Finished,
    /// The winners, grouped by the summary's own axes.
    Best,
    /// The winners, one for each combination of values on these axes.
    BestPer(Vec<Axis>),
}
