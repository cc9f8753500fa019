//! The color, dash and marker of each group of configurations, which is a learning rule unless the file says otherwise: color alone never
//! distinguishes two groups.
//!
//! `page.css` has the colors and the dashes, `markers.svg` has the outlines of the markers.

use std::collections::BTreeSet;

use crate::study::Row;

const COLORS: usize = 8;
const DASHES: usize = 5;
const MARKERS: usize = 7;

/// The number of a group among the groups of a study.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Appearance(pub usize);

impl Appearance {
    /// Returns names of style classes.
    pub fn classes(self) -> String {
        format!("hue-{} dash-{}", self.0 % COLORS, self.0 % DASHES)
    }

    /// Returns a link to the outline of the marker.
    pub fn marker(self) -> String {
        format!("#marker-{}", self.0 % MARKERS)
    }
}

/// Numbers groups by their names, so that groups look the same in reports that rank them differently.
pub fn appearance(rows: &[Row], group: &str) -> Appearance {
    let groups = rows.iter().map(|row| row.group.as_str());
    let earlier: BTreeSet<&str> = groups.filter(|other| *other < group).collect();
    Appearance(earlier.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the contrast of the Web Content Accessibility Guidelines 2.
    fn contrast(first: &str, second: &str) -> f64 {
        let (first, second) = (luminance(first), luminance(second));
        (first.max(second) + 0.05) / (first.min(second) + 0.05)
    }

    fn luminance(color: &str) -> f64 {
        let channel = |at: usize| {
            let value = u8::from_str_radix(&color[at..at + 2], 16).expect("two digits");
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    /// Returns the value of a variable of the style sheet on light pages and on dark ones.
    fn variable(name: &str) -> [&'static str; 2] {
        let declaration = format!("--{name}:");
        let mut values = include_str!("page.css").split(&declaration).skip(1);
        [(); 2].map(|()| values.next().and_then(|rest| rest.trim().get(..7)).expect("a color of six digits"))
    }

    #[test]
    fn lines_stand_out_from_the_page() {
        let pages = variable("page");
        for color in (0..COLORS).flat_map(|index| variable(&format!("hue-{index}")).into_iter().zip(pages)) {
            assert!(contrast(color.0, color.1) >= 3.0, "{color:?}");
        }
    }

    #[test]
    fn text_can_be_read_on_the_page_and_on_every_shade() {
        for (text, ground) in [
            ("text", "page"),
            ("quiet", "page"),
            ("text", "panel"),
            ("quiet", "panel"),
            ("text", "shade-low"),
            ("text", "shade-high"),
            ("text", "winner"),
            ("quiet", "winner"),
            ("good", "page"),
            ("bad", "page"),
            ("accent", "page"),
            ("text", "note"),
        ] {
            for (text, ground) in variable(text).into_iter().zip(variable(ground)) {
                assert!(contrast(text, ground) >= 4.5, "{text} on {ground}: {}", contrast(text, ground));
            }
        }
    }

    #[test]
    fn thirty_algorithms_look_different() {
        let looks: Vec<String> =
            (0..30).map(Appearance).map(|look| look.classes() + &look.marker()).collect();
        for (index, look) in looks.iter().enumerate() {
            assert!(!looks[..index].contains(look), "{look}");
        }
    }

    #[test]
    fn every_color_dash_and_marker_is_there() {
        let (style, markers) = (include_str!("page.css"), include_str!("markers.svg"));
        for look in (0..30).map(Appearance) {
            let hue = look.classes().split(' ').next().map(str::to_owned).expect("a color");
            assert!(style.contains(&format!(".{hue} {{")));
            assert!(markers.contains(&format!("id=\"{}\"", &look.marker()[1..])));
        }
        assert_eq!(style.matches("stroke-dasharray").count(), DASHES - 1, "the first line is solid");
    }

    #[test]
    fn rules_look_the_same_in_every_order() {
        let row = |rule: &str| Row { group: rule.into(), ..Row::default() };
        for order in [["a", "a", "b"], ["b", "a", "b"]] {
            let rows = order.map(row);
            assert_eq!(["a", "b"].map(|rule| appearance(&rows, rule)), [Appearance(0), Appearance(1)]);
        }
    }
}
