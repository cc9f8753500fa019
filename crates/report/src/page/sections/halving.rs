//! Successive halving: the metric by which configurations were dropped, epoch by epoch.

use crate::{
    page::{
        appearance::appearance,
        best::{GROUPS, name},
        chart::{Axis, Chart, Mark, Shape},
        curve::{curve, thinned},
        figure::{figure, framed},
        legend::{Entry, legend},
        scale::Scale,
        text::counted,
    },
    study::{Criterion, Row, Study},
    words,
};

/// The largest number of points of a line. There may be a thousand lines.
const POINTS: usize = 60;

/// A configuration with the means over its seeds, by epoch.
struct LearningCurve<'a> {
    row: &'a Row,
    points: Vec<(f64, f64)>,
}

pub fn body(study: &Study) -> Option<String> {
    let metric = study.halved_by.as_deref()?;
    let all: Vec<LearningCurve<'_>> =
        study.rows.iter().filter_map(|row| learning_curve(row, metric)).collect();
    let epochs: Vec<f64> = all.iter().flat_map(|one| &one.points).map(|(epoch, _)| *epoch).collect();
    let values: Vec<f64> = all.iter().flat_map(|one| &one.points).map(|(_, value)| *value).collect();
    // Rungs are further apart the more epochs they have, and bad configurations would leave no room for good ones.
    let horizontal = Scale::logarithmic(&epochs)?;
    let vertical = Scale::logarithmic(&values).or_else(|| Scale::around(&values, &[]))?;
    let title = words::quantity(&Criterion { metric: metric.to_owned(), epoch: String::new() });
    let mut groups: Vec<&str> = all.iter().map(|one| one.row.group.as_str()).collect();
    groups.sort_unstable();
    groups.dedup();
    groups.truncate(GROUPS);
    let charts = groups.iter().map(|group| {
        let (dropped, last): (Vec<&LearningCurve<'_>>, Vec<&LearningCurve<'_>>) =
            all.iter().filter(|one| one.row.group == *group).partition(|one| one.row.dropped.is_some());
        let chart = Chart {
            description: format!(
                "{} over epochs: {} dropped, {} trained to the end.",
                words::metric(metric),
                counted(dropped.len(), "configuration"),
                last.len()
            ),
            horizontal: Axis { title: "epoch".to_owned(), scale: horizontal },
            vertical: Axis { title: title.clone(), scale: vertical },
            marks: dropped.into_iter().chain(last).map(|one| mark(study, one)).collect(),
        };
        framed(group, &chart)
    });
    let charts: String = charts.collect();
    let entries = groups.iter().map(|group| Entry {
        appearance: appearance(&study.rows, group),
        detail: String::new(),
        name: (*group).to_owned(),
    });
    let caption = format!(
        "Lines are means over seeds, one for each configuration. Faint lines and dots end where the configuration was dropped; the table says at \
         which place. {} logarithmic.",
        if vertical.is_logarithmic() { "The axes are" } else { "The horizontal axis is" }
    );
    Some(figure(
        "Configurations that were dropped.",
        &caption,
        &legend(&entries.collect::<Vec<_>>()),
        &charts,
    ))
}

fn learning_curve<'a>(row: &'a Row, metric: &str) -> Option<LearningCurve<'a>> {
    let curve = curve(&row.trials, metric)?;
    let points =
        thinned(&curve.points, POINTS).iter().map(|point| (f64::from(point.epoch), point.mean)).collect();
    Some(LearningCurve { row, points })
}

fn mark(study: &Study, one: &LearningCurve<'_>) -> Mark {
    let points = one.points.clone();
    Mark {
        name: name(study, one.row),
        appearance: appearance(&study.rows, &one.row.group),
        shape: if one.row.dropped.is_some() { Shape::Faint(points) } else { Shape::Line(points) },
    }
}
