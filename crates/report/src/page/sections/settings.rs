//! The settings that all configurations share.

use crate::{page::text::escaped, study::Study, words};

pub fn body(study: &Study) -> Option<String> {
    let items = study.settings.iter().map(|setting| {
        let name = words::capitalized(&words::spaced(&setting.name));
        format!("<dt>{}</dt><dd>{}</dd>\n", escaped(&name), escaped(&setting.value))
    });
    let images =
        study.images.iter().map(|images| format!("<dt>Images</dt><dd>{}</dd>\n", escaped(&images.account)));
    let items: String = items.chain(images).collect();
    (!items.is_empty()).then(|| format!("<dl>\n{items}</dl>\n"))
}
