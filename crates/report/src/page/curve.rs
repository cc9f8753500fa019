//! The mean of a metric over the seeds of a configuration, epoch by epoch.

use std::collections::BTreeMap;

use statistics::Interval;

use crate::study::Trial;

use super::scale::is_drawable;

#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The number of seeds that have the metric.
    pub seeds: usize,
    /// The epochs at which each of them has a value, so that the curve ends where the first seed stops.
    pub points: Vec<Point>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub epoch: u32,
    pub mean: f64,
    /// The sample standard deviation over seeds; absent for a single one.
    pub deviation: Option<f64>,
}

impl Point {
    /// Returns one standard deviation on each side of the mean.
    pub fn band(&self) -> Option<Interval> {
        self.deviation.map(|deviation| Interval { low: self.mean - deviation, high: self.mean + deviation })
    }
}

/// Returns the curve of a metric, or none if no epoch has a value of every seed. Values that cannot be drawn are left out.
pub fn curve(trials: &[Trial], metric: &str) -> Option<Curve> {
    let histories: Vec<BTreeMap<u32, f64>> =
        trials.iter().map(|trial| history(trial, metric)).filter(|history| !history.is_empty()).collect();
    let mut points = Vec::new();
    for epoch in histories.first()?.keys() {
        let values: Option<Vec<f64>> = histories.iter().map(|history| history.get(epoch).copied()).collect();
        points.extend(values.map(|values| point(*epoch, &values)));
    }
    (!points.is_empty()).then_some(Curve { seeds: histories.len(), points })
}

fn history(trial: &Trial, metric: &str) -> BTreeMap<u32, f64> {
    let series = trial.series.iter().filter(|series| series.metric == metric);
    series.flat_map(|series| &series.points).copied().filter(|(_, value)| is_drawable(*value)).collect()
}

fn point(epoch: u32, values: &[f64]) -> Point {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
    Point { epoch, mean, deviation }
}

/// Returns at most that many points, the first and the last among them.
pub fn thinned(points: &[Point], at_most: usize) -> Vec<Point> {
    if points.len() <= at_most || at_most < 2 {
        return points.to_vec();
    }
    let last = points.len() - 1;
    (0..at_most).map(|index| points[index * last / (at_most - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::Series;

    fn trial(points: &[(u32, f64)]) -> Trial {
        let series = vec![Series { metric: "loss/train".to_owned(), points: points.to_vec() }];
        Trial { series, ..Trial::default() }
    }

    #[test]
    fn a_band_is_the_sample_deviation_around_the_mean() {
        let trials = [trial(&[(1, 2.0), (2, 1.0)]), trial(&[(1, 4.0), (2, 1.0)])];
        let curve = curve(&trials, "loss/train").expect("a curve");
        assert_eq!((curve.seeds, curve.points.len()), (2, 2));
        let band = |low, high| Some(Interval { low, high });
        assert_eq!(curve.points[0].band(), band(3.0 - 2.0_f64.sqrt(), 3.0 + 2.0_f64.sqrt()));
        assert_eq!(curve.points[1].band(), band(1.0, 1.0));
    }

    #[test]
    fn a_curve_ends_where_the_first_seed_stops_and_skips_what_is_no_number() {
        let long = trial(&[(1, 2.0), (2, f64::NAN), (3, 1.0), (4, 1.0)]);
        let short = trial(&[(1, 4.0), (2, 3.0), (3, 3.0), (4, f64::INFINITY)]);
        let empty = trial(&[]);
        let curve = curve(&[long, short, empty], "loss/train").expect("a curve");
        assert_eq!(curve.seeds, 2);
        assert_eq!(curve.points.iter().map(|point| point.epoch).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn one_seed_has_no_band_and_no_seed_no_curve() {
        let curve_of_one = curve(&[trial(&[(1, 2.0)])], "loss/train").expect("a curve");
        assert_eq!(curve_of_one.points, [Point { epoch: 1, mean: 2.0, deviation: None }]);
        assert_eq!(curve(&[trial(&[(1, 2.0)])], "loss/test"), None);
        assert_eq!(curve(&[], "loss/train"), None);
    }

    #[test]
    fn thinning_keeps_both_ends() {
        let points: Vec<Point> =
            (1..=1000).map(|epoch| Point { epoch, mean: 0.0, deviation: None }).collect();
        let thin = thinned(&points, 200);
        assert_eq!((thin.len(), thin[0].epoch, thin[199].epoch), (200, 1, 1000));
    }
}
