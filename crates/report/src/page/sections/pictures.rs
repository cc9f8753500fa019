//! What trials wrote as pictures.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    page::text::escaped,
    study::{Picture, Study},
};

use super::Section;

/// Pixels that a picture is wide at least: originals of 28 pixels would be a stamp.
const WIDTH: u32 = 280;

/// The pictures, within the page.
pub fn section(study: &Study) -> Option<Section> {
    if study.pictures.is_empty() {
        return None;
    }
    let figures: String = study.pictures.iter().map(figure).collect();
    let body = format!("<div class=\"pictures\">\n{figures}</div>\n");
    Some(Section { anchor: "pictures", title: "Pictures".to_owned(), body })
}

fn figure(picture: &Picture) -> String {
    let (algorithm, caption) = (escaped(&picture.algorithm), escaped(&picture.caption));
    let size = size(&picture.png).map_or_else(String::new, |(width, height)| {
        let factor = WIDTH.div_ceil(width.max(1)).max(1);
        format!(" width=\"{}\" height=\"{}\"", width.saturating_mul(factor), height.saturating_mul(factor))
    });
    format!(
        "<figure><img alt=\"{algorithm}: {caption}\"{size} src=\"data:image/png;base64,{}\"/>\n\
         <figcaption><strong>{algorithm}</strong> {caption}</figcaption></figure>\n",
        STANDARD.encode(&picture.png)
    )
}

/// Width and height, from the header that every PNG begins with.
fn size(png: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u32::from_be_bytes(png.get(at..at + 4)?.try_into().ok()?));
    (png.starts_with(b"\x89PNG")).then_some((number(16)?, number(20)?))
}
