//! What can go wrong between finished trials and what is made of them.

use std::{io, path::PathBuf};

use store::StoreError;

use crate::export::ExportError;

/// A result that cannot be read or written. [`hint`](Self::hint) says the way out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The images of a dataset stage cannot be loaded.
    #[error("dataset `{stage}`: {source}")]
    Data { stage: String, source: Box<data::Error> },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A stored history or event file cannot be read or written.
    #[error("{}: {source}", path.display())]
    History { path: PathBuf, source: history::Error },
    /// A file system operation outside the store failed.
    #[error("cannot {action} {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
}

impl Error {
    /// Returns the way out, where the message does not say it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Data { source, .. } => Some(source.hint()),
            Self::Store(error) => error.hint(),
            Self::Export(error) => Some(error.hint()),
            Self::History { source, .. } => source.hint(),
            Self::Io { .. } => {
                Some("check that the folder can be written and that the disk is not full".into())
            }
        }
    }
}
