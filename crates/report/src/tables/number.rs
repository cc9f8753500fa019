//! Numbers as Markdown and LaTeX both show them.

use std::fmt::Write;

use statistics::{Comparison, Description};

/// Returns `5.50 ± 0.75`, or the mean alone if it is over a single seed.
pub(super) fn mean_and_deviation(description: &Description, decimals: usize, plus_minus: &str) -> String {
    let mut text = format!("{:.decimals$}", description.mean);
    if let Some(deviation) = description.deviation {
        let _ = write!(text, "{plus_minus}{deviation:.decimals$}");
    }
    text
}

/// Returns `+1.23 [0.80, 1.66]`, or the difference alone if there is no interval.
pub(super) fn difference(comparison: &Comparison, decimals: usize, space: &str) -> String {
    let mut text = format!("{:+.decimals$}", comparison.difference);
    if let Some(interval) = comparison.interval {
        let _ = write!(text, "{space}[{:.decimals$}, {:.decimals$}]", interval.low, interval.high);
    }
    text
}
