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
struct Way<'a> {
    row: &'a Row,
    points: Vec<(f64, f64)>,
}

pub fn body(study: &Study) -> Option<String> {
    let metric = study.halved_by.as_deref()?;
    let ways: Vec<Way<'_>> = study.rows.iter().filter_map(|row| way(row, metric)).collect();
    let epochs: Vec<f64> = ways.iter().flat_map(|way| &way.points).map(|(epoch, _)| *epoch).collect();
    let values: Vec<f64> = ways.iter().flat_map(|way| &way.points).map(|(_, value)| *value).collect();
    // Rungs are further apart the more epochs they have, and bad configurations would leave no room for good ones.
    let horizontal = Scale::logarithmic(&epochs)?;
    let vertical = Scale::logarithmic(&values).or_else(|| Scale::around(&values, &[]))?;
    let title = words::quantity(&Criterion { metric: metric.to_owned(), epoch: String::new() });
    let mut groups: Vec<&str> = ways.iter().map(|way| way.row.group.as_str()).collect();
    groups.sort_unstable();
    groups.dedup();
    groups.truncate(GROUPS);
    let charts = groups.iter().map(|group| {
        let (dropped, last): (Vec<&Way<'_>>, Vec<&Way<'_>>) =
            ways.iter().filter(|way| way.row.group == *group).partition(|way| way.row.dropped.is_some());
        let chart = Chart {
            description: format!(
                "{} over epochs: {} dropped, {} trained to the end.",
                words::metric(metric),
                counted(dropped.len(), "configuration"),
                last.len()
            ),
            horizontal: Axis { title: "epoch".to_owned(), scale: horizontal },
            vertical: Axis { title: title.clone(), scale: vertical },
            marks: dropped.into_iter().chain(last).map(|way| mark(study, way)).collect(),
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

fn way<'a>(row: &'a Row, metric: &str) -> Option<Way<'a>> {
    let curve = curve(&row.trials, metric)?;
    let points =
        thinned(&curve.points, POINTS).iter().map(|point| (f64::from(point.epoch), point.mean)).collect();
    Some(Way { row, points })
}

fn mark(study: &Study, way: &Way<'_>) -> Mark {
    let points = way.points.clone();
    Mark {
        name: name(study, way.row),
        appearance: appearance(&study.rows, &way.row.group),
        shape: if way.row.dropped.is_some() { Shape::Faint(points) } else { Shape::Line(points) },
    }
}
