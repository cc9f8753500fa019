//! All configurations: their values on every axis, and their results.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    effect::{levels, varying},
    number,
    page::{
        appearance::{Appearance, appearance},
        best::Names,
        coordinates::{Axis, Coordinates, Line, Positions},
        filter::filter,
        legend::{Entry, legend},
        scale::Scale,
        text::{counted, escaped, listed},
    },
    study::{AxisValue, Row, Study},
    words,
};

/// The largest number of lines.
const LINES: usize = 1000;
/// The smallest number of axes, that of the rules not counted, and of configurations.
const FEWEST: usize = 2;

/// Returns a line for each ranked configuration across all axes that vary.
pub fn body(study: &Study) -> Option<String> {
    let mut axes = varying(&study.rows);
    axes.retain(|axis| *axis != "algorithm");
    let ranked: Vec<(&Row, f64)> =
        study.rows.iter().filter_map(|row| Some((row, row.complete_mean()?))).collect();
    if axes.len() < FEWEST || ranked.len() < FEWEST {
        return None;
    }
    let shown = &ranked[..ranked.len().min(LINES)];
    let columns = axes.iter().map(|axis| column(shown, axis)).collect::<Option<Vec<_>>>()?;
    let means: Vec<f64> = shown.iter().map(|(_, mean)| *mean).collect();
    let results = Scale::around(&means, &[])?;
    let looks = looks(study);
    let names = Names::of(&study.rows);
    let line = |(row, mean): &(&Row, f64)| {
        let places =
            axes.iter().zip(&columns).map(|(axis, column)| column.place(row.configuration.axis(axis)));
        let value = number::fixed(*mean, study.reported.decimals());
        Line {
            name: format!("{}: {value}{}", names.of_row(row), study.reported.unit()),
            group: row.group.clone(),
            appearance: looks[row.group.as_str()],
            is_best: row.best_of.is_some(),
            places: places.chain([Some(results.position(*mean))]).collect(),
        }
    };
    // The best are drawn last.
    let mut lines: Vec<Line> = shown.iter().rev().map(line).collect();
    lines.sort_by_key(|line| line.is_best);
    let titles: Vec<String> = axes.iter().map(|axis| words::spaced(axis)).collect();
    let result = Axis { title: words::quantity(&study.reported), positions: Positions::Numbers(results) };
    let logarithmic: Vec<String> = titles
        .iter()
        .zip(&columns)
        .filter(|(_, column)| column.is_logarithmic())
        .map(|(title, _)| title.clone())
        .collect();
    let drawn_axes = titles
        .iter()
        .zip(columns)
        .map(|(title, column)| Axis { title: title.clone(), positions: column.positions });
    let coordinates = Coordinates {
        description: description(study, &titles, &lines),
        axes: drawn_axes.chain([result]).collect(),
        lines,
    };
    Some(format!(
        "<figure>\n<figcaption><strong>Configurations and their results.</strong> {}</figcaption>\n{}{}{}</figure>\n",
        escaped(&caption(study, shown.len(), ranked.len(), &logarithmic)),
        filter(study),
        legend(&entries(&looks)),
        coordinates.draw()
    ))
}

type Looks<'a> = BTreeMap<&'a str, Appearance>;

fn looks(study: &Study) -> Looks<'_> {
    let groups: BTreeSet<&str> = study.rows.iter().map(|row| row.group.as_str()).collect();
    groups.into_iter().map(|group| (group, appearance(&study.rows, group))).collect()
}

fn entries(looks: &Looks<'_>) -> Vec<Entry> {
    let entry = |(group, appearance): (&&str, &Appearance)| Entry {
        name: (*group).to_owned(),
        detail: String::new(),
        appearance: *appearance,
    };
    looks.iter().map(entry).collect()
}

/// An axis with the places of its values.
struct Values<'a> {
    levels: Vec<&'a AxisValue>,
    positions: Positions,
}

/// Returns the axis of numbers, or that of names if a value is none.
fn column<'a>(rows: &[(&'a Row, f64)], axis: &str) -> Option<Values<'a>> {
    let levels = levels(rows.iter().filter_map(|(row, _)| row.configuration.axis(axis)));
    let numbers: Option<Vec<f64>> = levels
        .iter()
        .map(|level| if let AxisValue::Number(number) = level { Some(*number) } else { None })
        .collect();
    let scale = numbers.filter(|numbers| !numbers.is_empty()).and_then(|numbers| Scale::even(&numbers));
    let names = || Positions::Names(levels.iter().map(|level| words::axis_value(level)).collect());
    let positions = scale.map_or_else(names, Positions::Numbers);
    Some(Values { levels, positions })
}

impl Values<'_> {
    fn place(&self, value: Option<&AxisValue>) -> Option<f64> {
        match (&self.positions, value?) {
            (Positions::Numbers(scale), AxisValue::Number(number)) => Some(scale.position(*number)),
            (_, value) => {
                let index = self.levels.iter().position(|level| *level == value)?;
                Some(Positions::of_name(self.levels.len(), index))
            }
        }
    }

    fn is_logarithmic(&self) -> bool {
        matches!(self.positions, Positions::Numbers(scale) if scale.is_logarithmic())
    }
}

fn description(study: &Study, titles: &[String], lines: &[Line]) -> String {
    let best = lines.last().map_or("", |line| line.name.as_str());
    format!(
        "{} across {} and the {}. The best is {best}.",
        counted(lines.len(), "configuration"),
        listed(titles),
        words::metric(&study.reported.metric)
    )
}

fn caption(study: &Study, shown: usize, ranked: usize, logarithmic: &[String]) -> String {
    let which = if shown < ranked {
        format!("the best {} of {}", number::whole(shown), counted(ranked, "configuration"))
    } else {
        counted(ranked, "configuration")
    };
    let mut text = format!(
        "Each line is one of {which} whose seeds all gave a value, from its value on each axis to its mean {}; lower is better. Better ones are \
         drawn over worse ones, the best of each {} is thick. Point at a line for its values.",
        words::metric(&study.reported.metric),
        study.group_word(),
    );
    if !logarithmic.is_empty() {
        text += &format!(" Logarithmic: {}.", listed(logarithmic));
    }
    text
}
