//! What each command does.

pub mod artifacts;
pub mod bench;
pub mod data;
pub mod plan;
pub mod run;
pub mod status;
pub mod tensorboard;
pub mod why;
