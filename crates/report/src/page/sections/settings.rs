//! What was done, item by item.

use crate::{
    page::{text::escaped, words},
    study::Study,
};

use super::Section;

/// The settings and what they are called.
pub fn section(study: &Study) -> Option<Section> {
    if study.settings.is_empty() {
        return None;
    }
    let items = study.settings.iter().map(|setting| {
        let name = words::capitalized(&words::spaced(&setting.name));
        format!("<dt>{}</dt><dd>{}</dd>\n", escaped(&name), escaped(&setting.value))
    });
    let body = format!("<dl>\n{}</dl>\n", items.collect::<String>());
    Some(Section { anchor: "settings", title: "Settings".to_owned(), body })
}
