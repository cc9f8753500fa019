//! How close each layer's learning is to backpropagation's, over epochs.

use crate::{
    page::{
        figure::{CurvesFigure, Panel},
        scale::Scale,
        words,
    },
    study::Study,
};

use super::Section;

/// What is tracked per layer, what it is called, and what it says.
const QUANTITIES: [(&str, &str, &str); 3] = [
    (
        "bp_cosine",
        "Cosine to backpropagation’s weight gradient",
        "1 is the direction that backpropagation would take for the same batch, 0 one that is unrelated to it.",
    ),
    (
        "bp_cosine_signal",
        "Cosine to backpropagation’s teaching signal",
        "1 is the signal that backpropagation would send to the layer for the same batch.",
    ),
    (
        "weight_alignment",
        "Weight alignment",
        "The cosine between weights and the feedback matrices that stand for them.",
    ),
];

/// A row of charts for each quantity, a chart for each layer.
pub fn section(study: &Study) -> Option<Section> {
    let figures = QUANTITIES.iter().filter_map(|(quantity, name, note)| {
        let panels = places(study, quantity).into_iter().map(|place| panel(&place, quantity)).collect();
        let name = format!("{name}.");
        CurvesFigure { name, axis: "cosine", scale: Scale::linear, note, panels }.draw(study)
    });
    let figures: String = figures.collect();
    if figures.is_empty() {
        return None;
    }
    Some(Section { anchor: "alignment", title: "Alignment with backpropagation".to_owned(), body: figures })
}

fn panel(place: &str, quantity: &str) -> Panel {
    Panel { title: words::capitalized(&words::spaced(place)), metric: format!("{place}/{quantity}") }
}

/// Layers in their order, the output last.
fn places(study: &Study, quantity: &str) -> Vec<String> {
    let trials = study.rows.iter().flat_map(|row| &row.trials);
    let metrics = trials.flat_map(|trial| &trial.series).filter_map(|series| series.metric.split_once('/'));
    let mut places: Vec<&str> =
        metrics.filter(|(_, name)| *name == quantity).map(|(place, _)| place).collect();
    places.sort_unstable();
    places.dedup();
    let layer = |place: &str| place.strip_prefix("layer_").and_then(|index| index.parse::<u32>().ok());
    places.sort_by_key(|place| layer(place).unwrap_or(u32::MAX));
    places.into_iter().map(str::to_owned).collect()
}
