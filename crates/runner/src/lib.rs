//! Which results of a pipeline are missing, and how do they get done?
//!
//! [`plan`] looks up in the store what is done, [`run`] does what is missing. Both take a [`Context`]: the store, the data
//! directory and the device.

mod beginning;
mod checkpoint;
mod context;
mod error;
mod estimate;
mod export;
mod grouping;
mod images;
mod memory;
pub mod panics;
pub mod plan;
pub mod progress;
mod record;
pub mod run;
mod shared_work;
mod stage_run;
mod workers;

pub use checkpoint::saved_epochs;
pub use context::Context;
pub use error::Error;
pub use estimate::{Estimate, TimedStep, estimate, estimate_most, steps_of_an_epoch};
pub use export::export;
