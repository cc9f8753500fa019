//! The exact bytes of an event file, and their contents according to an independent reader.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use history::{Event, EventFile};
use protobuf::Message;
use settings::{Metric, Place, Quantity, Split};
use tensorboard_proto::event::{self, SessionLog_SessionStatus};

/// Made with the Python package tensorboard 2.21.0: its `RecordWriter` around its `Event` messages, each with
/// `wall_time=1.7e9 + 0.25`:
///
/// ```text
/// Event(file_version="brain.Event:2")
/// Event(step=3, session_log=SessionLog(status=SessionLog.START))
/// Event(step=3, summary=Summary(value=[
///     Value(tag="loss/train", simple_value=0.1),
///     Value(tag="error_rate/test", simple_value=nan),
///     Value(tag="layer_2/bp_cosine", simple_value=0.0)]))
/// ```
const GOLDEN: [&str; 3] = [
    "1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe9",
    "0f000000000000006d532b090900001040fc54d94110033a0208019481124c",
    "520000000000000025eb07b70900001040fc54d94110032a450a110a0a6c6f73732f747261696e15cdcccc3d0a160a0f\
     6572726f725f726174652f74657374150000c07f0a180a116c617965725f322f62705f636f73696e6515000000009562f216",
];

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_700_000_000_250)
}

fn cosine() -> Metric {
    Metric::At { place: Place::Layer(2), quantity: Quantity::named("bp_cosine") }
}

/// Writes the golden file and returns its bytes.
fn written(folder: &Path) -> Vec<u8> {
    let values =
        [(Metric::Loss(Split::Train), 0.1), (Metric::ErrorRate(Split::Test), f64::NAN), (cosine(), 0.0)];
    let mut file = EventFile::create(folder, 3, now()).expect("a writable folder");
    file.append(&Event::scalars(3, now(), &values)).expect("writable");
    let path = file.path().to_owned();
    file.finish().expect("writable");
    fs::read(path).expect("just written")
}

#[test]
fn an_event_file_is_byte_for_byte_what_tensorboard_writes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hexadecimal: String = written(folder.path()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hexadecimal, GOLDEN.concat());
}

#[test]
fn an_event_file_reads_back_as_version_start_and_scalars() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let events = events(&written(folder.path()));
    let [version, start, scalars] = &events[..] else { panic!("three events, got {}", events.len()) };
    assert_eq!(version.get_file_version(), "brain.Event:2");
    assert_eq!(start.get_session_log().get_status(), SessionLog_SessionStatus::START);
    assert_eq!((start.get_step(), scalars.get_step()), (3, 3));
    assert_eq!(scalars.get_wall_time(), 1_700_000_000.25);
    let [loss, error_rate, cosine] = scalars.get_summary().get_value() else { panic!("three scalars") };
    assert_eq!((loss.get_tag(), loss.get_simple_value()), ("loss/train", 0.1));
    assert_eq!(error_rate.get_tag(), "error_rate/test");
    assert!(error_rate.get_simple_value().is_nan());
    assert_eq!((cosine.get_tag(), cosine.get_simple_value()), ("layer_2/bp_cosine", 0.0));
}

#[test]
fn a_version_and_a_start_are_on_disk_as_soon_as_the_file_exists() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = EventFile::create(folder.path(), 1, now()).expect("a writable folder");
    assert_eq!(events(&fs::read(file.path()).expect("exists")).len(), 2);
}

/// Splits the records: length (u64), its masked CRC, the message, its masked CRC; all little-endian.
fn events(mut bytes: &[u8]) -> Vec<event::Event> {
    let mut events = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<8>().expect("a length");
        let (length_checksum, rest) = rest.split_first_chunk::<4>().expect("a checksum");
        let (message, rest) = rest.split_at(u64::from_le_bytes(*length) as usize);
        let (message_checksum, rest) = rest.split_first_chunk::<4>().expect("a checksum");
        assert_eq!(u32::from_le_bytes(*length_checksum), masked_crc32c(length));
        assert_eq!(u32::from_le_bytes(*message_checksum), masked_crc32c(message));
        events.push(event::Event::parse_from_bytes(message).expect("an event"));
        bytes = rest;
    }
    events
}

/// CRC-32C, reflected polynomial 0x82F63B78 (RFC 3720, appendix B.4), masked as in TensorFlow's `crc32c.h`.
fn masked_crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    let crc = !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)));
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[test]
fn the_readers_checksum_is_crc32c() {
    // The check value of the RFC's catalogue: crc32c("123456789") = 0xE3069283, here masked.
    assert_eq!(masked_crc32c(b"123456789"), 0xe306_9283_u32.rotate_right(15).wrapping_add(0xa282_ead8));
}
