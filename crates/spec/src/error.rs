//! The errors of reading a pipeline file.

use std::{io, path::PathBuf};

use crate::{overriding::OverrideError, problem::Problems};

/// A pipeline file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Problems, whose text holds the positions and hints.
    #[error(transparent)]
    File(#[from] Problems),
    #[error("--set {0}")]
    Override(#[from] OverrideError),
    #[error("cannot read {}", path.display())]
    Unreadable {
        path: PathBuf,
        source: io::Error,
        /// The pipeline file with the most similar name, if there is one.
        similar: Option<PathBuf>,
    },
}

impl Error {
    /// Returns what to do, unless the message says it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File(_) => None,
            Self::Override(error) => Some(error.hint.clone()),
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::InvalidData => {
                Some("a pipeline file is text in UTF-8: save it as such".into())
            }
            Self::Unreadable { similar: Some(similar), .. } => {
                Some(format!("did you mean {}?", similar.display()))
            }
            Self::Unreadable { .. } => Some("the pipelines of this project are in pipelines/".into()),
        }
    }
}
