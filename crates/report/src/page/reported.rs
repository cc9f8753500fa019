//! The reported quantity of a configuration, as charts take it.

use statistics::Interval;

use crate::study::{Row, Study};

/// Its mean, where every seed has a value: a mean over survivors is no rival.
pub fn complete_mean(row: &Row) -> Option<f64> {
    let mean = row.value.as_ref()?.mean;
    (row.rank.is_some() && mean.is_finite()).then_some(mean)
}

/// The 95 % interval of its mean.
pub fn interval(row: &Row) -> Option<Interval> {
    row.value?.interval
}

/// The title of its axis.
pub fn axis_title(study: &Study) -> &'static str {
    match study.reported.metric.split('/').next() {
        Some("error_rate") => "error rate (%)",
        Some("loss") => "loss",
        _ => "value",
    }
}
