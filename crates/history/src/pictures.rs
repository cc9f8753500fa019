//! Reads back the pictures of an event file.

use protobuf::Message;
use tensorboard_proto::event::{self, Event_oneof_what};

use crate::Error;

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
