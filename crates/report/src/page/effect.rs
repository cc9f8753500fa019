//! Which axes matter.

use std::collections::BTreeMap;

use crate::study::{AxisValue, Row};

use super::reported::complete_mean;

/// Where a row stands on an axis.
pub fn on_axis<'a>(row: &'a Row, axis: &str) -> Option<&'a AxisValue> {
    row.configuration.axes.iter().find(|(name, _)| *name == axis)?.1.as_ref()
}

/// The axes with at least two values. One that some rows lack follows from another axis there: feedback from the algorithm.
pub fn varying(rows: &[Row]) -> Vec<&'static str> {
    let axes = rows.first().map_or(&[][..], |row| &row.configuration.axes);
    let differs = |axis: &str| {
        let mut values = rows.iter().filter_map(|row| on_axis(row, axis));
        values.next().is_some_and(|first| values.any(|value| value != first))
    };
    axes.iter().map(|(name, _)| *name).filter(|name| differs(name)).collect()
}

/// The other axes, with the only value that they have, and whether it applies to every row.
pub fn constant(rows: &[Row]) -> Vec<(&'static str, &AxisValue, bool)> {
    let varying = varying(rows);
    let axes = rows.first().map_or(&[][..], |row| &row.configuration.axes).iter().map(|(name, _)| *name);
    let only = |axis: &'static str| {
        let value = rows.iter().find_map(|row| on_axis(row, axis))?;
        Some((axis, value, rows.iter().all(|row| on_axis(row, axis).is_some())))
    };
    axes.filter(|axis| !varying.contains(axis)).filter_map(only).collect()
}

/// The share of the variance of the rows' means that an axis explains alone (eta squared), over the rows that it applies to.
/// Absent where there is nothing to explain, or nothing to explain it with.
pub fn share_of_variance(rows: &[Row], axis: &str) -> Option<f64> {
    let mut groups: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for row in rows {
        if let (Some(value), Some(mean)) = (on_axis(row, axis), complete_mean(row)) {
            groups.entry(format!("{value:?}")).or_default().push(mean);
        }
    }
    let all: Vec<f64> = groups.values().flatten().copied().collect();
    let center = mean(&all);
    let total: f64 = all.iter().map(|value| (value - center).powi(2)).sum();
    let between: f64 = groups.values().map(|group| group.len() as f64 * (mean(group) - center).powi(2)).sum();
    (groups.len() >= 2 && total > 0.0 && total.is_finite()).then_some(between / total)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The two axes that explain most, the stronger one first; of equal ones the earlier. Whether they cross or one follows from
/// the other is seen when they are laid out.
pub fn two_that_matter(rows: &[Row]) -> Option<[(&'static str, f64); 2]> {
    let shares = varying(rows).into_iter().filter_map(|axis| Some((axis, share_of_variance(rows, axis)?)));
    let mut shares: Vec<(&str, f64)> = shares.collect();
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
            stage: String::new(),
            configuration: Configuration {
                slug: String::new(),
                label: String::new(),
                algorithm: "dfa".to_owned(),
                axes,
            },
            rank: Some(1),
            seeds: 1,
            diverged: 0,
            failed: 0,
            missing: 0,
            value: Some(value),
            ranked_by: None,
            test: None,
            versus: None,
            is_baseline: false,
            best_of: None,
            steps_per_epoch: None,
            trials: Vec::new(),
        }
    }

    fn grid(value: impl Fn(f64, f64, f64) -> f64) -> Vec<Row> {
        let bits = [0.0, 1.0];
        let points =
            bits.into_iter().flat_map(|a| bits.into_iter().flat_map(move |b| bits.map(|c| (a, b, c))));
        points.map(|(a, b, c)| row([("a", a), ("b", b), ("c", c)], value(a, b, c))).collect()
    }

    #[test]
    fn the_axes_that_matter_explain_the_variance() {
        let rows = grid(|a, b, c| a + 10.0 * b + 3.0 * c);
        let [(first, share), (second, _)] = two_that_matter(&rows).expect("three axes");
        assert_eq!((first, second), ("b", "c"));
        assert!((share - 100.0 / 110.0).abs() < 1e-12, "{share}");
    }

    #[test]
    fn an_axis_with_one_value_cannot_matter() {
        let rows: Vec<Row> = grid(|a, b, _| a + b)
            .into_iter()
            .filter(|row| on_axis(row, "c") == Some(&AxisValue::Number(0.0)))
            .collect();
        assert_eq!(varying(&rows), ["a", "b"]);
        assert_eq!(share_of_variance(&rows, "c"), None);
        assert_eq!(two_that_matter(&rows[..2]), None);
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
        assert_eq!(two_that_matter(&grid(|_, _, _| 1.0)), None);
    }
}
