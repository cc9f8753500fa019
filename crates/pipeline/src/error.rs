//! What can go wrong between a pipeline file and its results.

use std::{io, path::PathBuf};

use engine::DeviceError;

use crate::{
    export::ExportError,
    file::{OverrideError, Problems},
    store::StoreError,
};

/// Why a pipeline could not be planned or run. [`hint`](Self::hint) says the way out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is wrong; the text holds positions and hints itself.
    #[error(transparent)]
    File(#[from] Problems),
    /// The command line changes a field that is not there.
    #[error("--set {0}")]
    Override(#[from] OverrideError),
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The pipeline file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that was to be new is there.
    #[error("{} is there already, and is never overwritten", path.display())]
    IsThere {
        /// The pipeline file.
        path: PathBuf,
    },
    /// The images cannot be had.
    #[error("dataset `{stage}`: {source}")]
    Data {
        /// Name of the dataset's stage.
        stage: String,
        /// What is wrong with them.
        source: Box<data::Error>,
    },
    /// A batch is larger than the training set.
    #[error("`{stage}`: batches of {batch_size} cannot be made of {examples} training examples")]
    BatchTooLarge {
        /// Name of the train stage.
        stage: String,
        /// As asked for.
        batch_size: u32,
        /// As there are.
        examples: usize,
    },
    /// The store of results cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing can be chosen to be exported.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A history that was stored cannot be read.
    #[error("{}: {source}", path.display())]
    History {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: tracker::Error,
    },
    /// Somebody else stored another result under the same key.
    #[error("{} holds a different result of the same settings", path.display())]
    NotReproduced {
        /// The result that is stored.
        path: PathBuf,
    },
    /// A file system operation outside the store failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// The way out, where the message does not say it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File(_) => None,
            Self::Override(error) => Some(error.hint.clone()),
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::InvalidData => {
                Some("a pipeline file is text in UTF-8: save it as such".into())
            }
            Self::Unreadable { .. } => Some("the pipelines of this project lie in pipelines/".into()),
            Self::IsThere { .. } => Some("name another file by `--to FILE`, or move this one away".into()),
            Self::Data { source, .. } => Some(source.hint()),
            Self::BatchTooLarge { examples, .. } => Some(format!(
                "take a `batch_size` of at most {examples}, or a larger `fraction` of the dataset"
            )),
            Self::Store(error) => error.hint(),
            Self::Export(error) => Some(error.hint()),
            Self::Device(error) => Some(error.hint()),
            Self::History { source, .. } => source.hint(),
            Self::NotReproduced { .. } => Some(
                "equal settings must give equal numbers: did two builds with other arithmetic share a store?"
                    .into(),
            ),
            Self::Io { .. } => {
                Some("check that the folder can be written and that the disk is not full".into())
            }
        }
    }
}
