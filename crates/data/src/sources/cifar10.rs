//! CIFAR-10: small photographs (Krizhevsky 2009, "Learning multiple layers of features from tiny images"), read from
//! the binary version: records of one label and 3,072 pixels, `[3, 32, 32]`.

use std::fs;
use std::path::Path;

use super::{About, Images, Origin};
use crate::files::{OfficialFiles, SourceFile};
use crate::{Error, ImageShape, Loaded, Part};

pub(super) struct Cifar10;

const FILES: OfficialFiles = OfficialFiles {
    folder: "cifar-10-batches-bin",
    names: &[
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
        "test_batch.bin",
    ],
    homepage: "https://www.cs.toronto.edu/~kriz/cifar.html",
};

/// Not needed, and not part of the fingerprint: names change no number.
const CLASS_NAMES_FILE: &str = "batches.meta.txt";
const CLASS_NAMES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
const RECORD_BYTES: usize = 1 + 3 * 32 * 32;

/// The official files have 31 MB each; nothing larger than this is read into memory.
const LARGEST_FILE_BYTES: u64 = 1 << 30;

impl Images for Cifar10 {
    fn about(&self) -> About {
        About {
            name: "CIFAR-10",
            summary: "50,000 + 10,000 color 32x32 images, 10 classes (Krizhevsky 2009)".to_owned(),
            origin: Origin::Files(FILES),
        }
    }

    fn load(&self, data_dir: &Path) -> Result<Loaded, Error> {
        let (test_name, train_names) = FILES.names.split_last().expect("the list above is not empty");
        Ok(Loaded {
            shape: SHAPE,
            class_names: class_names(data_dir)?,
            train: read_part(data_dir, train_names)?,
            test: read_part(data_dir, &[*test_name])?,
        })
    }
}

/// The records of `names`, one file after the other.
fn read_part(data_dir: &Path, names: &[&'static str]) -> Result<Part, Error> {
    let mut part = Part { images: Vec::new(), labels: Vec::new() };
    for name in names {
        let file = FILES.find(data_dir, name);
        let records = read_records(&file)?;
        // Exactly once, at the final size: doubling would copy a hundred megabytes.
        if part.labels.is_empty() {
            part.images.reserve_exact(names.len() * records.len());
        }
        append(&records, &file, &mut part)?;
    }
    Ok(part)
}

/// Whole records, at least one.
fn read_records(file: &SourceFile) -> Result<Vec<u8>, Error> {
    let bytes = fs::metadata(&file.path).map_err(|source| file.unreadable(source))?.len();
    let is_whole = bytes > 0 && bytes % RECORD_BYTES as u64 == 0;
    if !is_whole || bytes > LARGEST_FILE_BYTES {
        let expected = format!(
            "whole records of {RECORD_BYTES} bytes, 1 to {} of them",
            LARGEST_FILE_BYTES / RECORD_BYTES as u64
        );
        return Err(file.damaged(expected, format!("{bytes} bytes")));
    }
    fs::read(&file.path).map_err(|source| file.unreadable(source))
}

fn append(records: &[u8], file: &SourceFile, part: &mut Part) -> Result<(), Error> {
    for (position, record) in records.chunks_exact(RECORD_BYTES).enumerate() {
        let label = record[0];
        if usize::from(label) >= CLASS_NAMES.len() {
            let expected = format!("labels from 0 to {}", CLASS_NAMES.len() - 1);
            return Err(file.damaged(expected, format!("label {label} in record {position}")));
        }
        part.labels.push(u16::from(label));
        part.images.extend_from_slice(&record[1..]);
    }
    Ok(())
}

/// The names in the official file if it is there, or else the same from above.
fn class_names(data_dir: &Path) -> Result<Vec<String>, Error> {
    let file = FILES.find(data_dir, CLASS_NAMES_FILE);
    if !file.path.is_file() {
        return Ok(CLASS_NAMES.map(str::to_owned).to_vec());
    }
    let bytes = fs::read(&file.path).map_err(|source| file.unreadable(source))?;
    let text = String::from_utf8(bytes).map_err(|_| file.damaged("text", "bytes that are not UTF-8"))?;
    let names: Vec<String> =
        text.lines().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.len() != CLASS_NAMES.len() {
        let expected = format!("{} class names, one per line", CLASS_NAMES.len());
        return Err(file.damaged(expected, format!("{}", names.len())));
    }
    Ok(names)
}
