//! Which tables, reports and files are made from finished trials?
//!
//! [`trial`] derives the key of a trial's result and reads the result. [`summary`] ranks and compares configurations, [`mean`]
//! averages over seeds, [`board`] describes a pipeline for TensorBoard, [`run_tree`] gives results readable names, and
//! [`export`] writes networks for other programs.

pub mod board;
pub mod dataset_artifact;
pub mod description;
mod error;
pub mod export;
pub mod hyperparameters;
pub mod known_images;
pub mod mean;
pub mod reason;
pub mod run_tree;
pub mod summary;
pub mod trial;

pub use error::Error;
pub use trial::NUMERICS_REVISION;
