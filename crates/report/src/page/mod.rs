//! A page for people, as one HTML file that needs no network, works without scripts, and can be printed and read in the dark.
//!
//! Each section is a file in `sections/` that returns markup from the study. Its numbers come from files of their own (`curve`,
//! `effect`, `scale`), apart from the drawing (`chart`).

mod appearance;
mod best;
mod chart;
mod coordinates;
mod curve;
mod figure;
mod filter;
mod legend;
mod scale;
mod sections;
mod table;
mod text;

use crate::study::Study;

/// Sorting and filtering of configurations, for browsers that run scripts.
const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");
/// Outlines that charts and tables refer to.
const MARKERS: &str = include_str!("markers.svg");

/// Returns an HTML file that needs no other file. Without its first line it is well-formed XML.
pub fn page(study: &Study) -> String {
    let (mut contents, mut bodies) = (String::new(), String::new());
    for section in sections::EVERY {
        let Some(body) = section.markup(study) else { continue };
        let (anchor, title) = (section.anchor, text::escaped(section.title));
        contents += &format!("<li><a href=\"#{anchor}\">{title}</a></li>\n");
        bodies += &format!("<section id=\"{anchor}\">\n<h2>{title}</h2>\n{body}</section>\n");
    }
    format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"/>
<link rel="icon" href="data:,"/>
<title>{title}</title>
<style>
{STYLE}</style>
</head>
<body>
{MARKERS}<header>
{header}<nav aria-label="Contents"><ul>
{contents}</ul></nav>
</header>
<main>
{bodies}</main>
<script>
{SCRIPT}</script>
</body>
</html>
"#,
        title = text::escaped(&format!("{}: {}", study.pipeline, study.stage)),
        header = sections::header(study),
    )
}
