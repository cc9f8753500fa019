//! The records of a TensorBoard event file, without the file.
//!
//! Histograms, pictures and texts are written as in TensorFlow 2: as tensors, with the name of the plugin that shows them in
//! their metadata.

use std::time::{SystemTime, UNIX_EPOCH};

use protobuf::{Message, RepeatedField, SingularPtrField};
use tensorboard_proto::{
    event::{self, Event_oneof_what, SessionLog, SessionLog_SessionStatus},
    summary::{
        Summary, Summary_Value, Summary_Value_oneof_value, SummaryMetadata, SummaryMetadata_PluginData,
    },
    tensor::TensorProto,
    tensor_shape::{TensorShapeProto, TensorShapeProto_Dim},
    types::DataType,
};

use crate::{Content, Exhibit, Histogram, Picture};
use settings::Metric;

/// One record of an event file.
#[derive(Clone, Debug, PartialEq)]
pub struct Event(event::Event);

impl Event {
    /// Returns all scalars of one step in one record, which takes about half the bytes of one record for each.
    ///
    /// A value is rounded to f32, which is what TensorBoard stores; the history keeps the f64. It is written as
    /// `simple_value`, which both of TensorBoard's backends read as a scalar without metadata (checked with 2.21) and
    /// which is 7 bytes shorter than a tensor. NaN and infinities are written unchanged, so that TensorBoard shows a
    /// diverged trial as one.
    pub fn scalars(step: u32, now: SystemTime, values: &[(Metric, f64)]) -> Self {
        let values = values.iter().map(|(metric, value)| scalar(metric.to_string(), *value));
        Self::summary(step, now, values.collect())
    }

    /// Returns all histograms and pictures of one step in one record.
    pub fn exhibits(step: u32, now: SystemTime, exhibits: &[Exhibit]) -> Self {
        let values = exhibits.iter().map(|Exhibit { tag, content }| match content {
            Content::Histogram(histogram) => plugin_value(tag, "histograms", vec![], buckets(histogram)),
            Content::Picture(picture) => plugin_value(tag, "images", vec![], encoded(picture)),
        });
        Self::summary(step, now, values.collect())
    }

    /// Returns a text in Markdown at step 0. A restart of the trial does not purge it, because it is before the first epoch.
    pub fn text(tag: &str, now: SystemTime, markdown: &str) -> Self {
        let text = tensor(DataType::DT_STRING, &[]);
        let text = TensorProto { string_val: vec![markdown.as_bytes().to_vec()].into(), ..text };
        Self::summary(0, now, vec![plugin_value(tag, "text", vec![], text)])
    }

    pub(crate) fn summary(step: u32, now: SystemTime, values: Vec<Summary_Value>) -> Self {
        let summary = Summary { value: RepeatedField::from_vec(values), ..Summary::default() };
        Self::at(step, now, Event_oneof_what::summary(summary))
    }

    /// Returns the first record of every event file.
    pub(crate) fn file_version(now: SystemTime) -> Self {
        Self::at(0, now, Event_oneof_what::file_version("brain.Event:2".to_owned()))
    }

    /// Returns the second record of every event file, which invalidates the records of earlier files from this step on.
    pub(crate) fn session_log_start(first_step: u32, now: SystemTime) -> Self {
        let start = SessionLog { status: SessionLog_SessionStatus::START, ..SessionLog::default() };
        Self::at(first_step, now, Event_oneof_what::session_log(start))
    }

    fn at(step: u32, now: SystemTime, what: Event_oneof_what) -> Self {
        let wall_time = unix_seconds(now);
        Self(event::Event { wall_time, step: i64::from(step), what: Some(what), ..event::Event::default() })
    }

    pub(crate) fn read(event: event::Event) -> Self {
        Self(event)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.write_to_bytes().expect("proto3 messages have no required fields")
    }
}

/// Returns a value that the scalar and the time series tab show.
pub(crate) fn scalar(tag: String, value: f64) -> Summary_Value {
    Summary_Value {
        tag,
        value: Some(Summary_Value_oneof_value::simple_value(value as f32)),
        ..Summary_Value::default()
    }
}

/// Returns a value that the TensorBoard plugin of this name shows, with the plugin's own `content`.
pub(crate) fn plugin_value(tag: &str, plugin: &str, content: Vec<u8>, tensor: TensorProto) -> Summary_Value {
    let plugin_data = SummaryMetadata_PluginData {
        plugin_name: plugin.to_owned(),
        content,
        ..SummaryMetadata_PluginData::default()
    };
    let metadata =
        SummaryMetadata { plugin_data: SingularPtrField::some(plugin_data), ..SummaryMetadata::default() };
    Summary_Value {
        tag: tag.to_owned(),
        metadata: SingularPtrField::some(metadata),
        value: Some(Summary_Value_oneof_value::tensor(tensor)),
        ..Summary_Value::default()
    }
}

/// Returns a tensor of this type and shape, without values.
pub(crate) fn tensor(dtype: DataType, shape: &[usize]) -> TensorProto {
    let dim: Vec<_> = shape
        .iter()
        .map(|&size| TensorShapeProto_Dim { size: size as i64, ..TensorShapeProto_Dim::default() })
        .collect();
    let shape = TensorShapeProto { dim: dim.into(), ..TensorShapeProto::default() };
    TensorProto { dtype, tensor_shape: SingularPtrField::some(shape), ..TensorProto::default() }
}

/// Returns the buckets, `[buckets, 3]`: lower end, upper end and count.
fn buckets(histogram: &Histogram) -> TensorProto {
    let values = histogram.buckets.iter().flat_map(|&(from, to, count)| [from, to, count]).collect();
    TensorProto { double_val: values, ..tensor(DataType::DT_DOUBLE, &[histogram.buckets.len(), 3]) }
}

/// Returns the width, the height and the PNG file, as three strings.
fn encoded(picture: &Picture) -> TensorProto {
    let sizes = [picture.width, picture.height].map(|size| size.to_string().into_bytes());
    let strings: Vec<Vec<u8>> = sizes.into_iter().chain([png(picture)]).collect();
    TensorProto { string_val: strings.into(), ..tensor(DataType::DT_STRING, &[3]) }
}

fn png(picture: &Picture) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, picture.width, picture.height);
    encoder.set_color(if picture.channels == 3 { png::ColorType::Rgb } else { png::ColorType::Grayscale });
    let mut writer = encoder.write_header().expect("memory can be written");
    writer.write_image_data(&picture.pixels).expect("a picture has as many values as its size says");
    writer.finish().expect("memory can be written");
    file
}

/// Returns the seconds since 1970; 0 for a clock before 1970.
pub(crate) fn unix_seconds(now: SystemTime) -> f64 {
    now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
