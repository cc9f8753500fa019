//! What each command does.

pub mod artifacts;
pub mod bench;
pub mod data;
pub mod data_info;
pub mod doctor;
pub mod download;
pub mod export;
pub mod init;
pub mod plan;
pub mod report;
pub mod run;
pub mod schema;
pub mod status;
pub mod tensorboard;
pub mod why;
