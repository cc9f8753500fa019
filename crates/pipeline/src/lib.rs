//! Which results does a pipeline file ask for, and which of them are already there?
//!
//! [`file`] reads and checks the text, [`plan`] holds it against the [`store`], [`run`] does what is missing.

mod board;
pub mod checkpoint;
mod dataset_artifact;
pub mod description;
mod error;
mod estimate;
pub mod executors;
pub mod export;
pub mod file;
mod grouping;
mod images;
mod mean;
mod memory;
pub mod panics;
pub mod plan;
pub mod progress;
mod record;
pub mod run;
pub mod run_tree;
mod running;
mod shared_work;
pub mod stages;
pub mod store;
pub mod summary;
pub mod template;
pub mod trial;

pub use error::Error;
pub use estimate::{Estimate, TimedStep, steps_of_an_epoch};
pub use trial::NUMERICS_REVISION;
