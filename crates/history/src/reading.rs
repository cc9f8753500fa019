//! Reads back event files: their pictures, or a part of their records.

use protobuf::Message;
use tensorboard_proto::{
    event::{self, Event_oneof_what},
    summary::Summary_Value,
};

use crate::{Error, Event};

/// A picture of an event file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The tag of the picture: `output/originals_above_reconstructions`.
    pub tag: String,
    /// The epoch of the picture.
    pub step: i64,
    pub png: Vec<u8>,
}

/// The length of the fields before a record's bytes: the record's length and its checksum.
const BEFORE: usize = 12;
/// The length of the checksum after a record's bytes.
const AFTER: usize = 4;

/// Returns the last picture of each tag in the `bytes` of an event file, in the order of the tags' first pictures. A last
/// record that is cut is ignored, because a process that was killed leaves one.
pub fn pictures(bytes: &[u8]) -> Result<Vec<Shown>, Error> {
    let mut pictures: Vec<Shown> = Vec::new();
    let mut rest = bytes;
    while let Some((record, left)) = next_record(rest)? {
        rest = left;
        let event = event::Event::parse_from_bytes(record).map_err(|_| Error::EventRecord)?;
        let Some(Event_oneof_what::summary(summary)) = &event.what else { continue };
        for value in summary.get_value() {
            if value.get_metadata().get_plugin_data().get_plugin_name() != "images" {
                continue;
            }
            // The texts before the picture are its width and height.
            let Some(png) = value.get_tensor().get_string_val().get(2) else { continue };
            let shown = Shown { tag: value.get_tag().to_owned(), step: event.get_step(), png: png.clone() };
            match pictures.iter_mut().find(|known| known.tag == shown.tag) {
                Some(known) => *known = shown,
                None => pictures.push(shown),
            }
        }
    }
    Ok(pictures)
}

/// The kind of a value in an event file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Scalar,
    Histogram,
    Picture,
}

/// Returns the values of a trial's event files, given as their bytes in order, that `keeps` accepts by kind and tag, as records for another
/// file. Texts are left out, records that a later file invalidates, and last records that are cut.
pub fn values(files: &[Vec<u8>], keeps: impl Fn(Kind, &str) -> bool) -> Result<Vec<Event>, Error> {
    let mut events: Vec<event::Event> = Vec::new();
    for file in files {
        let mut rest = file.as_slice();
        while let Some((record, left)) = next_record(rest)? {
            rest = left;
            let mut event = event::Event::parse_from_bytes(record).map_err(|_| Error::EventRecord)?;
            match &mut event.what {
                Some(Event_oneof_what::session_log(_)) => {
                    events.retain(|earlier| earlier.get_step() < event.get_step());
                }
                Some(Event_oneof_what::summary(summary)) => {
                    let mut kept = summary.take_value();
                    kept.retain(|value| kind_of(value).is_some_and(|kind| keeps(kind, value.get_tag())));
                    if !kept.is_empty() {
                        summary.set_value(kept);
                        events.push(event);
                    }
                }
                _ => {}
            }
        }
    }
    Ok(events.into_iter().map(Event::read).collect())
}

/// Returns the kind of a value; none for a text.
fn kind_of(value: &Summary_Value) -> Option<Kind> {
    match value.get_metadata().get_plugin_data().get_plugin_name() {
        "" => Some(Kind::Scalar),
        "histograms" => Some(Kind::Histogram),
        "images" => Some(Kind::Picture),
        _ => None,
    }
}

/// The bytes of a record, and the bytes after the record.
type RecordAndRest<'a> = (&'a [u8], &'a [u8]);

fn next_record(bytes: &[u8]) -> Result<Option<RecordAndRest<'_>>, Error> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let Some((length, _)) = bytes.split_first_chunk::<8>() else { return Ok(None) };
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| Error::EventRecord)?;
    let end = BEFORE.checked_add(length).ok_or(Error::EventRecord)?;
    // None where the record was not written to its end.
    Ok(bytes.get(BEFORE..end).and_then(|record| Some((record, bytes.get(end + AFTER..)?))))
}

#[cfg(test)]
mod tests {
    use std::{fs, time::SystemTime};

    use super::*;
    use crate::{Event, EventFile, Exhibit, Tiles};
    use settings::{Metric, Split};

    #[test]
    fn values_are_copied_without_texts_others_and_what_was_repeated() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let now = SystemTime::now();
        let [loss, error] = [Metric::Loss(Split::Train), Metric::ErrorRate(Split::Train)];
        let bytes = [(1, 1..=3), (3, 3..=4)].map(|(first, epochs)| {
            let mut file = EventFile::create(folder.path(), first, now).expect("writable");
            file.append(&Event::text("configuration", now, "text")).expect("writable");
            for epoch in epochs {
                let values = [(loss.clone(), f64::from(epoch)), (error.clone(), f64::from(first))];
                file.append(&Event::scalars(epoch, now, &values)).expect("writable");
            }
            let path = file.path().to_owned();
            file.finish().expect("writable");
            fs::read(path).expect("readable")
        });
        let kept =
            values(&bytes, |kind, tag| kind == Kind::Scalar && tag == "loss/train").expect("event files");
        let expected = (1..=4).map(|epoch| Event::scalars(epoch, now, &[(loss.clone(), f64::from(epoch))]));
        assert_eq!(kept, expected.collect::<Vec<_>>());
        let errors = values(&bytes, |_, tag| tag == "error_rate/train").expect("event files");
        let expected = [(1, 1.0), (2, 1.0), (3, 3.0), (4, 3.0)];
        let expected = expected.map(|(epoch, value)| Event::scalars(epoch, now, &[(error.clone(), value)]));
        assert_eq!(errors, expected);
    }

    #[test]
    fn the_last_picture_of_each_tag_is_read_back() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let now = SystemTime::now();
        let picture = |value: f32| Tiles { image: [1, 2, 2] }.of_values(&[value; 4], 1, (0.0, 1.0));
        let mut file = EventFile::create(folder.path(), 1, now).expect("writable");
        for epoch in 1..=2 {
            let exhibits = [
                Exhibit::picture("one", picture(0.2 * epoch as f32)),
                Exhibit::picture("other", picture(0.0)),
            ];
            file.append(&Event::scalars(epoch, now, &[(Metric::Loss(Split::Train), 1.0)])).expect("writable");
            file.append(&Event::exhibits(epoch, now, &exhibits)).expect("writable");
        }
        let path = file.path().to_owned();
        file.finish().expect("writable");
        let bytes = fs::read(path).expect("readable");
        let shown = pictures(&bytes).expect("an event file");
        let tags: Vec<(&str, i64)> = shown.iter().map(|shown| (shown.tag.as_str(), shown.step)).collect();
        assert_eq!(tags, [("one", 2), ("other", 2)]);
        assert!(shown.iter().all(|shown| shown.png.starts_with(b"\x89PNG")));
        assert_ne!(shown[0].png, shown[1].png);
        let cut = pictures(&bytes[..bytes.len() - 1]).expect("a process was killed in its last record");
        let tags: Vec<(&str, i64)> = cut.iter().map(|shown| (shown.tag.as_str(), shown.step)).collect();
        assert_eq!(tags, [("one", 1), ("other", 1)]);
        assert!(pictures(b"\x03\0\0\0\0\0\0\0....xyz....").is_err());
    }
}
