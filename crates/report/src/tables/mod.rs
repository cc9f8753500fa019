//! Tables: for people in Markdown, for papers in LaTeX, for programs in CSV.

mod column;
mod configurations;
mod csv;
mod derived;
mod history;
mod latex;
mod markdown;
mod trials;

pub use csv::{configurations_csv, history_csv, trials_csv};
pub use latex::latex;
pub use markdown::markdown;
