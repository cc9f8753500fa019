//! What each command does.

pub mod data;
pub mod plan;
pub mod run;
pub mod tensorboard;
