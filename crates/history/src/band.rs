//! A mean over seeds with its standard deviation, as TensorBoard shows it.
//!
//! The mean has the metric's own tag, so that TensorBoard shows it in one chart with the seeds. The band around it is in the
//! CUSTOM SCALARS tab, from separate tags and a [`layout`].

use std::time::SystemTime;

use protobuf::Message;
use tensorboard_proto::{
    layout::{Category, Chart, Chart_oneof_content, Layout, MarginChartContent, MarginChartContent_Series},
    tensor::TensorProto,
    types::DataType,
};

use crate::{
    Event,
    event::{plugin_value, scalar, tensor},
};
use settings::Metric;

/// A metric over the seeds of a configuration in one epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    pub metric: Metric,
    pub mean: f64,
    /// The sample standard deviation over seeds.
    pub deviation: f64,
}

/// Returns all bands of one step in one record.
pub fn step(step: u32, now: SystemTime, bands: &[Band]) -> Event {
    let values = bands.iter().flat_map(|Band { metric, mean, deviation }| {
        [
            scalar(metric.to_string(), *mean),
            scalar(center(metric), *mean),
            scalar(lower(metric), mean - deviation),
            scalar(upper(metric), mean + deviation),
        ]
    });
    Event::summary(step, now, values.collect())
}

/// Returns the charts of the CUSTOM SCALARS tab: the bands of these metrics. Belongs once into a run tree.
pub fn layout(metrics: &[Metric], now: SystemTime) -> Event {
    let charts: Vec<Chart> = metrics.iter().map(chart).collect();
    let category = Category {
        title: "mean and standard deviation over seeds (runs that end in /mean)".to_owned(),
        chart: charts.into(),
        ..Category::default()
    };
    let layout = Layout { category: vec![category].into(), ..Layout::default() };
    let bytes = layout.write_to_bytes().expect("proto3 messages have no required fields");
    let text = TensorProto { string_val: vec![bytes].into(), ..tensor(DataType::DT_STRING, &[]) };
    Event::summary(0, now, vec![plugin_value("custom_scalars__config__", "custom_scalars", vec![], text)])
}

fn chart(metric: &Metric) -> Chart {
    let series = MarginChartContent_Series {
        value: center(metric),
        lower: lower(metric),
        upper: upper(metric),
        ..MarginChartContent_Series::default()
    };
    let margin = MarginChartContent { series: vec![series].into(), ..MarginChartContent::default() };
    Chart {
        title: metric.to_string(),
        content: Some(Chart_oneof_content::margin(margin)),
        ..Chart::default()
    }
}

fn center(metric: &Metric) -> String {
    format!("mean_and_sd/{metric}/mean")
}

fn lower(metric: &Metric) -> String {
    format!("mean_and_sd/{metric}/mean_minus_sd")
}

fn upper(metric: &Metric) -> String {
    format!("mean_and_sd/{metric}/mean_plus_sd")
}
