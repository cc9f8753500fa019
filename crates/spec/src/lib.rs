//! Pipeline files: reading, checking, and a template for new ones.
//!
//! [`Pipeline::read`] reads a file and checks it. All problems of a file are reported together, with line and column.
//! The values of a [`Pipeline`] are checked and need no further checks. [`template`] writes a first file for a dataset.

mod brackets;
mod checkpoint_rule;
mod document;
mod error;
mod fields;
mod overriding;
mod pipeline;
mod problem;
mod published;
mod run_name;
mod scope;
mod stage;
mod stages;
pub mod template;

pub use checkpoint_rule::{CheckpointRule, Interval};
pub use error::Error;
pub use overriding::{Changed, Override, OverrideError};
pub use pipeline::{Asked, Pipeline};
pub use problem::{Position, Problem, Problems, did_you_mean};
pub use published::own_file as own_published_file;
pub use stage::{
    Dataset, EpochRule, Expectation, Expected, ExpectedTable, Grid, KeptWeights, Points, Publication, Search,
    SearchMethod, Stage, Summarize, Train,
};
pub use stages::DIVERGENCE_FACTOR;
