//! Lists that assign looks to learning rules.

use super::{appearance::Appearance, text::escaped};

pub struct Entry {
    pub name: String,
    /// The configuration, if one was chosen.
    pub detail: String,
    pub appearance: Appearance,
}

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

/// Returns a rule's marker, to be put before its name.
pub fn key(appearance: Appearance) -> String {
    format!(
        "<svg class=\"key {}\" aria-hidden=\"true\"><use href=\"{}\" x=\"5\" y=\"5.5\"/></svg>",
        appearance.classes(),
        appearance.marker()
    )
}
