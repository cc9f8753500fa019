//! The share of the variance of the ranking metric that each axis explains, by learning rule.

use crate::{
    importance::{Importance, Obstacle, importance},
    number,
    page::{
        table::{Column, table},
        text::{escaped, listed},
    },
    study::Study,
    words,
};

/// Returns a table, and a line about the rules that are not in it.
pub fn body(study: &Study) -> Option<String> {
    let rules = importance(study);
    let known: Vec<&Importance<'_>> = rules.iter().filter_map(|(_, shares)| shares.as_ref().ok()).collect();
    let without = |obstacle: Obstacle, reason: &str| {
        let names = rules.iter().filter(|(_, shares)| shares.as_ref().err() == Some(&obstacle));
        let names: Vec<String> = names.map(|(rule, _)| (*rule).to_owned()).collect();
        match names.len() {
            0 => String::new(),
            count if count == rules.len() => format!("The importance of each axis is not known: {reason}."),
            _ => format!(" No importance of axes for {}: {reason}.", listed(&names)),
        }
    };
    let remarks = [
        without(
            Obstacle::NoGrid,
            "the configurations of a rule are not all combinations of the values of its axes, as in a random search",
        ),
        without(
            Obstacle::TooFewValues,
            "too few configurations of a rule have a value, or all have the same",
        ),
    ]
    .concat();
    let table = if known.is_empty() { String::new() } else { draw(study, &known) };
    (!rules.is_empty()).then(|| {
        let remarks = remarks.trim_start();
        let remarks = if remarks.is_empty() {
            String::new()
        } else {
            format!("<p class=\"explained\">{}</p>\n", escaped(remarks))
        };
        format!("{table}{remarks}")
    })
}

fn draw(study: &Study, rules: &[&Importance<'_>]) -> String {
    let mut axes: Vec<&str> = Vec::new();
    for (axis, _) in rules.iter().flat_map(|rule| &rule.shares) {
        if !axes.contains(axis) {
            axes.push(axis);
        }
    }
    let mut columns = vec![Column::text("rule"), Column::number("configurations")];
    columns.extend(axes.iter().map(|axis| Column::number(words::spaced(axis))));
    columns.push(Column::number("interactions"));
    let rows: Vec<String> = rules.iter().map(|rule| row(rule, &axes)).collect();
    let ranking = study.ranked_by.as_ref().unwrap_or(&study.reported);
    let mut text = format!(
        "The share of the variance of the {} (mean over seeds) that each axis explains by itself, and the share that is left for interactions \
         of axes, by a functional analysis of variance of the complete grid of each rule.",
        words::metric(&ranking.metric)
    );
    if rules.iter().any(|rule| !rule.left_out.is_empty()) {
        text += &format!(
            " Where a configuration has no value, a value of an axis is left out so that the rest is a complete grid: {}.",
            left_out(rules)
        );
    }
    format!(
        "<h3>Importance of each axis</h3>\n<p class=\"explained\">{}</p>\n{}",
        escaped(&text),
        table(&columns, &rows)
    )
}

/// Returns `DRTP without learning rate 0.1`.
fn left_out(rules: &[&Importance<'_>]) -> String {
    let each = rules.iter().filter(|rule| !rule.left_out.is_empty()).map(|rule| {
        let values = rule.left_out.iter();
        let values: Vec<String> = values
            .map(|(axis, value)| format!("{} {}", words::spaced(axis), words::axis_value(value)))
            .collect();
        format!("{} without {}", rule.rule, listed(&values))
    });
    each.collect::<Vec<_>>().join("; ")
}

fn row(rule: &Importance<'_>, axes: &[&str]) -> String {
    let share = |axis: &&str| rule.shares.iter().find(|(known, _)| known == axis).map(|(_, share)| *share);
    let shares = axes.iter().map(share).chain([Some(rule.interactions)]);
    let cells = shares.map(|share| {
        share.map_or_else(
            || number::ABSENT.to_owned(),
            |share| format!("{}\u{a0}%", number::fixed(share * 100.0, 0)),
        )
    });
    let cells = std::iter::once(number::whole(rule.configurations)).chain(cells);
    let cells: String = cells.map(|cell| format!("<td class=\"number\">{cell}</td>")).collect();
    format!("<tr><td class=\"name\">{}</td>{cells}</tr>\n", escaped(rule.rule))
}
