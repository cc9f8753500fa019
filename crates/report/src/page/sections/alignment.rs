//! Similarity of each layer's weight updates to backpropagation's, over epochs.

use crate::{
    page::{
        figure::{CurvesFigure, Panel},
        scale::Scale,
    },
    study::Study,
    words,
};

/// Metrics of a layer, their names and explanations.
const QUANTITIES: [(&str, &str, &str); 3] = [
    (
        "bp_angle",
        "Angle between the rule’s weight gradient and backpropagation’s.",
        "0° is the direction of backpropagation’s gradient for the same batch; below 90°, a small step lowers the loss.",
    ),
    (
        "bp_angle_signal",
        "Angle between the error signal and backpropagation’s.",
        "0° is the direction of the error that backpropagation sends to the layer for the same batch.",
    ),
    (
        "weight_alignment_angle",
        "Weight alignment.",
        "The angle between a layer’s weights and the feedback matrix, or product of two, with which its error signal would be \
         backpropagation’s.",
    ),
];

/// Returns a figure for each quantity, with a chart for each layer.
pub fn body(study: &Study) -> Option<String> {
    let figures = QUANTITIES.iter().filter_map(|(quantity, name, note)| {
        let panels = places(study, quantity).into_iter().map(|place| panel(place, quantity)).collect();
        CurvesFigure { name: (*name).to_owned(), axis: "degrees", scale: Scale::linear, note, panels }
            .draw(study)
    });
    let figures: String = figures.collect();
    (!figures.is_empty()).then_some(figures)
}

fn panel(place: &str, quantity: &str) -> Panel {
    Panel { title: words::capitalized(&words::spaced(place)), metric: format!("{place}/{quantity}") }
}

/// Returns the hidden layers in their order, then the output layer.
fn places<'a>(study: &'a Study, quantity: &str) -> Vec<&'a str> {
    let trials = study.rows.iter().flat_map(|row| &row.trials);
    let metrics = trials.flat_map(|trial| &trial.series).filter_map(|series| series.metric.split_once('/'));
    let mut places: Vec<&str> =
        metrics.filter(|(_, name)| *name == quantity).map(|(place, _)| place).collect();
    places.sort_unstable();
    places.dedup();
    places.sort_by_key(|place| {
        place.strip_prefix("layer_").and_then(|index| index.parse().ok()).unwrap_or(u32::MAX)
    });
    places
}
