//! What can go wrong between a pipeline file and its results.

use std::path::PathBuf;

use engine::DeviceError;
use store::StoreError;

/// A pipeline that could not be planned or run. [`hint`](Self::hint) says the way out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{stage}`: batches of {batch_size} cannot be made of {examples} training examples")]
    BatchTooLarge { stage: String, batch_size: u32, examples: usize },
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Results(#[from] results::Error),
    /// Another process stored another result under the same key.
    #[error("{} holds a different result of the same settings", path.display())]
    NotReproduced { path: PathBuf },
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Results(error.into())
    }
}

impl Error {
    /// Returns the way out, where the message does not say it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::BatchTooLarge { examples, .. } => Some(format!(
                "take a `batch_size` of at most {examples}, or a larger `fraction` of the dataset"
            )),
            Self::Device(error) => Some(error.hint()),
            Self::Results(error) => error.hint(),
            Self::NotReproduced { .. } => Some(
                "equal settings must give equal numbers: did two builds with other arithmetic share a store?"
                    .into(),
            ),
        }
    }
}
