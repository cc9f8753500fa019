//! The records of a TensorBoard event file, without the file.

use std::time::{SystemTime, UNIX_EPOCH};

use protobuf::{Message, RepeatedField};
use tensorboard_proto::{
    event::{self, Event_oneof_what, SessionLog, SessionLog_SessionStatus},
    summary::{Summary, Summary_Value, Summary_Value_oneof_value},
};

use crate::Metric;

/// One record of an event file.
#[derive(Clone, Debug, PartialEq)]
pub struct Event(event::Event);

impl Event {
    /// All scalars of one step in one record: about half the bytes of one record each.
    ///
    /// A value is rounded to f32, which is what TensorBoard stores; the history keeps the f64. It is written as
    /// `simple_value`, which both of TensorBoard's backends take for a scalar without metadata (checked with 2.21) and
    /// which is 7 bytes shorter than a tensor. NaN and infinities are written as they are: TensorBoard serves them as
    /// such, and a diverged trial should show as one.
    #[must_use]
    pub fn scalars(step: u32, now: SystemTime, values: &[(Metric, f64)]) -> Self {
        let values = values.iter().map(|(metric, value)| Summary_Value {
            tag: metric.to_string(),
            value: Some(Summary_Value_oneof_value::simple_value(*value as f32)),
            ..Summary_Value::default()
        });
        Self::summary(step, now, values.collect())
    }

    pub(crate) fn summary(step: u32, now: SystemTime, values: Vec<Summary_Value>) -> Self {
        let summary = Summary { value: RepeatedField::from_vec(values), ..Summary::default() };
        Self::at(step, now, Event_oneof_what::summary(summary))
    }

    /// The first record of every event file.
    pub(crate) fn file_version(now: SystemTime) -> Self {
        Self::at(0, now, Event_oneof_what::file_version("brain.Event:2".to_owned()))
    }

    /// The second one: what earlier files of the folder hold from this step on is void.
    pub(crate) fn session_log_start(first_step: u32, now: SystemTime) -> Self {
        let start = SessionLog { status: SessionLog_SessionStatus::START, ..SessionLog::default() };
        Self::at(first_step, now, Event_oneof_what::session_log(start))
    }

    fn at(step: u32, now: SystemTime, what: Event_oneof_what) -> Self {
        let wall_time = unix_seconds(now);
        Self(event::Event { wall_time, step: i64::from(step), what: Some(what), ..event::Event::default() })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.write_to_bytes().expect("proto3 messages have no required fields")
    }
}

/// Seconds since 1970; a clock that stands before it reads 0.
pub(crate) fn unix_seconds(now: SystemTime) -> f64 {
    now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
