//! What does a pipeline file ask for?
//!
//! [`Pipeline::read`] reads a file and checks it. All problems of a file are reported together, with line and column.
//! Behind it, values are trusted. [`template`] writes a first file for a dataset.

mod checkpoint_rule;
mod error;
mod file;
mod stages;
pub mod template;

pub use checkpoint_rule::{CheckpointRule, Interval};
pub use error::Error;
pub use file::{
    Asked, Override, OverrideError, Pipeline, Position, Problem, Problems, did_you_mean, write_new,
};
pub use stages::{DIVERGENCE_FACTOR, Dataset, EpochRule, Expectation, Grid, Points, Stage, Summarize, Train};
