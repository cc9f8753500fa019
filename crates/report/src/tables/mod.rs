//! Tables: for people in Markdown, for papers in LaTeX, for programs in CSV.

mod columns;
mod csv;
mod latex;
mod markdown;
mod number;

pub use csv::{configurations_csv, history_csv, trials_csv};
pub use latex::{latex, latex_pivots};
pub use markdown::markdown;
