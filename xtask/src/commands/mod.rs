//! What each command does.

pub mod bench;
pub mod data;
pub mod plan;
pub mod run;
pub mod tensorboard;
