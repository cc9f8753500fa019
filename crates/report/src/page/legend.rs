//! Which look is whose: beside the charts, never over them.

use super::{appearance::Appearance, text::escaped};

/// A line of a legend.
pub struct Entry {
    /// The algorithm.
    pub name: String,
    /// Which of its configurations, where one was chosen.
    pub detail: String,
    /// Its look.
    pub appearance: Appearance,
}

/// A list with a swatch for each entry.
pub fn legend(entries: &[Entry]) -> String {
    let items = entries.iter().map(|entry| {
        format!(
            "<li><svg class=\"swatch {}\" aria-hidden=\"true\"><path class=\"line\" d=\"M0 6H34\"/>\
             <use href=\"{}\" x=\"17\" y=\"6\"/></svg><span>{} <span class=\"quiet\">{}</span></span></li>\n",
            entry.appearance.classes(),
            entry.appearance.marker(),
            escaped(&entry.name),
            escaped(&entry.detail)
        )
    });
    format!("<ul class=\"legend\">\n{}</ul>\n", items.collect::<String>())
}

/// An algorithm's marker, to stand before its name.
pub fn key(appearance: Appearance) -> String {
    format!(
        "<svg class=\"key {}\" aria-hidden=\"true\"><use href=\"{}\" x=\"5\" y=\"5.5\"/></svg>",
        appearance.classes(),
        appearance.marker()
    )
}
