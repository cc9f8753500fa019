//! How much the learning rate matters to each algorithm.

use crate::{
    page::{
        appearance::appearance,
        chart::{Axis, Chart, Mark, Shape},
        effect::on_axis,
        figure::{figure, framed},
        legend::{Entry, legend},
        number,
        reported::{axis_title, complete_mean, interval},
        scale::Scale,
        words,
    },
    study::{AxisValue, Row, Study},
};

use super::Section;

const AXIS: &str = "learning_rate";

/// The best configuration at each learning rate of one algorithm.
struct Response<'a> {
    algorithm: &'a str,
    /// From the smallest rate.
    best: Vec<(f64, &'a Row)>,
}

/// A chart where an algorithm has two learning rates or more.
pub fn section(study: &Study) -> Option<Section> {
    let responses = responses(study);
    if !responses.iter().any(|response| response.best.len() >= 2) {
        return None;
    }
    let chart = chart(study, &responses)?;
    let entries: Vec<Entry> = responses.iter().map(|response| entry(study, response)).collect();
    let caption = format!(
        "Each point is the configuration with the lowest mean at this rate over all other axes, of those whose seeds all gave \
         a value; bars are 95 % intervals of the mean over seeds ({}).",
        seeds(&responses)
    );
    let title = words::capitalized(&words::metric(&study.reported.metric));
    let body = figure(
        "Best result at each learning rate.",
        &caption,
        &legend(&entries),
        &framed(&title, &chart.draw()),
    );
    Some(Section { anchor: "learning-rates", title: "Learning rates".to_owned(), body })
}

fn responses(study: &Study) -> Vec<Response<'_>> {
    let mut responses: Vec<Response<'_>> = Vec::new();
    for row in &study.rows {
        let (Some(AxisValue::Number(rate)), Some(mean)) = (on_axis(row, AXIS), complete_mean(row)) else {
            continue;
        };
        let algorithm = row.configuration.algorithm.as_str();
        let place =
            responses.iter().position(|response| response.algorithm == algorithm).unwrap_or_else(|| {
                responses.push(Response { algorithm, best: Vec::new() });
                responses.len() - 1
            });
        let best = &mut responses[place].best;
        match best.iter_mut().find(|(other, _)| other == rate) {
            Some((_, other)) if complete_mean(other).is_none_or(|other| mean < other) => *other = row,
            Some(_) => {}
            None => best.push((*rate, row)),
        }
    }
    for response in &mut responses {
        response.best.sort_by(|first, second| first.0.total_cmp(&second.0));
    }
    responses.sort_by_key(|response| appearance(study, response.algorithm));
    responses
}

fn chart<'a>(study: &Study, responses: &[Response<'_>]) -> Option<Chart<'a>> {
    let points = || responses.iter().flat_map(|response| &response.best);
    let rates: Vec<f64> = points().map(|(rate, _)| *rate).collect();
    let means: Vec<f64> = points().filter_map(|(_, row)| complete_mean(row)).collect();
    let bounds: Vec<f64> = points()
        .filter_map(|(_, row)| interval(row))
        .flat_map(|interval| [interval.low, interval.high])
        .collect();
    let marks = responses.iter().map(|response| Mark {
        name: response.algorithm.to_owned(),
        appearance: appearance(study, response.algorithm),
        shape: Shape::Intervals(
            response
                .best
                .iter()
                .filter_map(|(rate, row)| Some((*rate, complete_mean(row)?, interval(row))))
                .collect(),
        ),
    });
    Some(Chart {
        description: description(study, responses),
        horizontal: Axis { title: "learning rate", scale: Scale::logarithmic(&rates)? },
        vertical: Axis { title: axis_title(study), scale: Scale::around(&means, &bounds)? },
        marks: marks.collect(),
    })
}

fn description(study: &Study, responses: &[Response<'_>]) -> String {
    let decimals = study.reported.decimals();
    let lowest = responses.iter().filter_map(|response| {
        let means = response.best.iter().filter_map(|(rate, row)| Some((*rate, complete_mean(row)?)));
        let (rate, mean) = means.min_by(|first, second| first.1.total_cmp(&second.1))?;
        Some(format!(
            "{} is lowest, {}, at {}",
            response.algorithm,
            number::fixed(mean, decimals),
            number::shortest(rate)
        ))
    });
    let lowest: Vec<String> = lowest.collect();
    format!("{} against the learning rate: {}.", words::metric(&study.reported.metric), lowest.join("; "))
}

fn entry(study: &Study, response: &Response<'_>) -> Entry {
    Entry {
        name: response.algorithm.to_owned(),
        detail: String::new(),
        appearance: appearance(study, response.algorithm),
    }
}

fn seeds(responses: &[Response<'_>]) -> String {
    let counts = responses.iter().flat_map(|response| &response.best).filter_map(|(_, row)| row.value);
    let mut counts: Vec<String> = counts.map(|value| value.count.to_string()).collect();
    counts.sort_unstable();
    counts.dedup();
    format!("n = {}", counts.join(" or "))
}
