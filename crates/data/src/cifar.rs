//! The binary format of CIFAR-10 and CIFAR-100: records of one or two labels and 3,072 pixels, `[3, 32, 32]`.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use crate::SourceFile;
use crate::files::OfficialFiles;
use crate::{Error, ImageShape, Loaded, Part};

const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
const IMAGE_BYTES: usize = 3 * 32 * 32;

/// The limit on what is read into memory; the largest official file has 154 MB.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// A collection in this format.
#[derive(Clone, Copy)]
pub(crate) struct Cifar {
    /// The files of training records, then the file of test records.
    pub(crate) files: OfficialFiles,
    /// The number of labels before the pixels of a record.
    pub(crate) label_bytes: usize,
    /// The position of the label that is used.
    pub(crate) label_at: usize,
    pub(crate) class_names: &'static [&'static str],
    /// An optional file, which is not part of the fingerprint because names change no number.
    pub(crate) class_names_file: &'static str,
}

impl Cifar {
    pub(crate) fn load(&self, data_dir: &Path) -> Result<Loaded, Error> {
        let files = self.files.all(data_dir);
        let (test, train) = files.split_last().expect("the list of files is not empty");
        let class_names = self.class_names(&self.files.find(data_dir, self.class_names_file))?;
        let train = self.read_part(train)?;
        let test = self.read_part(std::slice::from_ref(test))?;
        Ok(Loaded::new(SHAPE, class_names, train, Some(test)))
    }

    /// Counts the images of all files by their sizes.
    pub(crate) fn count_images(&self, data_dir: &Path) -> Result<usize, Error> {
        self.files.all(data_dir).iter().map(|file| self.count(file)).sum()
    }

    /// Returns the names in the official file if it exists, or else the known names, which are the same.
    fn class_names(&self, file: &SourceFile) -> Result<Vec<String>, Error> {
        if !file.path.is_file() {
            return Ok(self.class_names.iter().map(|name| (*name).to_owned()).collect());
        }
        let bytes = fs::read(&file.path).map_err(|source| file.unreadable(source))?;
        let text = String::from_utf8(bytes).map_err(|_| file.damaged("text", "bytes that are not UTF-8"))?;
        let found = text.lines().map(str::trim).filter(|name| !name.is_empty());
        let found: Vec<String> = found.map(str::to_owned).collect();
        if found.len() != self.class_names.len() {
            let expected = format!("{} class names, one per line", self.class_names.len());
            return Err(file.damaged(expected, found.len().to_string()));
        }
        Ok(found)
    }

    /// Reads the records of `files`, one file after the other.
    fn read_part(&self, files: &[SourceFile]) -> Result<Part, Error> {
        let counts = files.iter().map(|file| self.count(file)).collect::<Result<Vec<_>, Error>>()?;
        let total: usize = counts.iter().sum();
        // Allocated once, at the final size: growing would copy a hundred megabytes.
        let (mut images, mut labels) = (Vec::with_capacity(total * IMAGE_BYTES), Vec::with_capacity(total));
        for (file, count) in files.iter().zip(counts) {
            self.append(file, count, &mut images, &mut labels)?;
        }
        Ok(Part { images: images.into(), labels })
    }

    /// Counts the file's records, of which there must be at least one and none incomplete.
    fn count(&self, file: &SourceFile) -> Result<usize, Error> {
        let record_bytes = (self.label_bytes + IMAGE_BYTES) as u64;
        let bytes = fs::metadata(&file.path).map_err(|source| file.unreadable(source))?.len();
        let is_whole = bytes > 0 && bytes.is_multiple_of(record_bytes);
        if !is_whole || bytes > MAX_FILE_BYTES {
            let most = MAX_FILE_BYTES / record_bytes;
            let expected = format!("whole records of {record_bytes} bytes, 1 to {most} of them");
            return Err(file.damaged(expected, format!("{bytes} bytes")));
        }
        Ok((bytes / record_bytes) as usize)
    }

    fn append(
        &self,
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
            if usize::from(label) >= self.class_names.len() {
                let expected = format!("labels from 0 to {}", self.class_names.len() - 1);
                return Err(file.damaged(expected, format!("label {label} in record {position}")));
            }
            labels.push(u16::from(label));
            images.extend_from_slice(&record[self.label_bytes..]);
        }
        Ok(())
    }
}
