//! The parts of the page, in their order.

mod alignment;
mod costs;
mod expectations;
mod gaps;
mod header;
mod heat_map;
mod learning_curves;
mod learning_rates;
mod pictures;
mod reproduction;
mod results;
mod settings;

pub use header::header;

use crate::study::Study;

/// A part of the page.
pub struct Section {
    /// Where links to it go.
    pub anchor: &'static str,
    /// Its heading.
    pub title: String,
    /// Markup.
    pub body: String,
}

/// Each says nothing where there is nothing to show.
pub const EVERY: [fn(&Study) -> Option<Section>; 11] = [
    settings::section,
    results::section,
    expectations::section,
    learning_curves::section,
    heat_map::section,
    learning_rates::section,
    alignment::section,
    costs::section,
    pictures::section,
    gaps::section,
    reproduction::section,
];
