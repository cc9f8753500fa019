//! Charts that belong together: one legend, one caption, one scale.

use statistics::Interval;

use crate::study::{Row, Study};

use super::{
    appearance::{Appearance, appearance},
    best::{self, best_of_each_algorithm, seeds_in_words},
    chart::{Axis, Chart, Mark, Shape},
    curve::{Curve, Point, curve, thinned},
    legend::{Entry, legend},
    scale::Scale,
    text::{counted, escaped},
};

/// Points of a line: more would lie on one pixel.
const POINTS: usize = 250;

/// A chart of curves.
pub struct Panel {
    /// What stands above it.
    pub title: String,
    /// The tag of what it shows.
    pub metric: String,
}

/// The curve of a row in a panel.
struct Drawn<'a> {
    row: &'a Row,
    appearance: Appearance,
    curve: Curve,
}

/// Charts of curves that share their scales.
pub struct CurvesFigure {
    /// What it shows, in bold.
    pub name: String,
    /// The title of the vertical axis, with its unit.
    pub axis: &'static str,
    /// How the vertical axis is chosen from the means and the ends of the bands.
    pub scale: fn(&[f64], &[f64]) -> Option<Scale>,
    /// What a reader has to know of these metrics.
    pub note: &'static str,
    /// The charts.
    pub panels: Vec<Panel>,
}

impl CurvesFigure {
    /// Curves of the best configuration of each algorithm, a chart for each metric that there is; nothing where there is none.
    pub fn draw(&self, study: &Study) -> Option<String> {
        let best = best_of_each_algorithm(study);
        let panels = self.panels.iter().map(|panel| (panel, drawn(study, &best, panel)));
        let panels: Vec<(&Panel, Vec<Drawn<'_>>)> = panels.filter(|(_, drawn)| !drawn.is_empty()).collect();
        let shown: Vec<&Drawn<'_>> = panels.iter().flat_map(|(_, drawn)| drawn).collect();
        let (horizontal, vertical) = self.scales(&shown)?;
        let charts = panels.iter().map(|(panel, drawn)| {
            let chart = Chart {
                description: description(panel, drawn),
                horizontal: Axis { title: "epoch", scale: horizontal },
                vertical: Axis { title: self.axis, scale: vertical },
                marks: marks(study, drawn),
            };
            framed(&panel.title, &chart.draw())
        });
        let caption = caption(&shown, vertical, self.note);
        Some(figure(
            &self.name,
            &caption,
            &legend(&entries(study, &best, &shown)),
            &charts.collect::<String>(),
        ))
    }

    fn scales(&self, drawn: &[&Drawn<'_>]) -> Option<(Scale, Scale)> {
        let points: Vec<Point> = drawn.iter().flat_map(|one| one.curve.points.iter().copied()).collect();
        let epochs: Vec<f64> = points.iter().map(|point| f64::from(point.epoch)).collect();
        let means: Vec<f64> = points.iter().map(|point| point.mean).collect();
        let bounds = points.iter().filter_map(Point::band).flat_map(|band| [band.low, band.high]);
        Some((Scale::whole(&epochs)?, (self.scale)(&means, &bounds.collect::<Vec<_>>())?))
    }
}

fn drawn<'a>(study: &Study, best: &[&'a Row], panel: &Panel) -> Vec<Drawn<'a>> {
    let look = |row: &Row| appearance(study, &row.configuration.algorithm);
    let curves = best.iter().filter_map(|row| Some((*row, curve(&row.trials, &panel.metric)?)));
    curves.map(|(row, curve)| Drawn { row, appearance: look(row), curve }).collect()
}

/// A figure: what it shows in bold, and an explanation; then markup, a legend and charts.
pub fn figure(name: &str, caption: &str, legend: &str, charts: &str) -> String {
    let (name, caption) = (escaped(name), escaped(caption));
    format!(
        "<figure>\n<figcaption><strong>{name}</strong> {caption}</figcaption>\n{legend}<div class=\"charts\">\n{charts}</div>\n</figure>\n"
    )
}

/// A chart with its title above it.
pub fn framed(title: &str, chart: &str) -> String {
    format!("<div class=\"panel\"><h3>{}</h3>\n{chart}</div>\n", escaped(title))
}

/// Bands behind all lines.
fn marks(study: &Study, drawn: &[Drawn<'_>]) -> Vec<Mark> {
    let mark = |drawn: &Drawn<'_>, shape| Mark {
        name: best::name(study, drawn.row),
        appearance: drawn.appearance,
        shape,
    };
    let bands = drawn.iter().map(|one| mark(one, Shape::Band(band(&one.curve))));
    let lines = drawn.iter().map(|one| mark(one, Shape::Line(line(&one.curve))));
    bands.chain(lines).collect()
}

fn band(curve: &Curve) -> Vec<(f64, Interval)> {
    let points = thinned(&curve.points, POINTS).into_iter();
    points.filter_map(|point| Some((f64::from(point.epoch), point.band()?))).collect()
}

fn line(curve: &Curve) -> Vec<(f64, f64)> {
    thinned(&curve.points, POINTS).iter().map(|point| (f64::from(point.epoch), point.mean)).collect()
}

fn description(panel: &Panel, drawn: &[Drawn<'_>]) -> String {
    let ends = drawn.iter().filter_map(|one| {
        let last = one.curve.points.last()?;
        let value = super::number::fixed(last.mean, 3);
        Some(format!("{} ends at {value} in epoch {}", one.row.configuration.algorithm, last.epoch))
    });
    let ends: Vec<String> = ends.collect();
    format!("{} over epochs: {}.", super::words::metric(&panel.metric), ends.join("; "))
}

fn caption(drawn: &[&Drawn<'_>], vertical: Scale, note: &str) -> String {
    let mut seeds: Vec<(&str, usize)> = Vec::new();
    for one in drawn {
        let algorithm = one.row.configuration.algorithm.as_str();
        if !seeds.iter().any(|(name, _)| *name == algorithm) {
            seeds.push((algorithm, one.curve.seeds));
        }
    }
    let has_bands = drawn.iter().any(|one| one.curve.seeds > 1);
    let lines = match has_bands {
        true => format!("Lines are means over {}, bands ± one standard deviation", seeds_in_words(&seeds)),
        false => "A line is a single seed".to_owned(),
    };
    let whose = match seeds.as_slice() {
        [(only, _)] => (*only).to_owned(),
        several => format!("each of {}", counted(several.len(), "learning rule")),
    };
    let logarithmic = if vertical.is_logarithmic() { " The vertical axis is logarithmic." } else { "" };
    format!(
        "{lines}, of the best configuration of {whose}. A line ends where the first of its seeds stops.{logarithmic} {note}"
    )
}

/// Those that a panel shows, in the order of their looks.
fn entries(study: &Study, best: &[&Row], drawn: &[&Drawn<'_>]) -> Vec<Entry> {
    let shown = best.iter().filter(|row| drawn.iter().any(|one| std::ptr::eq(one.row, **row)));
    shown.map(|row| entry(study, row)).collect()
}

/// A configuration's line of the legend.
pub fn entry(study: &Study, row: &Row) -> Entry {
    let algorithm = row.configuration.algorithm.clone();
    let name = best::name(study, row);
    Entry {
        appearance: appearance(study, &algorithm),
        detail: name.strip_prefix(&algorithm).map_or(name.as_str(), str::trim).to_owned(),
        name: algorithm,
    }
}
