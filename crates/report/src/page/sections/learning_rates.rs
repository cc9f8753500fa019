//! The reported quantity of each group over the learning rate.

use crate::{
    number,
    page::{
        appearance::appearance,
        chart::{Axis, Chart, Mark, Shape},
        figure::{figure, framed},
        legend::{Entry, legend},
        scale::Scale,
    },
    study::{AxisValue, Row, Study},
    words,
};

/// The largest number of rates of a group that a line joins. More were drawn, and their results vary with the other axes.
const JOINED: usize = 20;

/// The best configuration of a group at each of its learning rates.
struct Response<'a> {
    group: &'a str,
    /// The configurations by rate.
    best: Vec<Point<'a>>,
}

struct Point<'a> {
    rate: f64,
    mean: f64,
    row: &'a Row,
}

/// Returns a chart if a group has at least two learning rates.
pub fn body(study: &Study) -> Option<String> {
    let responses = responses(study);
    if !responses.iter().any(|response| response.best.len() >= 2) {
        return None;
    }
    let chart = chart(study, &responses)?;
    let entries: Vec<Entry> = responses
        .iter()
        .map(|response| Entry {
            name: response.group.to_owned(),
            detail: String::new(),
            appearance: appearance(&study.rows, response.group),
        })
        .collect();
    let bars = if are_joined(&responses) {
        format!("; bars are 95 % intervals of the mean over seeds ({})", seeds(&responses))
    } else {
        String::new()
    };
    let caption = format!(
        "Each point is the configuration with the lowest mean at this rate over all other axes, of those whose seeds all gave a value{bars}."
    );
    let title = words::capitalized(&words::metric(&study.reported.metric));
    Some(figure("Best result at each learning rate.", &caption, &legend(&entries), &framed(&title, &chart)))
}

fn responses(study: &Study) -> Vec<Response<'_>> {
    let mut responses: Vec<Response<'_>> = Vec::new();
    for row in &study.rows {
        let rate = row.configuration.axis("learning_rate");
        let (Some(AxisValue::Number(rate)), Some(mean)) = (rate, row.complete_mean()) else { continue };
        let (point, group) = (Point { rate: *rate, mean, row }, row.group.as_str());
        let Some(response) = responses.iter_mut().find(|response| response.group == group) else {
            responses.push(Response { group, best: vec![point] });
            continue;
        };
        match response.best.iter_mut().find(|other| other.rate == point.rate) {
            Some(other) if mean < other.mean => *other = point,
            Some(_) => {}
            None => response.best.push(point),
        }
    }
    for response in &mut responses {
        response.best.sort_by(|first, second| first.rate.total_cmp(&second.rate));
    }
    responses.sort_by_key(|response| appearance(&study.rows, response.group));
    responses
}

impl Response<'_> {
    fn points(&self) -> Shape {
        Shape::Points(self.best.iter().map(|point| (point.rate, point.mean, point.row.interval())).collect())
    }

    fn markers(&self) -> Shape {
        Shape::Markers(self.best.iter().map(|point| (point.rate, point.mean)).collect())
    }
}

/// Whether lines join the points, and bars show intervals.
fn are_joined(responses: &[Response<'_>]) -> bool {
    responses.iter().all(|response| response.best.len() <= JOINED)
}

fn chart(study: &Study, responses: &[Response<'_>]) -> Option<Chart> {
    let is_joined = are_joined(responses);
    let points = || responses.iter().flat_map(|response| &response.best);
    let rates: Vec<f64> = points().map(|point| point.rate).collect();
    let means: Vec<f64> = points().map(|point| point.mean).collect();
    let intervals = points().filter(|_| is_joined).filter_map(|point| point.row.interval());
    let bounds: Vec<f64> = intervals.flat_map(|interval| [interval.low, interval.high]).collect();
    let marks = responses.iter().map(|response| Mark {
        name: response.group.to_owned(),
        appearance: appearance(&study.rows, response.group),
        shape: if is_joined { response.points() } else { response.markers() },
    });
    Some(Chart {
        description: description(study, responses),
        horizontal: Axis { title: "learning rate".to_owned(), scale: Scale::logarithmic(&rates)? },
        vertical: Axis { title: words::quantity(&study.reported), scale: Scale::around(&means, &bounds)? },
        marks: marks.collect(),
    })
}

fn description(study: &Study, responses: &[Response<'_>]) -> String {
    let lowest = responses.iter().filter_map(|response| {
        let Point { rate, mean, .. } =
            response.best.iter().min_by(|first, second| first.mean.total_cmp(&second.mean))?;
        let (mean, rate) = (number::fixed(*mean, study.reported.decimals()), number::shortest(*rate));
        Some(format!("{} is lowest, {mean}, at {rate}", response.group))
    });
    let lowest: Vec<String> = lowest.collect();
    format!("{} over the learning rate: {}.", words::metric(&study.reported.metric), lowest.join("; "))
}

fn seeds(responses: &[Response<'_>]) -> String {
    let points = responses.iter().flat_map(|response| &response.best);
    let mut counts: Vec<usize> = points.map(|point| point.row.count()).collect();
    counts.sort_unstable();
    counts.dedup();
    let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
    format!("n = {}", counts.join(" or "))
}
