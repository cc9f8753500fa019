//! What can go wrong while tracking.

use std::{io, path::PathBuf};

use settings::Metric;

/// A failure of this crate. The message says what failed and on what; [`Error::hint`] says the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A column of a table that names no metric.
    #[error(transparent)]
    Metric(#[from] settings::MetricError),

    /// An epoch that does not come after the ones already in the history.
    #[error("history: epoch {got} cannot follow epoch {last}, allowed: {} or later", last + 1)]
    EpochOrder {
        /// The epoch that was pushed.
        got: u32,
        /// The last epoch of the history; 0 when it is empty.
        last: u32,
    },

    /// Two values for one metric in one epoch.
    #[error("history: epoch {epoch} has more than one value for `{metric}`, allowed: one")]
    RepeatedMetric {
        /// The epoch that was pushed.
        epoch: u32,
        /// The metric that occurs twice.
        metric: Metric,
    },

    /// A text that is not a CSV table.
    #[error("history: not a CSV table")]
    Csv(#[from] csv::Error),

    /// A text whose last line was cut.
    #[error("history: the last line does not end in a line break, so it may be cut short")]
    CsvTruncated,

    /// A table whose first column is another one.
    #[error("history: the first column is `{got}`, allowed: `epoch`")]
    CsvFirstColumn {
        /// The name in the table's first cell.
        got: String,
    },

    /// A cell that is not a number of the allowed kind.
    #[error("history line {line}, column `{column}`: got `{got}`, allowed: {allowed}")]
    CsvCell {
        /// Line in the text, from 1 (the header).
        line: u64,
        /// The column's name.
        column: String,
        /// The cell's text.
        got: String,
        /// What may stand there.
        allowed: &'static str,
    },

    /// Bytes that are no records of an event file.
    #[error("not an event file, or one that is cut short")]
    EventRecord,

    /// An operation on an event file or its folder that the system refused.
    #[error("cannot {action} {}", path.display())]
    EventFile {
        /// What was tried: `create`, `write`, ...
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    /// The way out, where there is one to name.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Metric(error) => Some(error.hint()),
            Self::EpochOrder { .. } | Self::RepeatedMetric { .. } => None,
            Self::EventRecord
            | Self::Csv(_)
            | Self::CsvTruncated
            | Self::CsvFirstColumn { .. }
            | Self::CsvCell { .. } => {
                Some("the file was damaged or edited; delete the trial's result and run it again".to_owned())
            }
            Self::EventFile { .. } => {
                Some("check that the folder can be written and that the disk is not full".to_owned())
            }
        }
    }
}
