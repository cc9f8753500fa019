//! One module per command, the download that `run` and `data fetch` share, and the forms of `run` on a cluster.

pub mod artifacts;
pub mod bench;
pub mod cancel;
pub mod cluster;
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
pub mod worker;
