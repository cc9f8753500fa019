//! Tables: for people in Markdown, for papers in LaTeX, for programs in CSV and Parquet.
//!
//! What programs read is described once, column by column, in `configurations.rs`, `trials.rs` and `history.rs`; CSV and Parquet are two
//! renderings of that, so they cannot disagree.

mod column;
mod configurations;
mod csv;
mod derived;
mod history;
mod latex;
mod markdown;
mod parquet;
mod trials;

pub use csv::{configurations_csv, history_csv, trials_csv};
pub use latex::latex;
pub use markdown::markdown;
pub use parquet::{configurations_parquet, history_parquet, trials_parquet};
