//! Drawing of a chart as SVG: its marks, its axes and their titles.
//!
//! Not by `plotters`, whose SVG places points on whole pixels, draws every dash of a line as an element, and has neither style classes
//! (a page that is light and dark needs them) nor markers that are drawn once and used often.

use std::fmt::Write;

use statistics::Interval;

use super::{
    appearance::Appearance,
    scale::{Scale, Tick},
    text::escaped,
};

/// Units of the drawing. A narrow screen shows about as many pixels, so that text keeps its size.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 240.0;
const TOP: f64 = 28.0;
const RIGHT: f64 = 22.0;
const BOTTOM: f64 = 42.0;

/// The width of a digit, with a margin, because the reader's font is not known.
const DIGIT: f64 = 7.0;

pub struct Chart {
    /// A text for screen readers.
    pub description: String,
    pub horizontal: Axis,
    pub vertical: Axis,
    /// The marks, from back to front.
    pub marks: Vec<Mark>,
}

pub struct Axis {
    /// A title with its unit: `training time (s)`.
    pub title: String,
    pub scale: Scale,
}

/// A shape in the look of a learning rule.
pub struct Mark {
    /// The text of its tooltip.
    pub name: String,
    pub appearance: Appearance,
    pub shape: Shape,
}

/// Points by their values on both axes, from left to right.
pub enum Shape {
    /// A line with some markers on it.
    Line(Vec<(f64, f64)>),
    /// A line without markers that stays in the background, or a dot.
    Faint(Vec<(f64, f64)>),
    Band(Vec<(f64, Interval)>),
    /// Markers without a line.
    Markers(Vec<(f64, f64)>),
    /// A line with a marker at every point and a bar over its interval.
    Points(Vec<(f64, f64, Option<Interval>)>),
}

impl Chart {
    /// Returns an element of the page.
    pub fn draw(&self) -> String {
        let frame = Frame::around(self);
        let marks: String = self.marks.iter().map(|mark| frame.mark(mark)).collect();
        format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n{}{marks}</svg>\n",
            escaped(&self.description),
            frame.axes(self)
        )
    }
}

/// The positions of the axes in the drawing.
struct Frame {
    left: f64,
    horizontal: Scale,
    vertical: Scale,
    horizontal_ticks: Vec<Tick>,
    vertical_ticks: Vec<Tick>,
}

impl Frame {
    fn around(chart: &Chart) -> Self {
        let (horizontal, vertical) = (chart.horizontal.scale, chart.vertical.scale);
        let vertical_ticks = vertical.ticks(5);
        let left = vertical_ticks.iter().map(label_width).fold(24.0, f64::max) + 10.0;
        let mut frame = Self { left, horizontal, vertical, horizontal_ticks: Vec::new(), vertical_ticks };
        let fitting = (1..=6).rev().map(|wanted| horizontal.ticks(wanted)).find(|ticks| frame.fits(ticks));
        frame.horizontal_ticks = fitting.unwrap_or_else(|| horizontal.ticks(1).into_iter().take(1).collect());
        frame
    }

    /// Whether no two labels below the horizontal axis touch.
    fn fits(&self, ticks: &[Tick]) -> bool {
        ticks.windows(2).all(|pair| {
            let distance = self.x(pair[1].value) - self.x(pair[0].value);
            distance > f64::midpoint(label_width(&pair[0]), label_width(&pair[1])) + 6.0
        })
    }

    fn x(&self, value: f64) -> f64 {
        self.left + self.horizontal.position(value) * (WIDTH - RIGHT - self.left)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.vertical.position(value) * (HEIGHT - BOTTOM - TOP)
    }

    fn axes(&self, chart: &Chart) -> String {
        let (left, right, bottom) = (self.left, WIDTH - RIGHT, HEIGHT - BOTTOM);
        let mut svg = String::new();
        for tick in &self.vertical_ticks {
            let y = self.y(tick.value);
            svg += &format!("<path class=\"grid\" d=\"M{left:.1} {y:.1}H{right}\"/>");
            svg += &label(left - 6.0, y + 3.8, "end", &tick.label);
        }
        svg += &format!("<path class=\"axis\" d=\"M{left:.1} {bottom}H{right}\"/>\n");
        for tick in &self.horizontal_ticks {
            let x = self.x(tick.value);
            svg += &format!("<path class=\"axis\" d=\"M{x:.1} {bottom}v4\"/>");
            svg += &label(x, bottom + 16.0, "middle", &tick.label);
        }
        svg += &label(2.0, 12.0, "title", &chart.vertical.title);
        let center = f64::midpoint(left, right);
        svg + &label(center, HEIGHT - 6.0, "middle title", &chart.horizontal.title)
    }

    fn mark(&self, mark: &Mark) -> String {
        let appearance = mark.appearance;
        let inside = match &mark.shape {
            Shape::Line(points) => self.line(points.iter().copied()) + &self.some_markers(appearance, points),
            Shape::Faint(points) => self.faint(points),
            Shape::Band(points) => self.band(points),
            Shape::Markers(points) => points.iter().map(|(x, y)| self.marker(appearance, *x, *y)).collect(),
            Shape::Points(points) => {
                let bars = points.iter().filter_map(|(x, _, interval)| Some(self.bar(*x, (*interval)?)));
                let markers = points.iter().map(|(x, y, _)| self.marker(appearance, *x, *y));
                let line = self.line(points.iter().map(|(x, y, _)| (*x, *y)));
                line + &bars.chain(markers).collect::<String>()
            }
        };
        format!("<g class=\"{}\"><title>{}</title>{inside}</g>\n", appearance.classes(), escaped(&mark.name))
    }

    fn line(&self, points: impl ExactSizeIterator<Item = (f64, f64)>) -> String {
        if points.len() < 2 {
            return String::new();
        }
        format!("<path class=\"line\" d=\"{}\"/>", self.path(points))
    }

    fn faint(&self, points: &[(f64, f64)]) -> String {
        // A line without length is drawn as a dot.
        let end = if points.len() == 1 { "h0" } else { "" };
        format!("<path class=\"faint\" d=\"{}{end}\"/>", self.path(points.iter().copied()))
    }

    /// Draws an area, or a bar where a single point gives it no width.
    fn band(&self, points: &[(f64, Interval)]) -> String {
        if points.len() < 2 {
            return points.iter().map(|(x, interval)| self.bar(*x, *interval)).collect();
        }
        let upper = points.iter().map(|(x, interval)| (*x, interval.high));
        let lower = points.iter().rev().map(|(x, interval)| (*x, interval.low));
        format!("<path class=\"band\" d=\"{}z\"/>", self.path(upper.chain(lower)))
    }

    fn path(&self, points: impl Iterator<Item = (f64, f64)>) -> String {
        let mut path = String::new();
        for (index, (x, y)) in points.enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{command}{:.1} {:.1}", self.x(x), self.y(y));
        }
        path
    }

    /// Draws about five markers, at places that differ from rule to rule.
    fn some_markers(&self, appearance: Appearance, points: &[(f64, f64)]) -> String {
        let every = points.len().div_ceil(5).max(1);
        let first = appearance.0 * every / 5 % every;
        let chosen = points.iter().skip(first).step_by(every);
        chosen.map(|(x, y)| self.marker(appearance, *x, *y)).collect()
    }

    fn bar(&self, x: f64, interval: Interval) -> String {
        let (x, low, high) = (self.x(x), self.y(interval.low), self.y(interval.high));
        format!("<path class=\"bar\" d=\"M{x:.1} {low:.1}V{high:.1}m-3 0h6M{:.1} {low:.1}h6\"/>", x - 3.0)
    }

    fn marker(&self, appearance: Appearance, x: f64, y: f64) -> String {
        let marker = appearance.marker();
        format!("<use href=\"{marker}\" x=\"{:.1}\" y=\"{:.1}\"/>", self.x(x), self.y(y))
    }
}

fn label(x: f64, y: f64, class: &str, text: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{}</text>\n", escaped(text))
}

fn label_width(tick: &Tick) -> f64 {
    tick.label.chars().count() as f64 * DIGIT
}
