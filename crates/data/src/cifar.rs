//! The binary format of CIFAR-10 and CIFAR-100: records of one or two labels and 3,072 pixels, `[3, 32, 32]`.

use std::fs::{self, File};
use std::io::{BufReader, Read};

use crate::files::SourceFile;
use crate::{Error, ImageShape, Part};

pub(crate) const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
const IMAGE_BYTES: usize = 3 * 32 * 32;

/// The largest official file has 154 MB; nothing much larger than that is read into memory.
const LARGEST_FILE_BYTES: u64 = 1 << 30;

/// How a record begins.
#[derive(Clone, Copy)]
pub(crate) struct Records {
    /// Labels before the pixels.
    pub(crate) label_bytes: usize,
    /// Which of them is meant.
    pub(crate) label_at: usize,
    pub(crate) classes: usize,
}

impl Records {
    /// The records of `files`, one file after the other.
    pub(crate) fn read_part(self, files: &[SourceFile]) -> Result<Part, Error> {
        let counts = files.iter().map(|file| self.count(file)).collect::<Result<Vec<_>, Error>>()?;
        let total: usize = counts.iter().sum();
        // Exactly once, at the final size: doubling would copy a hundred megabytes.
        let (mut images, mut labels) = (Vec::with_capacity(total * IMAGE_BYTES), Vec::with_capacity(total));
        for (file, count) in files.iter().zip(counts) {
            self.append(file, count, &mut images, &mut labels)?;
        }
        Ok(Part { images: images.into(), labels })
    }

    /// How many records the file has; at least one, all whole.
    fn count(self, file: &SourceFile) -> Result<usize, Error> {
        let record_bytes = (self.label_bytes + IMAGE_BYTES) as u64;
        let bytes = fs::metadata(&file.path).map_err(|source| file.unreadable(source))?.len();
        let is_whole = bytes > 0 && bytes.is_multiple_of(record_bytes);
        if !is_whole || bytes > LARGEST_FILE_BYTES {
            let most = LARGEST_FILE_BYTES / record_bytes;
            let expected = format!("whole records of {record_bytes} bytes, 1 to {most} of them");
            return Err(file.damaged(expected, format!("{bytes} bytes")));
        }
        Ok((bytes / record_bytes) as usize)
    }

    fn append(
        self,
        file: &SourceFile,
        count: usize,
        images: &mut Vec<u8>,
        labels: &mut Vec<u16>,
    ) -> Result<(), Error> {
        let opened = File::open(&file.path).map_err(|source| file.unreadable(source))?;
        let mut reader = BufReader::with_capacity(1 << 20, opened);
        let mut record = vec![0; self.label_bytes + IMAGE_BYTES];
        for position in 0..count {
            reader.read_exact(&mut record).map_err(|source| file.unreadable(source))?;
            let label = record[self.label_at];
            if usize::from(label) >= self.classes {
                let expected = format!("labels from 0 to {}", self.classes - 1);
                return Err(file.damaged(expected, format!("label {label} in record {position}")));
            }
            labels.push(u16::from(label));
            images.extend_from_slice(&record[self.label_bytes..]);
        }
        Ok(())
    }
}

/// The names in the official file if it is there, or else `names`, which are the same.
pub(crate) fn class_names(file: &SourceFile, names: &[&str]) -> Result<Vec<String>, Error> {
    if !file.path.is_file() {
        return Ok(names.iter().map(|name| (*name).to_owned()).collect());
    }
    let bytes = fs::read(&file.path).map_err(|source| file.unreadable(source))?;
    let text = String::from_utf8(bytes).map_err(|_| file.damaged("text", "bytes that are not UTF-8"))?;
    let found: Vec<String> =
        text.lines().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if found.len() != names.len() {
        let expected = format!("{} class names, one per line", names.len());
        return Err(file.damaged(expected, format!("{}", found.len())));
    }
    Ok(found)
}
