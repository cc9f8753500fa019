//! How does a population learn?
//!
//! The one training loop: [`train`] takes a [`Population`] of equal-shaped trials through its epochs and tells an
//! [`Observer`] what happened. It names no algorithm, no dataset and no tracker, and it decides nothing about a
//! trial: whether a trial goes on after an epoch is the observer's word. Trackers look at it and change nothing.

mod batches;
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
pub use population::{Population, architecture, squash};
pub use run::{Ended, Start, train};
pub use step::{Step, StepIndex, StepOutcome};
pub use tracker_set::{Seen, TrackerSet};
pub use train_state::TrainState;
