//! What learning costs: memory and time, against what it gives.

use crate::{
    page::{
        appearance::appearance,
        best::{self, best_of_each_algorithm},
        chart::{Axis, Chart, Mark, Shape},
        figure::{entry, figure, framed},
        legend::{Entry, legend},
        number,
        reported::{axis_title, complete_mean, interval},
        scale::{Scale, is_drawable},
        text::counted,
        words,
    },
    study::{Row, Study, Trial},
};

use super::Section;

const MEMORY: &str = "network/activation_bytes";

/// What something costs a trial.
struct Cost {
    title: &'static str,
    axis: &'static str,
    of: fn(&Trial) -> Option<f64>,
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

/// A chart for each cost that at least two algorithms have.
pub fn section(study: &Study) -> Option<Section> {
    let best: Vec<&Row> =
        best_of_each_algorithm(study).into_iter().filter(|row| complete_mean(row).is_some()).collect();
    let charts: Vec<(String, Vec<&Row>)> =
        COSTS.iter().filter_map(|cost| panel(study, &best, cost)).collect();
    if charts.is_empty() {
        return None;
    }
    let shown = best
        .iter()
        .filter(|row| charts.iter().any(|(_, rows)| rows.iter().any(|other| std::ptr::eq(*other, **row))));
    let entries: Vec<Entry> = shown.map(|row| entry(study, row)).collect();
    let caption = format!(
        "The best configuration of each of {}: what it reports (mean with its 95 % interval) against the mean over its seeds of what a \
         trial needs. Further down and further left is better. Memory is what the rule holds at its peak, and time depends on the machine \
         and on what else it did.",
        counted(entries.len(), "learning rule"),
    );
    let charts: String = charts.into_iter().map(|(chart, _)| chart).collect();
    let body = figure("What learning costs.", &caption, &legend(&entries), &charts);
    Some(Section { anchor: "costs", title: "Memory and time".to_owned(), body })
}

fn panel<'a>(study: &Study, best: &[&'a Row], cost: &Cost) -> Option<(String, Vec<&'a Row>)> {
    let costs: Vec<(&Row, f64)> =
        best.iter().filter_map(|row| Some((*row, mean(row.trials.iter().filter_map(cost.of))?))).collect();
    if costs.len() < 2 {
        return None;
    }
    let most = costs.iter().map(|(_, cost)| *cost).fold(0.0, f64::max);
    let (unit_name, factor) =
        cost.units.iter().rev().find(|(_, factor)| most >= 2.0 * factor).unwrap_or(&cost.units[0]);
    let points: Vec<(&Row, f64, f64)> =
        costs.iter().filter_map(|(row, cost)| Some((*row, cost / factor, complete_mean(row)?))).collect();
    let xs: Vec<f64> = points.iter().map(|(_, x, _)| *x).collect();
    let ys: Vec<f64> = points.iter().map(|(_, _, y)| *y).collect();
    let bounds: Vec<f64> = points
        .iter()
        .filter_map(|(row, ..)| interval(row))
        .flat_map(|interval| [interval.low, interval.high])
        .collect();
    let title = format!("{} ({unit_name})", cost.axis);
    let chart = Chart {
        description: description(study, cost, &points, unit_name),
        horizontal: Axis { title: &title, scale: Scale::around(&xs, &[])? },
        vertical: Axis { title: axis_title(study), scale: Scale::around(&ys, &bounds)? },
        marks: points.iter().map(|(row, x, y)| spot(study, row, *x, *y)).collect(),
    };
    Some((framed(cost.title, &chart.draw()), points.into_iter().map(|(row, ..)| row).collect()))
}

fn spot(study: &Study, row: &Row, x: f64, y: f64) -> Mark {
    Mark {
        name: best::name(study, row),
        appearance: appearance(study, &row.configuration.algorithm),
        shape: Shape::Spot(x, y, interval(row)),
    }
}

fn description(study: &Study, cost: &Cost, points: &[(&Row, f64, f64)], unit_name: &str) -> String {
    let each = points.iter().map(|(row, x, y)| {
        let (x, y) = (number::fixed(*x, 2), number::fixed(*y, study.reported.decimals()));
        format!("{} {x} {unit_name} and {y}{}", row.configuration.algorithm, study.reported.unit())
    });
    let each: Vec<String> = each.collect();
    format!("{} and {}: {}.", cost.axis, words::metric(&study.reported.metric), each.join("; "))
}

/// The most that it held in an epoch.
fn peak_bytes(trial: &Trial) -> Option<f64> {
    let series = trial.series.iter().find(|series| series.metric == MEMORY)?;
    series.points.iter().map(|(_, value)| *value).filter(|value| is_drawable(*value)).reduce(f64::max)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.filter(|value| is_drawable(*value)).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
