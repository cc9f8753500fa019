//! How does a population learn?
//!
//! The one training loop: [`train`] takes a [`Population`] of equal-shaped trials through its epochs and tells an
//! [`Observer`] what happened. It names no algorithm, no dataset and no tracker, and it decides nothing about a
//! trial: whether a trial goes on after an epoch is the observer's word.

mod batches;
mod epoch;
mod observer;
mod population;
mod run;
mod step;
mod student;

pub use observer::{Observer, Verdict};
pub use population::{FirstWeights, Population, TrialSettings};
pub use run::{Ended, train};
pub use step::{Batch, Moment, Step, StepOutcome};
pub use student::Student;
