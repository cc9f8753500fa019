//! How does a study read? One page for people: no network, no script that it could not do without, on paper and in the dark.
//!
//! A section is a file in `sections/`: it looks at the study and says nothing, or a title and markup. What is computed for it
//! stands in files of its own (`curve`, `effect`, `scale`), apart from what is drawn of it (`chart`).

mod appearance;
mod best;
mod chart;
mod curve;
mod effect;
mod figure;
mod legend;
mod number;
mod reported;
mod scale;
mod sections;
mod table;
mod text;
mod words;

use crate::study::Study;

use sections::Section;

/// What sorts tables, where scripts run.
const SCRIPT: &str = include_str!("sort.js");

const STYLE: &str = include_str!("page.css");
/// Outlines that charts and tables refer to.
const MARKERS: &str = include_str!("markers.svg");

/// The whole study as one HTML file that needs nothing beside it. It is well-formed XML, too, but for its first line.
#[must_use]
pub fn page(study: &Study) -> String {
    let sections: Vec<Section> = sections::EVERY.iter().filter_map(|section| section(study)).collect();
    let contents = sections.iter().map(|section| {
        format!("<li><a href=\"#{}\">{}</a></li>\n", section.anchor, text::escaped(&section.title))
    });
    let bodies = sections.iter().map(|section| {
        let title = text::escaped(&section.title);
        format!("<section id=\"{}\">\n<h2>{title}</h2>\n{}</section>\n", section.anchor, section.body)
    });
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
        contents = contents.collect::<String>(),
        bodies = bodies.collect::<String>(),
    )
}
