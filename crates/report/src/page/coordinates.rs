//! Drawing of parallel coordinates: a vertical axis for each quantity, and a line across all of them for each configuration.

use std::fmt::Write;

use super::{appearance::Appearance, scale::Scale, text::escaped};

/// Units of the drawing, which are pixels: a drawing that is wider than the page scrolls.
const HEIGHT: f64 = 300.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 34.0;
const SPACING: f64 = 150.0;
const LEFT: f64 = 110.0;
const RIGHT: f64 = 58.0;
/// The largest number of letters of a label, and of a line of a title.
const LABEL: usize = 16;
const TITLE: usize = 20;
/// The largest number of labels of an axis.
const LABELS: usize = 8;

/// The place of the lines that an axis does not apply to, below its lower end.
const BELOW: f64 = 18.0;

pub struct Coordinates {
    /// A text for screen readers.
    pub description: String,
    pub axes: Vec<Axis>,
    /// The lines, from back to front.
    pub lines: Vec<Line>,
}

pub struct Axis {
    pub title: String,
    pub positions: Positions,
}

/// The values along an axis.
pub enum Positions {
    Numbers(Scale),
    /// Names, from the lower end to the upper one.
    Names(Vec<String>),
}

/// The line of a configuration.
pub struct Line {
    /// The text of its tooltip.
    pub name: String,
    pub group: String,
    pub appearance: Appearance,
    /// Whether it stands out.
    pub is_best: bool,
    /// The place on each axis, from 0 at the lower end to 1; absent where the axis does not apply.
    pub places: Vec<Option<f64>>,
}

impl Positions {
    pub fn of_name(count: usize, index: usize) -> f64 {
        if count < 2 { 0.5 } else { index as f64 / (count - 1) as f64 }
    }

    /// Returns labels with their places; of many names, some.
    fn labels(&self) -> Vec<(f64, String)> {
        match self {
            Self::Numbers(scale) => {
                scale.ticks(5).into_iter().map(|tick| (scale.position(tick.value), tick.label)).collect()
            }
            Self::Names(names) => {
                let every = names.len().div_ceil(LABELS).max(1);
                let names_with_places = names.iter().enumerate().step_by(every);
                names_with_places
                    .map(|(index, name)| (Self::of_name(names.len(), index), name.clone()))
                    .collect()
            }
        }
    }
}

impl Coordinates {
    /// Returns an element of the page.
    pub fn draw(&self) -> String {
        // The more lines, the fainter each of them.
        let opacity = (8.0 / (self.lines.len().max(1) as f64).sqrt()).clamp(0.2, 0.8);
        let width = LEFT + RIGHT + SPACING * (self.axes.len().max(1) - 1) as f64;
        let lines: String = self.lines.iter().map(line).collect();
        let axes: String = self.axes.iter().enumerate().map(|(index, axis)| self.axis(index, axis)).collect();
        format!(
            "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"parallel coordinates\">\
             <svg class=\"chart coordinates\" style=\"--opacity:{opacity:.2}\" viewBox=\"0 0 {width} {HEIGHT}\" width=\"{width}\" height=\"{HEIGHT}\" role=\"img\" \
             aria-label=\"{}\">\n{lines}{axes}</svg></div>\n",
            escaped(&self.description)
        )
    }

    fn axis(&self, index: usize, axis: &Axis) -> String {
        let x = x(index);
        let mut svg = format!("<path class=\"axis\" d=\"M{x} {TOP}V{}\"/>\n", HEIGHT - BOTTOM);
        let titles = in_lines(&axis.title);
        for (line, title) in titles.iter().enumerate() {
            let y = TOP - 10.0 - 13.0 * (titles.len() - 1 - line) as f64;
            svg += &label(x, y, "middle title", title);
        }
        for (place, text) in axis.positions.labels() {
            let y = y(Some(place));
            let _ = write!(svg, "<path class=\"axis\" d=\"M{x} {y:.1}h-4\"/>");
            svg += &label(x - 7.0, y + 3.8, "end", &shortened(&text, LABEL));
        }
        if self.lines.iter().any(|line| line.places.get(index) == Some(&None)) {
            svg += &label(x - 7.0, y(None) + 3.8, "end", "none");
        }
        svg
    }
}

fn x(index: usize) -> f64 {
    LEFT + SPACING * index as f64
}

fn y(place: Option<f64>) -> f64 {
    let bottom = HEIGHT - BOTTOM;
    place.map_or(bottom + BELOW, |place| bottom - place * (bottom - TOP))
}

fn line(line: &Line) -> String {
    let mut path = String::new();
    for (index, place) in line.places.iter().enumerate() {
        let command = if index == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{command}{} {:.0}", x(index), y(*place));
    }
    let best = if line.is_best { " best" } else { "" };
    let classes = line.appearance.classes();
    let (group, name) = (escaped(&line.group), escaped(&line.name));
    format!(
        "<g class=\"{classes}{best}\" data-group=\"{group}\"><title>{name}</title><path class=\"line\" d=\"{path}\"/></g>\n"
    )
}

/// Breaks a title between words into lines; a long word is shortened.
fn in_lines(title: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in title.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < TITLE => *line += &format!(" {word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    lines.truncate(3);
    lines.iter().map(|line| shortened(line, TITLE)).collect()
}

fn shortened(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    text.chars().take(length - 1).chain(['…']).collect()
}

fn label(x: f64, y: f64, class: &str, text: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{}</text>\n", escaped(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_and_labels_fit_between_axes() {
        assert_eq!(in_lines("validation error rate (%)"), ["validation error", "rate (%)"]);
        assert_eq!(in_lines("learning rate"), ["learning rate"]);
        assert_eq!(in_lines("anextraordinarilylongword"), ["anextraordinarilylo…"]);
        assert_eq!(shortened("local-cross-entropy", LABEL), "local-cross-ent…");
        assert_eq!(shortened("überaus-größten!", LABEL), "überaus-größten!");
    }

    #[test]
    fn names_are_spread_over_the_axis_and_some_of_many_are_written() {
        assert_eq!([0, 1, 2].map(|index| Positions::of_name(3, index)), [0.0, 0.5, 1.0]);
        assert_eq!(Positions::of_name(1, 0), 0.5);
        let many = Positions::Names((0..100).map(|name| name.to_string()).collect());
        assert!(many.labels().len() <= LABELS);
    }
}
