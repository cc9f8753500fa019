//! One module per command, and the download that `run` and `data fetch` share.

pub mod artifacts;
pub mod bench;
pub mod data;
pub mod data_info;
pub mod doctor;
pub mod download;
pub mod export;
pub mod init;
pub mod pack;
pub mod plan;
pub mod remove;
pub mod report;
pub mod run;
pub mod schema;
pub mod status;
pub mod tensorboard;
pub mod why;
