//! Errors of reading and writing histories and event files.

use std::{io, path::PathBuf};

use settings::Metric;

/// An error of this crate. [`Error::hint`] says how to solve it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A column of a table names no metric.
    #[error(transparent)]
    Metric(#[from] settings::UnknownMetric),

    /// An epoch does not come after those in the history; `last` is 0 when the history is empty.
    #[error("history: epoch {got} cannot follow epoch {last}, allowed: {} or later", last + 1)]
    EpochOrder { got: u32, last: u32 },

    #[error("history: epoch {epoch} has more than one value for `{metric}`, allowed: one")]
    RepeatedMetric { epoch: u32, metric: Metric },

    #[error("history: not a CSV table")]
    Csv(#[from] csv::Error),

    #[error("history: the last line does not end in a line break, so it may be cut short")]
    CsvTruncated,

    #[error("history: the first column is `{got}`, allowed: `epoch`")]
    CsvFirstColumn { got: String },

    /// A cell is not a number of the allowed kind; `line` counts from 1 (the header).
    #[error("history line {line}, column `{column}`: got `{got}`, allowed: {allowed}")]
    CsvCell { line: u64, column: String, got: String, allowed: &'static str },

    #[error("not an event file, or one that is cut short")]
    EventRecord,

    /// The system refused an action (`create`, `write`, ...) on an event file or its folder.
    #[error("cannot {action} {}", path.display())]
    EventFile { action: &'static str, path: PathBuf, source: io::Error },
}

impl Error {
    /// Returns a way to solve the problem, if there is one.
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
