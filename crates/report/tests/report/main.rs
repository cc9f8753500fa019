//! Tables and pages of made-up studies.

mod page;
mod studies;
mod tables;
