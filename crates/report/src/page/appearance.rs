//! How an algorithm looks wherever it is drawn: a colour, a dash and a marker, so that colour alone never tells two apart.

use crate::study::Study;

/// Known algorithms have the same looks in every report.
const KNOWN: [&str; 5] = ["backprop", "dfa", "drtp", "local-cross-entropy", "local-mse"];

/// A colour on white and on the dark page.
struct Colour {
    light: &'static str,
    dark: &'static str,
}

/// Okabe and Ito's eight, which the colour-blind tell apart (2008), made darker or lighter where a thin
/// line of them would not stand out from its page.
const COLOURS: [Colour; 8] = [
    Colour { light: "#1a1a1a", dark: "#f0f0f0" },
    Colour { light: "#0072b2", dark: "#4fa8e0" },
    Colour { light: "#d55e00", dark: "#ff8c42" },
    Colour { light: "#008a64", dark: "#2fc497" },
    Colour { light: "#b5528b", dark: "#e08fbe" },
    Colour { light: "#a87300", dark: "#e8b13a" },
    Colour { light: "#2b88c4", dark: "#8fd0f5" },
    Colour { light: "#7d7a00", dark: "#e0d64a" },
];

const DASHES: [&str; 5] = ["", "7 3", "2 2.5", "9 3 2 3", "4 2"];

/// Outlines around the origin, 7 units wide.
const MARKERS: [&str; 7] = [
    "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z",
    "M-2.7 -2.7h5.4v5.4h-5.4z",
    "M0 -3.6L3.4 2.5H-3.4z",
    "M0 -3.8L3.8 0L0 3.8L-3.8 0z",
    "M0 3.6L3.4 -2.5H-3.4z",
    "M-3 -3L3 3M-3 3L3 -3",
    "M-3.5 0H3.5M0 -3.5V3.5",
];

/// One algorithm's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appearance {
    /// Its place among the study's algorithms, known ones first.
    pub place: usize,
}

impl Appearance {
    /// Names of its style's classes.
    pub fn classes(self) -> String {
        format!("hue-{} dash-{}", self.place % COLOURS.len(), self.place % DASHES.len())
    }

    /// Name of its marker's outline.
    pub fn marker(self) -> String {
        format!("#marker-{}", self.place % MARKERS.len())
    }
}

/// Of `algorithm` in `study`.
pub fn appearance(study: &Study, algorithm: &str) -> Appearance {
    let place = KNOWN.iter().position(|known| *known == algorithm).unwrap_or_else(|| {
        let mut others: Vec<&str> = study
            .rows
            .iter()
            .map(|row| row.configuration.algorithm.as_str())
            .filter(|name| !KNOWN.contains(name))
            .collect();
        others.sort_unstable();
        others.dedup();
        KNOWN.len() + others.iter().position(|other| *other == algorithm).unwrap_or(others.len())
    });
    Appearance { place }
}

/// The rules of a style sheet that colours and dashes are looked up in.
pub fn style() -> String {
    let variables = |colour: fn(&Colour) -> &'static str| -> String {
        let each = COLOURS.iter().enumerate();
        each.map(|(index, entry)| format!("--hue-{index}:{};", colour(entry))).collect()
    };
    let hues = (0..COLOURS.len()).map(|index| format!(".hue-{index}{{color:var(--hue-{index})}}\n"));
    let dashes = DASHES.iter().enumerate().filter(|(_, dash)| !dash.is_empty());
    let dashes = dashes.map(|(index, dash)| format!(".dash-{index} .line{{stroke-dasharray:{dash}}}\n"));
    format!(
        ":root{{{}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}\n{}{}",
        variables(|colour| colour.light),
        variables(|colour| colour.dark),
        hues.collect::<String>(),
        dashes.collect::<String>()
    )
}

/// The outlines that `use` elements point to.
pub fn markers() -> String {
    let outlines = MARKERS.iter().enumerate();
    let outlines = outlines.map(|(index, outline)| format!("<path id=\"marker-{index}\" d=\"{outline}\"/>"));
    format!("<svg class=\"markers\" aria-hidden=\"true\"><defs>{}</defs></svg>", outlines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast of the Web Content Accessibility Guidelines 2.
    fn contrast(first: &str, second: &str) -> f64 {
        let (first, second) = (luminance(first), luminance(second));
        (first.max(second) + 0.05) / (first.min(second) + 0.05)
    }

    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = u8::from_str_radix(&colour[at..at + 2], 16).expect("two digits");
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    /// The value of a variable of the style sheet: the first is for light pages, the second for dark ones.
    fn variable(name: &str) -> [&'static str; 2] {
        let declaration = format!("--{name}:");
        let mut values = include_str!("page.css").split(&declaration).skip(1);
        [(); 2].map(|()| values.next().and_then(|rest| rest.trim().get(..7)).expect("a colour of six digits"))
    }

    #[test]
    fn lines_stand_out_from_the_page() {
        let pages = variable("page");
        for colour in &COLOURS {
            assert!(contrast(colour.light, pages[0]) >= 3.0, "{}", colour.light);
            assert!(contrast(colour.dark, pages[1]) >= 3.0, "{}", colour.dark);
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
            (0..30).map(|place| Appearance { place }).map(|look| look.classes() + &look.marker()).collect();
        for (index, look) in looks.iter().enumerate() {
            assert!(!looks[..index].contains(look), "{look}");
        }
    }
}
