//! The result of the best configuration by the number that were tried, over all orders in which they could have been.

use statistics::{BestOfDraws, best_of_draws};

use crate::{
    number,
    page::{
        appearance::appearance,
        best::GROUPS,
        chart::{Axis, Chart, Mark, Shape},
        figure::{figure, framed},
        legend::{Entry, legend},
        scale::Scale,
        text::counted,
    },
    study::{Row, Study},
    words,
};

/// The smallest number of configurations of a group with a curve.
const FEWEST: usize = 3;
/// The largest number of points of a curve.
const POINTS: usize = 120;
/// The share of the orders that must have found a configuration with a value for a point to be drawn.
const SHARE: f64 = 0.9;
/// The number of configurations from which on the horizontal axis is logarithmic.
const MANY: usize = 60;

/// The configurations of a group, and the best of some of them.
struct Search<'a> {
    group: &'a str,
    /// The reported value of each configuration, the best-ranked first.
    values: Vec<Option<f64>>,
    points: Vec<(f64, BestOfDraws)>,
}

/// Returns a chart if a group has at least three configurations. Winners of a search and of successive halving have none: they were not tried
/// in any order.
pub fn body(study: &Study) -> Option<String> {
    let is_in_any_order = study.search.is_empty() && study.halved_by.is_none();
    let searches = if is_in_any_order { searches(study) } else { Vec::new() };
    let chart = chart(study, &searches)?;
    let entries: Vec<Entry> = searches
        .iter()
        .map(|search| Entry {
            name: search.group.to_owned(),
            detail: search.detail(),
            appearance: appearance(&study.rows, search.group),
        })
        .collect();
    let title = words::capitalized(&words::metric(&study.reported.metric));
    let caption = caption(study, &searches);
    Some(figure("Best configuration so far.", &caption, &legend(&entries), &framed(&title, &chart)))
}

fn searches(study: &Study) -> Vec<Search<'_>> {
    let mut searches: Vec<Search<'_>> = Vec::new();
    // Whether a configuration without all of its trials has a value is not known yet.
    for row in study.rows.iter().filter(|row| row.missing == 0 && row.failed == 0 && row.seeds > 0) {
        let value = row.complete_mean();
        match searches.iter_mut().find(|search| search.group == row.group) {
            Some(search) => search.values.push(value),
            None => searches.push(Search { group: &row.group, values: vec![value], points: Vec::new() }),
        }
    }
    searches.retain(|search| search.values.len() >= FEWEST);
    searches.truncate(GROUPS);
    for search in &mut searches {
        let points = numbers_of_draws(search.values.len()).into_iter();
        let points = points.filter_map(|draws| Some((draws as f64, best_of_draws(&search.values, draws)?)));
        search.points = points.filter(|(_, best)| best.share >= SHARE).collect();
    }
    searches.retain(|search| !search.points.is_empty());
    searches.sort_by_key(|search| appearance(&study.rows, search.group));
    searches
}

/// Returns the numbers from 1 to `count`; of many, some that grow by equal factors, with both ends.
fn numbers_of_draws(count: usize) -> Vec<usize> {
    if count <= POINTS {
        return (1..=count).collect();
    }
    let last = (POINTS - 1) as f64;
    let number = |index: usize| (count as f64).powf(index as f64 / last).round() as usize;
    let mut numbers: Vec<usize> = (0..POINTS).map(number).collect();
    numbers.dedup();
    numbers
}

impl Search<'_> {
    fn without_value(&self) -> usize {
        self.values.iter().filter(|value| value.is_none()).count()
    }

    /// Returns `20 configurations, 3 diverged`.
    fn detail(&self) -> String {
        let count = counted(self.values.len(), "configuration");
        match self.without_value() {
            0 => count,
            diverged => format!("{count}, {} diverged", number::whole(diverged)),
        }
    }
}

fn chart(study: &Study, searches: &[Search<'_>]) -> Option<Chart> {
    let points = || searches.iter().flat_map(|search| &search.points);
    let draws: Vec<f64> = points().map(|(draws, _)| *draws).collect();
    let means: Vec<f64> = points().map(|(_, best)| best.mean).collect();
    let bounds: Vec<f64> = points().flat_map(|(_, best)| [best.interval.low, best.interval.high]).collect();
    let most = searches.iter().map(|search| search.values.len()).max()?;
    let horizontal = if most >= MANY { Scale::logarithmic(&draws)? } else { Scale::whole(&draws)? };
    let mark = |search: &Search<'_>, shape| Mark {
        name: search.group.to_owned(),
        appearance: appearance(&study.rows, search.group),
        shape,
    };
    // No band covers a line.
    let bands = searches.iter().map(|search| {
        mark(search, Shape::Band(search.points.iter().map(|(draws, best)| (*draws, best.interval)).collect()))
    });
    let lines = searches.iter().map(|search| {
        mark(search, Shape::Line(search.points.iter().map(|(draws, best)| (*draws, best.mean)).collect()))
    });
    Some(Chart {
        description: description(study, searches),
        horizontal: Axis { title: "configurations tried".to_owned(), scale: horizontal },
        vertical: Axis { title: words::quantity(&study.reported), scale: Scale::around(&means, &bounds)? },
        marks: bands.chain(lines).collect(),
    })
}

fn description(study: &Study, searches: &[Search<'_>]) -> String {
    let ends = searches.iter().filter_map(|search| {
        let ((first, before), (last, after)) = (search.points.first()?, search.points.last()?);
        let [before, after] = [before, after].map(|best| number::fixed(best.mean, study.reported.decimals()));
        Some(format!("{} {before} after {first} and {after} after {last}", search.group))
    });
    let ends: Vec<String> = ends.collect();
    format!(
        "{} of the best configuration by the number tried: {}.",
        words::metric(&study.reported.metric),
        ends.join("; ")
    )
}

fn caption(study: &Study, searches: &[Search<'_>]) -> String {
    let ranking = study.ranked_by.as_ref().unwrap_or(&study.reported);
    let mut text = format!(
        "The {} of the configuration that would have been chosen, by {}, after some of the configurations had been tried, each with all of its \
         seeds. Lines are means over all orders of the configurations, bands reach from the 10 % to the 90 % quantile. Both are exact, not \
         sampled.",
        words::metric(&study.reported.metric),
        words::metric(&ranking.metric),
    );
    if searches.iter().any(|search| search.without_value() > 0) {
        text += " A configuration of which a seed diverged is a try and is never chosen: mean and band are over the orders that have found \
                 another one, and begin where nine in ten have.";
    }
    let is_tried = |row: &Row| row.missing == 0 && row.failed == 0;
    if !study.rows.iter().all(is_tried) {
        text += " Configurations with trials that failed or are not trained yet are left out.";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_curves_have_few_points_and_both_ends() {
        assert_eq!(numbers_of_draws(4), [1, 2, 3, 4]);
        let numbers = numbers_of_draws(5000);
        assert!(numbers.len() <= POINTS && numbers.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!((numbers.first(), numbers.last()), (Some(&1), Some(&5000)));
    }
}
