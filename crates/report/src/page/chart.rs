//! A chart, drawn: its marks, its axes and their titles. It is told what to draw and computes nothing but places.
//!
//! Written by hand and not with `plotters`, whose SVG places points on whole pixels, draws every dash of a line as an
//! element of its own, and knows neither style classes (a page that is light and dark needs them) nor markers that are
//! drawn once and used often.

use std::fmt::Write;

use statistics::Interval;

use super::{
    appearance::Appearance,
    scale::{Scale, Tick},
    text::{escaped, shortened},
};

/// Units of the drawing; the page shows about as many pixels on a narrow screen, so that text keeps its size.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 240.0;
const TOP: f64 = 28.0;
const RIGHT: f64 = 22.0;
const BOTTOM: f64 = 42.0;

/// Width of a digit, generously: nobody knows the reader's font.
const DIGIT: f64 = 7.0;

/// Characters of an axis title that surely fit.
const TITLE: usize = 48;

/// Two axes and what lies between them.
pub struct Chart<'a> {
    /// For those who cannot see it.
    pub description: String,
    /// To the right.
    pub horizontal: Axis<'a>,
    /// Upwards.
    pub vertical: Axis<'a>,
    /// From the back to the front.
    pub marks: Vec<Mark>,
}

/// A titled scale.
#[derive(Clone, Copy)]
pub struct Axis<'a> {
    /// With its unit: `training time (s)`.
    pub title: &'a str,
    /// Where values lie.
    pub scale: Scale,
}

/// What is drawn of one algorithm.
pub struct Mark {
    /// Whose it is.
    pub name: String,
    /// How it looks.
    pub appearance: Appearance,
    /// What it is.
    pub shape: Shape,
}

/// Points by their values on both axes, from left to right.
pub enum Shape {
    /// A line with some markers on it.
    Line(Vec<(f64, f64)>),
    /// What lies within the intervals.
    Band(Vec<(f64, Interval)>),
    /// A marker on every point, with a bar over an interval, and a line through all.
    Intervals(Vec<(f64, f64, Option<Interval>)>),
    /// A single marker with its bar.
    Spot(f64, f64, Option<Interval>),
}

impl Chart<'_> {
    /// As an element of the page.
    pub fn draw(&self) -> String {
        let frame = Frame::around(self);
        let mut svg = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
            escaped(&self.description)
        );
        svg += &frame.axes(self);
        for mark in &self.marks {
            svg += &frame.mark(mark);
        }
        svg + "</svg>\n"
    }
}

/// Where the axes lie in the drawing.
struct Frame {
    left: f64,
    horizontal: Scale,
    vertical: Scale,
    horizontal_ticks: Vec<Tick>,
    vertical_ticks: Vec<Tick>,
}

impl Frame {
    fn around(chart: &Chart<'_>) -> Self {
        let vertical_ticks = chart.vertical.scale.ticks(5);
        let left = vertical_ticks.iter().map(label_width).fold(24.0, f64::max) + 10.0;
        let mut frame = Self {
            left,
            horizontal: chart.horizontal.scale,
            vertical: chart.vertical.scale,
            horizontal_ticks: Vec::new(),
            vertical_ticks,
        };
        let choices = (1..=6).rev().map(|wanted| chart.horizontal.scale.ticks(wanted));
        let fitting = choices.into_iter().find(|ticks| frame.have_room(ticks));
        frame.horizontal_ticks =
            fitting.unwrap_or_else(|| chart.horizontal.scale.ticks(1).into_iter().take(1).collect());
        frame
    }

    fn have_room(&self, ticks: &[Tick]) -> bool {
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

    fn axes(&self, chart: &Chart<'_>) -> String {
        let (left, right, bottom) = (self.left, WIDTH - RIGHT, HEIGHT - BOTTOM);
        let mut svg = String::new();
        for tick in &self.vertical_ticks {
            let y = self.y(tick.value);
            svg += &format!(
                "<path class=\"grid\" d=\"M{left:.1} {y:.1}H{right}\"/><text x=\"{:.1}\" y=\"{:.1}\" class=\"end\">{}</text>\n",
                left - 6.0,
                y + 3.8,
                tick.label
            );
        }
        svg += &format!("<path class=\"axis\" d=\"M{left:.1} {bottom}H{right}\"/>\n");
        for tick in &self.horizontal_ticks {
            let x = self.x(tick.value);
            svg += &format!(
                "<path class=\"axis\" d=\"M{x:.1} {bottom}v4\"/><text x=\"{x:.1}\" y=\"{}\" class=\"middle\">{}</text>\n",
                bottom + 16.0,
                tick.label
            );
        }
        let center = f64::midpoint(left, right);
        let title = |title| escaped(&shortened(title, TITLE)).into_owned();
        svg += &format!("<text x=\"2\" y=\"12\" class=\"title\">{}</text>\n", title(chart.vertical.title));
        svg += &format!(
            "<text x=\"{:.1}\" y=\"{}\" class=\"middle title\">{}</text>\n",
            // In the middle of the axis where it is short, of the drawing where it is long.
            if chart.horizontal.title.chars().count() > 36 { WIDTH / 2.0 } else { center },
            HEIGHT - 6.0,
            title(chart.horizontal.title)
        );
        svg
    }

    fn mark(&self, mark: &Mark) -> String {
        let inside = match &mark.shape {
            Shape::Line(points) => self.line(points) + &self.some_markers(mark.appearance, points),
            Shape::Band(points) => self.band(points),
            Shape::Intervals(points) => {
                let line: Vec<(f64, f64)> = points.iter().map(|(x, y, _)| (*x, *y)).collect();
                let spots =
                    points.iter().map(|(x, y, interval)| self.spot(mark.appearance, *x, *y, *interval));
                self.line(&line) + &spots.collect::<String>()
            }
            Shape::Spot(x, y, interval) => self.spot(mark.appearance, *x, *y, *interval),
        };
        let (classes, name) = (mark.appearance.classes(), escaped(&mark.name));
        format!("<g class=\"{classes}\"><title>{name}</title>{inside}</g>\n")
    }

    fn line(&self, points: &[(f64, f64)]) -> String {
        if points.len() < 2 {
            return String::new();
        }
        format!("<path class=\"line\" d=\"{}\"/>", self.path(points.iter().copied()))
    }

    fn band(&self, points: &[(f64, Interval)]) -> String {
        if points.len() < 2 {
            // A bar, where there is no width.
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
            write!(path, "{command}{:.1} {:.1}", self.x(x), self.y(y)).expect("a string takes everything");
        }
        path
    }

    /// About five, at places that differ from algorithm to algorithm.
    fn some_markers(&self, appearance: Appearance, points: &[(f64, f64)]) -> String {
        let every = points.len().div_ceil(5).max(1);
        let first = appearance.0 * every / 5 % every;
        let chosen = points.iter().skip(first).step_by(every);
        chosen.map(|(x, y)| self.marker(appearance, *x, *y)).collect()
    }

    fn spot(&self, appearance: Appearance, x: f64, y: f64, interval: Option<Interval>) -> String {
        let bar = interval.map_or_else(String::new, |interval| self.bar(x, interval));
        bar + &self.marker(appearance, x, y)
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

fn label_width(tick: &Tick) -> f64 {
    tick.label.chars().count() as f64 * DIGIT
}
