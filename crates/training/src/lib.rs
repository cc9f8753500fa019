//! How does a population learn?
//!
//! The one training loop: [`train`] takes a [`Population`] of equal-shaped trials through its epochs and reports to an
//! [`Observer`], which decides after each epoch whether a trial continues. The loop names no algorithm, dataset or tracker.
//! Trackers measure it and change nothing.

mod batches;
mod clip;
mod epoch;
mod memory;
mod observer;
mod population;
mod run;
mod step;
mod tracker_set;
mod train_state;

pub use algorithms::Batch;
pub use memory::MemoryNeed;
pub use observer::{Observer, Verdict};
pub use population::{Population, architecture, squash, wiring};
pub use run::{Ended, Start, train};
pub use step::{Step, StepOutcome};
pub use tracker_set::{Measured, TrackerSet};
pub use train_state::TrainState;
