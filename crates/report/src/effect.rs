//! The effect of each axis of a grid on the reported quantity.

use std::{borrow::Borrow, cmp::Ordering, collections::BTreeMap};

use statistics::share_between;

use crate::study::{AxisValue, Row};

/// Returns the axes with at least two values. Rows to which an axis does not apply do not count.
pub fn varying<R: Borrow<Row>>(rows: &[R]) -> Vec<&'static str> {
    axes(rows)
        .filter(|axis| {
            let mut values = values(rows, axis);
            let first = values.next();
            values.any(|value| Some(value) != first)
        })
        .collect()
}

/// Returns each axis with a single value, the value, and whether the axis applies to every row.
pub fn constant(rows: &[Row]) -> Vec<(&'static str, &AxisValue, bool)> {
    let varying = varying(rows);
    axes(rows)
        .filter(|axis| !varying.contains(axis))
        .filter_map(|axis| {
            let value = values(rows, axis).next()?;
            Some((axis, value, values(rows, axis).count() == rows.len()))
        })
        .collect()
}

fn axes<R: Borrow<Row>>(rows: &[R]) -> impl Iterator<Item = &'static str> {
    rows.first().into_iter().flat_map(|row| row.borrow().configuration.axes.iter().map(|(name, _)| *name))
}

fn values<'a, R: Borrow<Row>>(rows: &'a [R], axis: &str) -> impl Iterator<Item = &'a AxisValue> {
    rows.iter().filter_map(move |row| row.borrow().configuration.axis(axis))
}

/// Returns each value once: numbers by size, texts by the numbers in them and then by letters.
pub fn levels<'a>(values: impl Iterator<Item = &'a AxisValue>) -> Vec<&'a AxisValue> {
    let mut levels: Vec<&AxisValue> = Vec::new();
    for value in values {
        if !levels.contains(&value) {
            levels.push(value);
        }
    }
    levels.sort_by(|first, second| match (first, second) {
        (AxisValue::Number(first), AxisValue::Number(second)) => first.total_cmp(second),
        (AxisValue::Text(first), AxisValue::Text(second)) => {
            numbers(first).cmp(&numbers(second)).then_with(|| first.cmp(second))
        }
        (AxisValue::Number(_), AxisValue::Text(_)) => Ordering::Less,
        (AxisValue::Text(_), AxisValue::Number(_)) => Ordering::Greater,
    });
    levels
}

/// Returns the numbers in a text, so that `2x128` comes before `10x50`.
fn numbers(text: &str) -> Vec<u64> {
    text.split(|character: char| !character.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

/// Returns the share of the variance of the rows' means that an axis explains alone (eta squared), over the rows to which it applies.
/// Absent where the means or the axis do not vary.
pub fn share_of_variance(rows: &[Row], axis: &str) -> Option<f64> {
    let complete: Vec<(&AxisValue, f64)> =
        rows.iter().filter_map(|row| Some((row.configuration.axis(axis)?, row.complete_mean()?))).collect();
    let levels = levels(complete.iter().map(|(value, _)| *value));
    let level_of = |value: &AxisValue| levels.iter().position(|level| *level == value);
    let own: Vec<usize> = complete.iter().filter_map(|(value, _)| level_of(value)).collect();
    let means: Vec<f64> = complete.iter().map(|(_, mean)| *mean).collect();
    share_between(&own, &means)
}

/// Whether the values of an axis were drawn: next to another axis that varies, most of them are there once among the configurations of a
/// rule. Such a value explains the results of one configuration, whichever axis causes them.
fn is_drawn(rows: &[Row], axis: &str) -> bool {
    let mut rules: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        rules.entry(&row.configuration.rule).or_default().push(row);
    }
    rules.values().any(|rows| varying(rows).len() >= 2 && levels(values(rows, axis)).len() * 2 > rows.len())
}

/// Returns the axes whose values were drawn.
pub fn drawn(rows: &[Row]) -> Vec<&'static str> {
    axes(rows).filter(|axis| is_drawn(rows, axis)).collect()
}

/// Returns the two axes that explain the largest shares of the variance, and the shares, the largest first. Axes whose values
/// were drawn do not count.
pub fn two_largest(rows: &[Row]) -> Option<[(&'static str, f64); 2]> {
    let drawn = drawn(rows);
    let mut shares: Vec<(&str, f64)> = axes(rows)
        .filter(|axis| !drawn.contains(axis))
        .filter_map(|axis| Some((axis, share_of_variance(rows, axis)?)))
        .collect();
    shares.sort_by(|first, second| second.1.total_cmp(&first.1));
    shares.get(..2)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use statistics::Description;

    use super::*;
    use crate::study::Configuration;

    fn row(axes: [(&'static str, f64); 3], mean: f64) -> Row {
        let value = Description { count: 1, mean, deviation: None, interval: None, median: mean };
        let axes =
            axes.map(|(name, value)| (name, (value >= 0.0).then_some(AxisValue::Number(value)))).to_vec();
        Row {
            configuration: Configuration { axes, ..Configuration::default() },
            rank: Some(1),
            value: Some(value),
            ..Row::default()
        }
    }

    fn grid(value: impl Fn(f64, f64, f64) -> f64) -> Vec<Row> {
        let bits = [0.0, 1.0];
        let points =
            bits.into_iter().flat_map(|a| bits.into_iter().flat_map(move |b| bits.map(|c| (a, b, c))));
        points.map(|(a, b, c)| row([("a", a), ("b", b), ("c", c)], value(a, b, c))).collect()
    }

    #[test]
    fn networks_sort_by_their_numbers() {
        assert_eq!(numbers("2x128"), [2, 128]);
        assert!(numbers("2x128") < numbers("10x50"));
        assert!(numbers("tanh").is_empty());
    }

    #[test]
    fn the_axes_that_explain_most_come_first() {
        let rows = grid(|a, b, c| a + 10.0 * b + 3.0 * c);
        let [(first, share), (second, _)] = two_largest(&rows).expect("three axes");
        assert_eq!((first, second), ("b", "c"));
        assert!((share - 100.0 / 110.0).abs() < 1e-12, "{share}");
    }

    #[test]
    fn an_axis_whose_values_were_drawn_does_not_count() {
        // Each rate is there once, and explains everything.
        let mut rows = grid(|a, b, c| a + 10.0 * b + 3.0 * c);
        for (index, row) in (0_u32..).zip(&mut rows) {
            row.configuration.axes.push(("rate", Some(AxisValue::Number(f64::from(index)))));
        }
        assert_eq!(share_of_variance(&rows, "rate"), Some(1.0));
        assert_eq!(drawn(&rows), ["rate"]);
        assert_eq!(two_largest(&rows).map(|axes| axes.map(|(axis, _)| axis)), Some(["b", "c"]));
    }

    #[test]
    fn an_axis_with_one_value_explains_nothing() {
        let rows: Vec<Row> = grid(|a, b, _| a + b)
            .into_iter()
            .filter(|row| row.configuration.axis("c") == Some(&AxisValue::Number(0.0)))
            .collect();
        assert_eq!(varying(&rows), ["a", "b"]);
        assert_eq!(share_of_variance(&rows, "c"), None);
        assert_eq!(two_largest(&rows[..2]), None);
    }

    #[test]
    fn rows_that_an_axis_does_not_apply_to_do_not_count_for_it() {
        let rows = [
            row([("a", -1.0), ("b", 0.0), ("c", 0.0)], 100.0),
            row([("a", 0.0), ("b", 1.0), ("c", 0.0)], 1.0),
        ];
        assert_eq!(share_of_variance(&rows, "a"), None);
        assert_eq!(share_of_variance(&rows, "b"), Some(1.0));
        assert_eq!(varying(&rows), ["b"]);
        let zero = AxisValue::Number(0.0);
        assert_eq!(constant(&rows), [("a", &zero, false), ("c", &zero, true)]);
    }

    #[test]
    fn incomplete_rows_and_equal_rows_explain_nothing() {
        let mut rows = grid(|a, _, _| a);
        rows.iter_mut().for_each(|row| row.rank = None);
        assert_eq!(share_of_variance(&rows, "a"), None);
        assert_eq!(two_largest(&grid(|_, _, _| 1.0)), None);
    }
}
