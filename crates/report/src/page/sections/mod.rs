//! The sections of the page, in their order.

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

pub struct Section {
    /// The target of links.
    pub anchor: &'static str,
    pub title: &'static str,
    /// Returns the section's markup, or none if the study has nothing to show in it.
    pub body: fn(&Study) -> Option<String>,
}

pub const EVERY: [Section; 11] = [
    Section { anchor: "settings", title: "Settings", body: settings::body },
    Section { anchor: "results", title: "Results", body: results::body },
    Section { anchor: "expectations", title: "Published values", body: expectations::body },
    Section { anchor: "learning-curves", title: "Learning curves", body: learning_curves::body },
    Section { anchor: "axes", title: "Influence of hyperparameters", body: heat_map::body },
    Section { anchor: "learning-rates", title: "Learning rates", body: learning_rates::body },
    Section { anchor: "alignment", title: "Alignment with backpropagation", body: alignment::body },
    Section { anchor: "costs", title: "Memory and time", body: costs::body },
    Section { anchor: "pictures", title: "Pictures", body: pictures::body },
    Section { anchor: "gaps", title: "Trials without a result", body: gaps::body },
    Section { anchor: "reproduction", title: "Reproduction", body: reproduction::body },
];
