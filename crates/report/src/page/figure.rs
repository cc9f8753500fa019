//! Charts that share a legend, a caption and their scales.

use statistics::Interval;

use crate::{
    number,
    study::{Row, Study},
    words,
};

use super::{
    appearance::appearance,
    best::{best_of_each_group, groups_in_words, name, seeds_in_words},
    chart::{Axis, Chart, Mark, Shape},
    curve::{Curve, Point, curve, thinned},
    legend::{Entry, legend},
    scale::Scale,
    text::escaped,
};

/// The largest number of points of a line; more would be drawn on one pixel.
const POINTS: usize = 250;

/// A chart of curves.
pub struct Panel {
    pub title: String,
    /// The tag of the metric.
    pub metric: String,
}

struct Drawn<'a> {
    row: &'a Row,
    curve: Curve,
}

/// Charts of metrics over epochs.
pub struct CurvesFigure {
    pub name: String,
    /// The title of the vertical axis, with its unit.
    pub axis: &'static str,
    /// Chooses the vertical axis by the means and by the ends of the bands.
    pub scale: fn(&[f64], &[f64]) -> Option<Scale>,
    /// A remark about these metrics.
    pub note: &'static str,
    pub panels: Vec<Panel>,
}

impl CurvesFigure {
    /// Returns the curves of the best configuration of each group in a chart for each metric that was measured, or none if none was.
    pub fn draw(&self, study: &Study) -> Option<String> {
        let best = best_of_each_group(study);
        let panels: Vec<(&Panel, Vec<Drawn<'_>>)> = self
            .panels
            .iter()
            .map(|panel| (panel, drawn(&best, panel)))
            .filter(|(_, drawn)| !drawn.is_empty())
            .collect();
        let shown: Vec<&Drawn<'_>> = panels.iter().flat_map(|(_, drawn)| drawn).collect();
        let (horizontal, vertical) = self.scales(&shown)?;
        let charts = panels.iter().map(|(panel, drawn)| {
            let chart = Chart {
                description: description(panel, drawn),
                horizontal: Axis { title: "epoch".to_owned(), scale: horizontal },
                vertical: Axis { title: self.axis.to_owned(), scale: vertical },
                marks: marks(study, drawn),
            };
            framed(&panel.title, &chart)
        });
        let caption = caption(study, &shown, vertical, self.note);
        let entries: Vec<Entry> = best
            .iter()
            .filter(|row| shown.iter().any(|one| std::ptr::eq(one.row, **row)))
            .map(|row| entry(study, row))
            .collect();
        Some(figure(&self.name, &caption, &legend(&entries), &charts.collect::<String>()))
    }

    fn scales(&self, drawn: &[&Drawn<'_>]) -> Option<(Scale, Scale)> {
        let points = || drawn.iter().flat_map(|one| &one.curve.points);
        let epochs: Vec<f64> = points().map(|point| f64::from(point.epoch)).collect();
        let means: Vec<f64> = points().map(|point| point.mean).collect();
        let bounds: Vec<f64> =
            points().filter_map(Point::band).flat_map(|band| [band.low, band.high]).collect();
        Some((Scale::whole(&epochs)?, (self.scale)(&means, &bounds)?))
    }
}

fn drawn<'a>(best: &[&'a Row], panel: &Panel) -> Vec<Drawn<'a>> {
    best.iter().filter_map(|row| Some(Drawn { row, curve: curve(&row.trials, &panel.metric)? })).collect()
}

/// Returns a figure with a caption that begins with a bold name. The legend and the charts are markup.
pub fn figure(name: &str, caption: &str, legend: &str, charts: &str) -> String {
    let (name, caption) = (escaped(name), escaped(caption));
    format!(
        "<figure>\n<figcaption><strong>{name}</strong> {caption}</figcaption>\n{legend}<div class=\"charts\">\n{charts}</div>\n</figure>\n"
    )
}

/// Returns a chart below its title.
pub fn framed(title: &str, chart: &Chart) -> String {
    format!("<div class=\"panel\"><h3>{}</h3>\n{}</div>\n", escaped(title), chart.draw())
}

/// Returns all bands and then all lines, so that no band covers a line.
fn marks(study: &Study, drawn: &[Drawn<'_>]) -> Vec<Mark> {
    let bands = drawn.iter().map(|one| (one.row, Shape::Band(band(&one.curve))));
    let lines = drawn.iter().map(|one| (one.row, Shape::Line(line(&one.curve))));
    bands.chain(lines).map(|(row, shape)| mark(study, row, shape)).collect()
}

/// Returns a shape in the look of the row's group.
pub fn mark(study: &Study, row: &Row, shape: Shape) -> Mark {
    let appearance = appearance(&study.rows, &row.group);
    Mark { name: name(study, row), appearance, shape }
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
        let value = number::fixed(last.mean, 3);
        Some(format!("{} ends at {value} in epoch {}", one.row.group, last.epoch))
    });
    let ends: Vec<String> = ends.collect();
    format!("{} over epochs: {}.", words::metric(&panel.metric), ends.join("; "))
}

fn caption(study: &Study, drawn: &[&Drawn<'_>], vertical: Scale, note: &str) -> String {
    let mut seeds: Vec<(&str, usize)> = Vec::new();
    for one in drawn {
        let group = one.row.group.as_str();
        if !seeds.iter().any(|(name, _)| *name == group) {
            seeds.push((group, one.curve.seeds));
        }
    }
    let lines = if drawn.iter().any(|one| one.curve.seeds > 1) {
        format!("Lines are means over {}, bands ± one standard deviation", seeds_in_words(&seeds))
    } else {
        "Each line is a single seed".to_owned()
    };
    let rules = match seeds.as_slice() {
        [(only, _)] => (*only).to_owned(),
        several => groups_in_words(study, several.len()),
    };
    let logarithmic = if vertical.is_logarithmic() { " The vertical axis is logarithmic." } else { "" };
    format!(
        "{lines}, for the best configuration of {rules}. A line ends at the last epoch that all of its seeds have.{logarithmic} {note}"
    )
}

/// Returns a configuration's entry in the legend.
pub fn entry(study: &Study, row: &Row) -> Entry {
    let name = name(study, row);
    let rest = name.strip_prefix(&row.configuration.algorithm).map(str::trim);
    Entry {
        appearance: appearance(&study.rows, &row.group),
        detail: rest.unwrap_or(&name).to_owned(),
        name: row.group.clone(),
    }
}
