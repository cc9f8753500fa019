//! How does a cluster's scheduler train a study?
//!
//! [`drive`] submits equal workers as one job array, waits while they are in the queue, and submits another round while trials
//! are missing. What is missing is asked of the [`Study`], which looks into the store: the scheduler's answers only decide
//! whether to wait. So nothing is lost if a command fails, hangs or is killed.

mod command;
mod drive;
mod error;
mod folder;
mod script;
mod settings;
mod slurm;

pub use drive::{Driver, End, Event, Progress, Study};
pub use error::Error;
pub use folder::Folder;
pub use script::Worker;
pub use settings::{EXAMPLE, Settings};
pub use slurm::{Job, JobId, Slurm};
