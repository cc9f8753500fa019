//! Why nothing could be chosen to be exported.

use std::path::PathBuf;

use spec::did_you_mean;

/// Why a choice of networks means nothing. [`hint`](Self::hint) says the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// There are no winners, because nothing is ranked.
    #[error("`{pipeline}` has no Summarize stage, whose winners could be exported")]
    NoSummary {
        /// Name of the pipeline.
        pipeline: String,
    },
    /// There is no such stage.
    #[error("`{pipeline}` has no Summarize stage `{name}`")]
    UnknownSummary {
        /// Name of the pipeline.
        pipeline: String,
        /// As asked for.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// Its trials are not chosen themselves.
    #[error(
        "the trials of `{summary}` are not known yet: those that choose the configurations of `{stage}` are not finished"
    )]
    Waiting {
        /// Name of the summary.
        summary: String,
        /// Name of its train stage.
        stage: String,
    },
    /// A file that is no index of ours stands where the index would be.
    #[error("{} is not an index that this build can add to: {reason}", path.display())]
    ForeignIndex {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl ExportError {
    /// The way out.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoSummary { .. } => {
                "add a Summarize stage, or leave out `--best`: every finished trial is exported then".into()
            }
            Self::UnknownSummary { name, known, .. } => did_you_mean(name, known),
            Self::Waiting { .. } => {
                "run the pipeline to its end, or take the winners of an earlier stage: `--summary STAGE`"
                    .into()
            }
            Self::ForeignIndex { .. } => "export to another folder, or move the file away".into(),
        }
    }
}
