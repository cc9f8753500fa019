//! What do finished trials amount to, for people and programs?
//!
//! [`trial`] names a trial's result and reads it. [`summary`] ranks and compares configurations, [`mean`] averages over seeds,
//! [`board`] shows a pipeline in TensorBoard, [`run_tree`] gives results readable names, and [`export`] writes networks for
//! other programs.

pub mod board;
pub mod dataset_artifact;
pub mod description;
mod error;
pub mod export;
pub mod hyperparameters;
pub mod mean;
pub mod run_tree;
pub mod summary;
pub mod trial;

pub use error::Error;
pub use trial::NUMERICS_REVISION;
