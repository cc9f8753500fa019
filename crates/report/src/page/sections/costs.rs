//! Memory and training time of each group, against the reported quantity.

use crate::{
    number,
    page::{
        best::{best_of_each_group, groups_in_words},
        chart::{Axis, Chart, Shape},
        figure::{entry, figure, framed, mark},
        legend::{Entry, legend},
        scale::{Scale, is_drawable},
    },
    study::{Row, Study, Trial},
    words,
};

const MEMORY: &str = "network/activation_bytes";

struct Cost {
    title: &'static str,
    axis: &'static str,
    of: fn(&Trial) -> Option<f64>,
    /// Names of units and their sizes.
    units: &'static [(&'static str, f64)],
}

const COSTS: [Cost; 2] = [
    Cost {
        title: "Activation memory",
        axis: "activation memory",
        of: peak_bytes,
        units: &[("B", 1.0), ("KiB", 1024.0), ("MiB", 1_048_576.0), ("GiB", 1_073_741_824.0)],
    },
    Cost {
        title: "Training time",
        axis: "training time of a trial",
        of: |trial| trial.seconds,
        units: &[("s", 1.0), ("min", 60.0), ("h", 3600.0)],
    },
];

/// The best configuration of a group by its cost and its result.
struct Point<'a> {
    row: &'a Row,
    x: f64,
    y: f64,
}

/// Returns a chart for each cost that at least two groups have.
pub fn body(study: &Study) -> Option<String> {
    let best = best_of_each_group(study);
    let panels: Vec<(&Cost, Vec<Point<'_>>)> = COSTS
        .iter()
        .map(|cost| (cost, points(&best, cost)))
        .filter(|(_, points)| points.len() >= 2)
        .collect();
    let charts: String =
        panels.iter().map(|(cost, points)| panel(study, cost, points)).collect::<Option<_>>()?;
    let is_shown =
        |row: &Row| panels.iter().flat_map(|(_, points)| points).any(|point| std::ptr::eq(point.row, row));
    let entries: Vec<Entry> = best.iter().filter(|row| is_shown(row)).map(|row| entry(study, row)).collect();
    let caption = format!(
        "The best configuration of {}: the reported quantity (mean with its 95 % interval) over the mean cost of a trial. Lower left \
         is better. Memory is the peak that a training step holds for one trial besides the batch, the parameters and the optimizer state. Time \
         depends on the machine and its load.",
        groups_in_words(study, entries.len()),
    );
    (!charts.is_empty())
        .then(|| figure("Result against memory and time.", &caption, &legend(&entries), &charts))
}

fn points<'a>(best: &[&'a Row], cost: &Cost) -> Vec<Point<'a>> {
    best.iter()
        .filter_map(|row| {
            let x = mean(row.trials.iter().filter_map(cost.of))?;
            Some(Point { row, x, y: row.complete_mean()? })
        })
        .collect()
}

fn panel(study: &Study, cost: &Cost, points: &[Point<'_>]) -> Option<String> {
    let largest = points.iter().map(|point| point.x).fold(0.0, f64::max);
    let (unit, size) =
        cost.units.iter().rev().find(|(_, size)| largest >= 2.0 * size).unwrap_or(&cost.units[0]);
    let xs: Vec<f64> = points.iter().map(|point| point.x / size).collect();
    let ys: Vec<f64> = points.iter().map(|point| point.y).collect();
    let intervals = points.iter().filter_map(|point| point.row.interval());
    let bounds: Vec<f64> = intervals.flat_map(|interval| [interval.low, interval.high]).collect();
    let each = points.iter().zip(&xs).map(|(point, x)| {
        let (x, y) = (number::fixed(*x, 2), number::fixed(point.y, study.reported.decimals()));
        format!("{} {x} {unit} and {y}{}", point.row.group, study.reported.unit())
    });
    let each: Vec<String> = each.collect();
    let marks = points
        .iter()
        .zip(&xs)
        .map(|(point, x)| mark(study, point.row, Shape::Points(vec![(*x, point.y, point.row.interval())])));
    let chart = Chart {
        description: format!(
            "{} and {}: {}.",
            cost.axis,
            words::metric(&study.reported.metric),
            each.join("; ")
        ),
        horizontal: Axis { title: format!("{} ({unit})", cost.axis), scale: Scale::around(&xs, &[])? },
        vertical: Axis { title: words::quantity(&study.reported), scale: Scale::around(&ys, &bounds)? },
        marks: marks.collect(),
    };
    Some(framed(cost.title, &chart))
}

fn peak_bytes(trial: &Trial) -> Option<f64> {
    let series = trial.series.iter().find(|series| series.metric == MEMORY)?;
    series.points.iter().map(|(_, value)| *value).filter(|value| is_drawable(*value)).reduce(f64::max)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.filter(|value| is_drawable(*value)).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
