//! The errors of a cluster's scheduler and of its file.

use std::{io, path::PathBuf};

use store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}:{problem}", path.display())]
    WrongFile { path: PathBuf, problem: String, hint: String },
    #[error("`{program}` is not on this machine")]
    Missing { program: String },
    /// A refusal, in the words of the scheduler.
    #[error("`{program}` refused: {message}")]
    Refused { program: String, message: String },
    /// No answer, or none that can be understood. It does not say whether the command took effect.
    #[error("`{program}` gave no answer: {reason}")]
    NoAnswer { program: String, reason: String },
    #[error("the round was stopped: {reason}")]
    Stopped { reason: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot {action} {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
}

impl Error {
    /// Returns what to do.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { .. } => "`cargo xtask init-cluster --to cluster.ron` writes an example".into(),
            Self::WrongFile { hint, .. } => hint.clone(),
            Self::Missing { .. } => {
                "run this command on a login node of the cluster, where Slurm's commands are on the PATH".into()
            }
            Self::Refused { .. } => {
                "nothing was lost: correct what Slurm names, in the cluster file or in Slurm's settings, and start the same command \
                 again"
                    .into()
            }
            Self::NoAnswer { .. } => "start the same command again: it finds jobs that were submitted".into(),
            Self::Stopped { .. } => "start the same command again when this is solved: finished trials are kept".into(),
            Self::Store(error) => return error.hint(),
            Self::Io { .. } => "check that the folder can be written and that the disk is not full".into(),
        })
    }

    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
