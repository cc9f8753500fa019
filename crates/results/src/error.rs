//! The errors of reading, summarizing and exporting results.

use std::{io, path::PathBuf};

use spec::did_you_mean;
use store::StoreError;

/// A result that cannot be read, summarized or exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The images of a dataset stage cannot be loaded.
    #[error("dataset `{stage}`: {source}")]
    Data { stage: String, source: Box<data::Error> },
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored history or event file cannot be read or written.
    #[error("{}: {source}", path.display())]
    History { path: PathBuf, source: history::Error },
    /// A file system operation outside the store failed.
    #[error("cannot {action} {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// Winners were requested from a pipeline that ranks nothing.
    #[error("`{pipeline}` has no Summarize stage, whose winners could be exported")]
    NoSummary { pipeline: String },
    /// A summary was requested by a name that no Summarize stage has.
    #[error("`{pipeline}` has no Summarize stage `{name}`")]
    UnknownSummary { pipeline: String, name: String, known: Vec<String> },
    /// The winners of a summary were requested before its trials are known.
    #[error(
        "the trials of `{summary}` are not known yet: those that choose the configurations of `{stage}` are not finished"
    )]
    SummaryWaits { summary: String, stage: String },
    /// The export folder has an `index.json` that another program or another version wrote.
    #[error("{} is not an index that this build can add to: {reason}", path.display())]
    ForeignIndex { path: PathBuf, reason: String },
}

impl Error {
    /// Returns advice on how to fix the problem, unless the message already contains it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Data { source, .. } => Some(source.hint()),
            Self::Store(error) => error.hint(),
            Self::History { source, .. } => source.hint(),
            Self::Io { .. } => {
                Some("check that the folder can be written and that the disk is not full".into())
            }
            Self::NoSummary { .. } => Some(
                "add a Summarize stage, or leave out `--best`: every finished trial is exported then".into(),
            ),
            Self::UnknownSummary { name, known, .. } => Some(did_you_mean(name, known)),
            Self::SummaryWaits { .. } => Some(
                "run the pipeline to its end, or take the winners of an earlier stage: `--summary STAGE`"
                    .into(),
            ),
            Self::ForeignIndex { .. } => Some("export to another folder, or move the file away".into()),
        }
    }
}
