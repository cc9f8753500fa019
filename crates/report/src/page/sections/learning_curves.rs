//! Losses and error rates over epochs, for the best configuration of each group.

use crate::{
    page::{
        figure::{CurvesFigure, Panel},
        scale::Scale,
    },
    study::Study,
    words,
};

pub fn body(study: &Study) -> Option<String> {
    let kinds = [("error_rate", "Error rate", "error rate (%)"), ("loss", "Loss", "loss")];
    let figures: String =
        kinds.into_iter().filter_map(|(kind, name, axis)| figure(kind, name, axis).draw(study)).collect();
    (!figures.is_empty()).then_some(figures)
}

/// Returns a chart for each split, all with one scale.
fn figure(kind: &str, name: &str, axis: &'static str) -> CurvesFigure {
    let panels = ["train", "validation", "test"].map(|split| Panel {
        title: words::capitalized(&words::split(split)),
        metric: format!("{kind}/{split}"),
    });
    CurvesFigure {
        name: format!("{name} over epochs."),
        axis,
        scale: Scale::around,
        note: "Training values are means over the mini-batches of an epoch, taken while the weights change.",
        panels: panels.into(),
    }
}
