//! The importance of the axes of each learning rule: the shares of the variance of the ranking metric on its grid.

use statistics::{MainEffects, is_complete_grid, levels_without_values, main_effects};

use crate::{
    effect::{levels, varying},
    study::{AxisValue, Row, Study},
};

/// The axes of a rule and the shares of the variance that they explain.
#[derive(Debug, PartialEq)]
pub(crate) struct Importance<'a> {
    /// The name of the rule in papers: `DFA`.
    pub(crate) rule: &'a str,
    /// The share that each axis explains alone.
    pub(crate) shares: Vec<(&'static str, f64)>,
    /// The share that is left for interactions of axes.
    pub(crate) interactions: f64,
    /// The number of configurations with these shares.
    pub(crate) configurations: usize,
    /// The values of axes that are left out, because a configuration has no value there.
    pub(crate) left_out: Vec<(&'static str, &'a AxisValue)>,
}

/// The reason why a rule has no shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Its configurations are not all combinations of the values of its axes: they were drawn, or chosen.
    NoGrid,
    /// Too few values of its axes are left, or they all have one result.
    TooFewValues,
}

/// Returns the shares of each rule of which at least two axes vary and a configuration is ranked, or the reason why it has none; in the order
/// of the rules' first rows.
pub(crate) fn importance(study: &Study) -> Vec<(&str, Result<Importance<'_>, Obstacle>)> {
    let mut rules: Vec<(&str, Vec<&Row>)> = Vec::new();
    for row in &study.rows {
        let rule = row.configuration.rule.as_str();
        match rules.iter_mut().find(|(known, _)| *known == rule) {
            Some((_, rows)) => rows.push(row),
            None => rules.push((rule, vec![row])),
        }
    }
    let rules = rules.into_iter().filter_map(|(rule, rows)| {
        let axes = varying(&rows);
        let is_ranked = rows.iter().any(|row| row.rank.is_some());
        (axes.len() >= 2 && is_ranked).then(|| (rule, of_rule(study, rule, &rows, &axes)))
    });
    rules.collect()
}

fn of_rule<'a>(
    study: &Study,
    rule: &'a str,
    rows: &[&'a Row],
    axes: &[&'static str],
) -> Result<Importance<'a>, Obstacle> {
    let values = |axis: &str| levels(rows.iter().filter_map(|row| row.configuration.axis(axis)));
    let values: Vec<Vec<&AxisValue>> = axes.iter().map(|axis| values(axis)).collect();
    let place = |row: &Row| -> Option<Vec<usize>> {
        let place = |(axis, values): (&&'static str, &Vec<&AxisValue>)| {
            let own = row.configuration.axis(axis)?;
            values.iter().position(|value| *value == own)
        };
        axes.iter().zip(&values).map(place).collect()
    };
    // Most searches end here: there are far more combinations than points.
    let combinations = values.iter().map(Vec::len).try_fold(1, usize::checked_mul);
    if combinations != Some(rows.len()) {
        return Err(Obstacle::NoGrid);
    }
    let points: Option<Vec<(Vec<usize>, Option<f64>)>> =
        rows.iter().map(|row| Some((place(row)?, ranking_mean(study, row)))).collect();
    let points = points.ok_or(Obstacle::NoGrid)?;
    if !is_complete_grid(points.iter().map(|(levels, _)| levels.as_slice())) {
        return Err(Obstacle::NoGrid);
    }
    let left_out = levels_without_values(&points);
    let is_kept = |levels: &[usize]| left_out.iter().all(|&(axis, level)| levels[axis] != level);
    let kept: Vec<(Vec<usize>, f64)> = points
        .into_iter()
        .filter(|(levels, _)| is_kept(levels))
        .filter_map(|(levels, value)| Some((levels, value?)))
        .collect();
    let still_varying = |axis: usize| kept.iter().any(|(levels, _)| levels[axis] != kept[0].0[axis]);
    if (0..axes.len()).filter(|&axis| still_varying(axis)).count() < 2 {
        return Err(Obstacle::TooFewValues);
    }
    let MainEffects { shares, interactions } = main_effects(&kept).ok_or(Obstacle::TooFewValues)?;
    Ok(Importance {
        rule,
        shares: (0..axes.len())
            .filter(|&axis| still_varying(axis))
            .map(|axis| (axes[axis], shares[axis]))
            .collect(),
        interactions,
        configurations: kept.len(),
        left_out: left_out.into_iter().map(|(axis, level)| (axes[axis], values[axis][level])).collect(),
    })
}

/// Returns the mean of the ranking metric, if every seed has a value.
fn ranking_mean(study: &Study, row: &Row) -> Option<f64> {
    let ranking = if study.ranked_by.is_some() { row.ranked_by } else { row.value };
    ranking.filter(|_| row.rank.is_some()).map(|value| value.mean).filter(|mean| mean.is_finite())
}
