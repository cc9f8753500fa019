//! The errors of planning and running a pipeline.

use std::path::PathBuf;

use engine::DeviceError;
use store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{stage}`: a batch of {batch_size} needs more than the {examples} training examples")]
    BatchTooLarge { stage: String, batch_size: u32, examples: usize },
    #[error("`{stage}`: labels of {classes} classes leave none of an image's {pixels} values")]
    LabelTooLong { stage: String, classes: usize, pixels: usize },
    /// The image files are not those that the trials were planned with.
    #[error("`{stage}`: the image files changed while the run started")]
    ImagesChanged { stage: String },
    /// The run was interrupted while it loaded images or waited for another process.
    #[error("interrupted")]
    Interrupted,
    #[error("{path} is no state of this version of the program", path = path.display())]
    UnreadableState { path: PathBuf },
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Results(#[from] results::Error),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Results(error.into())
    }
}

impl Error {
    /// Returns advice on how to fix the problem, unless the message already contains it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::BatchTooLarge { examples, .. } => Some(format!(
                "use a `batch_size` of at most {examples}, or a larger `fraction` of the dataset"
            )),
            Self::LabelTooLong { .. } => {
                Some("give them inputs of their own: `forward_forward: [(label: Appended)]`".into())
            }
            Self::ImagesChanged { .. } => Some("start the run again".into()),
            Self::Interrupted | Self::UnreadableState { .. } => None,
            Self::Device(error) => Some(error.hint()),
            Self::Results(error) => error.hint(),
        }
    }
}
