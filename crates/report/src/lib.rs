//! Writes the texts of a comparison from the plain values of a [`Study`]: tables for papers and programs, and one page for people.
//! Nothing here reads or writes a file, trains, or knows a learning rule.

mod budget;
mod derived;
mod effect;
mod importance;
mod number;
mod page;
mod pivot;
mod study;
mod tables;
mod words;

pub use budget::unequal_budgets;
pub use page::page;
pub use study::{
    AxisValue, Configuration, Criterion, Dropped, End, Expectation, Images, Picture, Provenance, Published,
    Row, Series, Setting, Study, Trial, Verdict, Versus,
};
pub use tables::{configurations_csv, history_csv, latex, latex_pivots, markdown, trials_csv};
