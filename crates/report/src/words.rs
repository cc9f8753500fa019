//! Tags of metrics and names of axes, in words.

use crate::{
    number,
    study::{AxisValue, Criterion},
};

/// Returns `validation error rate` for `error_rate/validation`, and the words of any other tag.
pub fn metric(tag: &str) -> String {
    match tag.split_once('/') {
        Some((kind @ ("loss" | "error_rate"), split)) => format!("{} {}", self::split(split), spaced(kind)),
        Some((place, quantity)) => format!("{}, {}", spaced(place), spaced(quantity)),
        None => spaced(tag),
    }
}

/// Returns `training` for `train`.
pub fn split(name: &str) -> String {
    match name {
        "train" => "training".to_owned(),
        other => spaced(other),
    }
}

/// Returns the metric with its unit: `validation error rate (%)`.
pub fn quantity(criterion: &Criterion) -> String {
    match criterion.unit().trim() {
        "" => metric(&criterion.metric),
        unit => format!("{} ({unit})", metric(&criterion.metric)),
    }
}

/// Returns `learning rate` for `learning_rate`.
pub fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

pub fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

pub fn axis_value(value: &AxisValue) -> String {
    match value {
        AxisValue::Number(value) => number::shortest(*value),
        AxisValue::Text(text) => text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_words() {
        let tags = ["error_rate/validation", "loss/train", "layer_2/bp_cosine", "other"];
        let words = ["validation error rate", "training loss", "layer 2, bp cosine", "other"];
        assert_eq!(tags.map(metric), words);
        assert_eq!(capitalized("über"), "Über");
    }
}
