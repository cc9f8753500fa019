//! The events of TensorBoard's HPARAMS tab: a table of trials with their hyperparameters and metrics.
//!
//! The [`experiment`] is written once into an event file at the root of the run tree. Each trial is a session: its event
//! file begins with a [`session_start`] and ends with a [`session_end`]. TensorBoard keeps only the first of each that
//! it sees in a run, so a session ends when its trial does, not when a process does.

use std::{collections::HashMap, time::SystemTime};

use protobuf::{Message, SingularPtrField, well_known_types};
use tensorboard_proto::{
    api::{
        DataType, DatasetType, Experiment, HParamInfo, HParamInfo_oneof_domain, MetricInfo, MetricName,
        Status,
    },
    plugin_hparams::{HParamsPluginData, SessionEndInfo, SessionStartInfo},
    types,
};

use crate::{
    Event,
    event::{plugin_value, tensor, unix_seconds},
};
use settings::{Metric, Split};

/// The value of a hyperparameter in one session.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A word or a list: `Dfa`, `500-500`.
    Text(String),
    /// A finite number; TensorBoard leaves out others.
    Number(f64),
    Flag(bool),
}

/// Returns the columns of the table: the hyperparameters, then the metrics.
///
/// The values of a hyperparameter are of one kind and become check boxes next to the table.
pub fn experiment(hyperparameters: &[(String, Vec<Value>)], metrics: &[Metric], now: SystemTime) -> Event {
    let experiment = Experiment {
        time_created_secs: unix_seconds(now),
        hparam_infos: hyperparameters.iter().map(hparam_info).collect(),
        metric_infos: metrics.iter().map(metric_info).collect(),
        ..Experiment::default()
    };
    let mut data = HParamsPluginData::new();
    data.set_experiment(experiment);
    plugin_event("_hparams_/experiment", &data, now)
}

/// Returns the table's row for the run that the event is written into.
///
/// Sessions with one `group_name` are one configuration under several seeds: they share a row, with the mean of their
/// metrics, and must have the same values. The seed is therefore not a hyperparameter.
pub fn session_start(group_name: &str, hyperparameters: &[(String, Value)], now: SystemTime) -> Event {
    let info = SessionStartInfo {
        group_name: group_name.to_owned(),
        start_time_secs: unix_seconds(now),
        ..SessionStartInfo::default()
    };
    // The generated field is a hash map, which is written in a different order every time. Encoded messages merge when
    // they are concatenated (protobuf encoding, "last one wins"), so one message per entry keeps the caller's order.
    let entries = hyperparameters.iter().map(|(name, value)| SessionStartInfo {
        hparams: HashMap::from([(name.clone(), protobuf_value(value))]),
        ..SessionStartInfo::default()
    });
    let bytes = std::iter::once(info).chain(entries).flat_map(|part| encoded(&part)).collect();
    let mut data = HParamsPluginData::default();
    data.mut_unknown_fields().add_length_delimited(SESSION_START_INFO, bytes);
    plugin_event("_hparams_/session_start_info", &data, now)
}

/// The number of the field `HParamsPluginData.session_start_info`.
const SESSION_START_INFO: u32 = 3;

/// Returns the session's end, which is written once and last. A diverged trial has not succeeded.
pub fn session_end(succeeded: bool, now: SystemTime) -> Event {
    let status = if succeeded { Status::STATUS_SUCCESS } else { Status::STATUS_FAILURE };
    let info = SessionEndInfo { status, end_time_secs: unix_seconds(now), ..SessionEndInfo::default() };
    let mut data = HParamsPluginData::new();
    data.set_session_end_info(info);
    plugin_event("_hparams_/session_end_info", &data, now)
}

fn hparam_info((name, values): &(String, Vec<Value>)) -> HParamInfo {
    let field_type = match values.first() {
        Some(Value::Number(_)) => DataType::DATA_TYPE_FLOAT64,
        Some(Value::Flag(_)) => DataType::DATA_TYPE_BOOL,
        Some(Value::Text(_)) | None => DataType::DATA_TYPE_STRING,
    };
    let differs = values.windows(2).any(|pair| pair[0] != pair[1]);
    let mut domain = well_known_types::ListValue::new();
    domain.set_values(values.iter().map(protobuf_value).collect());
    let mut info = HParamInfo {
        name: name.clone(),
        field_type,
        domain: Some(HParamInfo_oneof_domain::domain_discrete(domain)),
        ..HParamInfo::default()
    };
    info.mut_unknown_fields().add_varint(DIFFERS, u64::from(differs));
    info
}

/// The number of the field `HParamInfo.differs`, which is newer than tensorboard-proto. TensorBoard lists the
/// hyperparameters that take more than one value first.
const DIFFERS: u32 = 7;

fn metric_info(metric: &Metric) -> MetricInfo {
    let name = MetricName { tag: metric.to_string(), ..MetricName::default() };
    let dataset_type = match metric.split() {
        Some(Split::Train) => DatasetType::DATASET_TRAINING,
        Some(Split::Validation) => DatasetType::DATASET_VALIDATION,
        Some(Split::Test) | None => DatasetType::DATASET_UNKNOWN,
    };
    MetricInfo { name: SingularPtrField::some(name), dataset_type, ..MetricInfo::default() }
}

fn protobuf_value(value: &Value) -> well_known_types::Value {
    let mut converted = well_known_types::Value::new();
    match value {
        Value::Text(text) => converted.set_string_value(text.clone()),
        Value::Number(number) => converted.set_number_value(*number),
        Value::Flag(flag) => converted.set_bool_value(*flag),
    }
    converted
}

/// Returns a summary with the data as metadata. Its value is the smallest tensor: no numbers in one dimension.
///
/// Step 0 is before the first epoch, so a restart of the trial does not purge the event.
fn plugin_event(tag: &str, data: &HParamsPluginData, now: SystemTime) -> Event {
    let smallest = tensor(types::DataType::DT_FLOAT, &[0]);
    let value = plugin_value(tag, "hparams", encoded(data), smallest);
    Event::summary(0, now, vec![value])
}

fn encoded(message: &impl Message) -> Vec<u8> {
    message.write_to_bytes().expect("proto3 messages have no required fields")
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use tensorboard_proto::event;

    use super::*;

    /// Returns the plugin's data, as TensorBoard finds it.
    fn plugin_data(event: &Event, tag: &str) -> HParamsPluginData {
        let event = event::Event::parse_from_bytes(&event.to_bytes()).expect("an event");
        let [value] = event.get_summary().get_value() else { panic!("one value") };
        assert_eq!(value.get_tag(), tag);
        let plugin_data = value.get_metadata().get_plugin_data();
        assert_eq!(plugin_data.get_plugin_name(), "hparams");
        HParamsPluginData::parse_from_bytes(plugin_data.get_content()).expect("the plugin's data")
    }

    fn values() -> Vec<(String, Value)> {
        let text = ("algorithm".to_owned(), Value::Text("Dfa".to_owned()));
        let number = ("learning_rate".to_owned(), Value::Number(1e-3));
        let flag = ("batch_norm".to_owned(), Value::Flag(false));
        vec![text, number, flag]
    }

    #[test]
    fn a_session_start_holds_the_group_and_every_value() {
        let event = session_start("dfa", &values(), UNIX_EPOCH);
        let data = plugin_data(&event, "_hparams_/session_start_info");
        let info = data.get_session_start_info();
        assert_eq!(info.get_group_name(), "dfa");
        let hparams = info.get_hparams();
        assert_eq!(hparams.len(), 3);
        assert_eq!(hparams["algorithm"].get_string_value(), "Dfa");
        assert_eq!(hparams["learning_rate"].get_number_value(), 1e-3);
        assert!(hparams["batch_norm"].has_bool_value(), "a false flag is still a value");
    }

    #[test]
    fn a_session_start_is_the_same_bytes_every_time() {
        let bytes = session_start("dfa", &values(), UNIX_EPOCH).to_bytes();
        for _ in 0..20 {
            assert_eq!(session_start("dfa", &values(), UNIX_EPOCH).to_bytes(), bytes);
        }
    }

    #[test]
    fn an_experiment_lists_domains_and_metrics() {
        let rates = ("rate".to_owned(), vec![Value::Number(0.1), Value::Number(0.01)]);
        let norm = ("norm".to_owned(), vec![Value::Flag(true)]);
        let metrics = [Metric::ErrorRate(Split::Validation), Metric::Loss(Split::Train)];
        let data = plugin_data(&experiment(&[rates, norm], &metrics, UNIX_EPOCH), "_hparams_/experiment");
        let experiment = data.get_experiment();
        let [rates, norm] = experiment.get_hparam_infos() else { panic!("two hyperparameters") };
        assert_eq!(rates.get_field_type(), DataType::DATA_TYPE_FLOAT64);
        let numbers = rates.get_domain_discrete().get_values().iter().map(|value| value.get_number_value());
        assert_eq!(numbers.collect::<Vec<_>>(), [0.1, 0.01]);
        assert_eq!(norm.get_field_type(), DataType::DATA_TYPE_BOOL);
        let [error_rate, loss] = experiment.get_metric_infos() else { panic!("two metrics") };
        assert_eq!(error_rate.get_name().get_tag(), "error_rate/validation");
        assert_eq!(error_rate.get_dataset_type(), DatasetType::DATASET_VALIDATION);
        assert_eq!(loss.get_dataset_type(), DatasetType::DATASET_TRAINING);
    }

    #[test]
    fn a_session_end_holds_the_outcome() {
        for (succeeded, status) in [(true, Status::STATUS_SUCCESS), (false, Status::STATUS_FAILURE)] {
            let data = plugin_data(&session_end(succeeded, UNIX_EPOCH), "_hparams_/session_end_info");
            assert_eq!(data.get_session_end_info().get_status(), status);
        }
    }
}
