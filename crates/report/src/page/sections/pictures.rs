//! Pictures that trials wrote.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    page::text::escaped,
    study::{Picture, Study},
};

/// The least width of a picture in pixels: an image of 28 pixels would be the size of a stamp.
const WIDTH: u32 = 280;

pub fn body(study: &Study) -> Option<String> {
    let figures: String = study.pictures.iter().map(figure).collect();
    (!figures.is_empty()).then(|| format!("<div class=\"pictures\">\n{figures}</div>\n"))
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

/// Returns width and height, from the header with which every PNG begins.
fn size(png: &[u8]) -> Option<(u32, u32)> {
    png.starts_with(b"\x89PNG").then_some((number(png, 16)?, number(png, 20)?))
}

fn number(png: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(png.get(at..at + 4)?.try_into().ok()?))
}
