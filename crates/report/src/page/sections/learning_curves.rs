//! Losses and error rates over epochs, of each algorithm's best configuration.

use crate::{
    page::{
        figure::{CurvesFigure, Panel},
        scale::Scale,
        words,
    },
    study::Study,
};

use super::Section;

const SPLITS: [&str; 3] = ["train", "validation", "test"];

/// A row of charts for the loss, one for the error rate: a chart for each split, all with one scale.
pub fn section(study: &Study) -> Option<Section> {
    let figures: String = ["error_rate", "loss"].into_iter().filter_map(|kind| figure(study, kind)).collect();
    if figures.is_empty() {
        return None;
    }
    Some(Section { anchor: "learning-curves", title: "Learning curves".to_owned(), body: figures })
}

fn figure(study: &Study, kind: &str) -> Option<String> {
    let panels = SPLITS.map(|split| Panel {
        title: words::capitalized(&words::split(split)),
        metric: format!("{kind}/{split}"),
    });
    let (name, axis) = match kind {
        "error_rate" => ("Error rate", "error rate (%)"),
        _ => ("Loss", "loss"),
    };
    let name = format!("{name} over epochs.");
    let note = "Training values are averages over the epoch’s batches while it learns.";
    CurvesFigure { name, axis, scale: Scale::around, note, panels: panels.into() }.draw(study)
}
