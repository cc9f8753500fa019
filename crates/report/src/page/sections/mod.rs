//! The sections of the page, in their order.

mod alignment;
mod best_so_far;
mod budget;
mod costs;
mod expectations;
mod gaps;
mod halving;
mod header;
mod heat_map;
mod importance;
mod influence;
mod learning_curves;
mod learning_rates;
mod parallel_coordinates;
mod pictures;
mod reproduction;
mod results;
mod rules;
mod settings;

pub use header::header;

use crate::{page::text::escaped, study::Study};

pub struct Section {
    /// The target of links.
    pub anchor: &'static str,
    pub title: &'static str,
    /// Returns the section's markup, or none if the study has nothing to show in it.
    pub body: fn(&Study) -> Option<String>,
    /// Whether each dataset has a part of its own.
    pub is_of_dataset: bool,
}

impl Section {
    /// Returns the section's markup, with a part for each dataset where there are several.
    pub fn markup(&self, study: &Study) -> Option<String> {
        let datasets = if self.is_of_dataset { study.by_dataset() } else { Vec::new() };
        if datasets.is_empty() {
            return (self.body)(study);
        }
        let parts = datasets.iter().filter_map(|(dataset, study)| {
            let body = (self.body)(study)?;
            Some(format!("<h3 class=\"dataset\">Dataset {}</h3>\n{body}", escaped(dataset)))
        });
        let parts: String = parts.collect();
        (!parts.is_empty()).then_some(parts)
    }
}

pub const EVERY: &[Section] = &[
    Section { anchor: "settings", title: "Settings", body: settings::body, is_of_dataset: false },
    Section { anchor: "results", title: "Results", body: results::body, is_of_dataset: true },
    Section { anchor: "rules", title: "Learning rules", body: rules::body, is_of_dataset: false },
    Section {
        anchor: "expectations",
        title: "Published values",
        body: expectations::body,
        is_of_dataset: false,
    },
    Section {
        anchor: "learning-curves",
        title: "Learning curves",
        body: learning_curves::body,
        is_of_dataset: true,
    },
    Section { anchor: "halving", title: "Successive halving", body: halving::body, is_of_dataset: true },
    Section {
        anchor: "axes",
        title: "Influence of hyperparameters",
        body: influence::body,
        is_of_dataset: true,
    },
    Section {
        anchor: "parallel-coordinates",
        title: "Parallel coordinates",
        body: parallel_coordinates::body,
        is_of_dataset: true,
    },
    Section {
        anchor: "learning-rates",
        title: "Learning rates",
        body: learning_rates::body,
        is_of_dataset: true,
    },
    Section {
        anchor: "alignment",
        title: "Alignment with backpropagation",
        body: alignment::body,
        is_of_dataset: true,
    },
    Section { anchor: "best-so-far", title: "Best so far", body: best_so_far::body, is_of_dataset: true },
    Section { anchor: "budget", title: "Budget", body: budget::body, is_of_dataset: true },
    Section { anchor: "costs", title: "Memory and time", body: costs::body, is_of_dataset: true },
    Section { anchor: "pictures", title: "Pictures", body: pictures::body, is_of_dataset: false },
    Section { anchor: "gaps", title: "Trials without a result", body: gaps::body, is_of_dataset: false },
    Section { anchor: "reproduction", title: "Reproduction", body: reproduction::body, is_of_dataset: false },
];
