//! A file of decoded pixels, made to be mapped.
//!
//! ```text
//! hash     of the header, in hexadecimal, and a line break
//! header   JSON, and a line break
//! pixels   `[examples, channels, height, width]`
//! labels   `[examples]`, two bytes each, little-endian
//! ```
//!
//! The file is written under another name, synced and renamed, so a file under its final name is complete. Opening it checks
//! the header's hash, the key and the length, and reads no pixels.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use blake3::Hash;
use memmap2::Mmap;
use serde::{Deserialize, Serialize};

use crate::{Error, ImageShape, Loaded, Part, Pixels, Skipped};

/// The start of the names of files that are being written.
const UNFINISHED: &str = "unfinished-";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    /// The key of the pixels, in hexadecimal.
    key: String,
    shape: ImageShape,
    /// The number of examples in the parts for training, validation and testing.
    parts: [usize; 3],
    class_names: Vec<String>,
    skipped: Vec<Skipped>,
}

/// Maps the file of `key`.
pub(super) fn open(folder: &Path, key: &Hash) -> io::Result<Loaded> {
    let file = File::open(folder.join(file_name(key)))?;
    // SAFETY: the file is private to this program and never changed after it was renamed to its final name.
    let map = unsafe { Mmap::map(&file)? };
    let (header, images_start) = parse_header(&map).ok_or_else(|| broken("the header is damaged"))?;
    let Header { key: found, shape, parts, class_names, skipped } = header;
    if found != key.to_hex().as_str() {
        return Err(broken("the file holds other pixels"));
    }
    let examples: usize = parts.iter().sum();
    let labels_start = images_start + examples * shape.pixels();
    if map.len() != labels_start + 2 * examples {
        return Err(broken("the file has another length than its header says"));
    }
    let map = Arc::new(map);
    let mut first = 0;
    let [train, validation, test] = parts.map(|count| {
        let (labels, _) = map[labels_start + 2 * first..][..2 * count].as_chunks();
        let labels = labels.iter().map(|label| u16::from_le_bytes(*label)).collect();
        let start = images_start + first * shape.pixels();
        first += count;
        let end = images_start + first * shape.pixels();
        Part { labels, images: Pixels::mapped(Arc::clone(&map), start..end) }
    });
    let [validation, test] = [validation, test].map(|part| (!part.labels.is_empty()).then_some(part));
    Ok(Loaded { validation, skipped, ..Loaded::new(shape, class_names, train, test) })
}

/// Returns the header and the number of bytes before the pixels, or `None` if the header is damaged or of another form.
fn parse_header(file: &[u8]) -> Option<(Header, usize)> {
    let mut parts = file.splitn(3, |byte| *byte == b'\n');
    let (hash, text, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let is_undamaged = hash == blake3::hash(text).to_hex().as_bytes();
    let header = is_undamaged.then(|| serde_json::from_slice(text).ok())??;
    Some((header, file.len() - rest.len()))
}

/// Writes `loaded` and maps the written file.
pub(super) fn keep(folder: &Path, key: &Hash, loaded: Loaded) -> Result<Loaded, Error> {
    let path = folder.join(file_name(key));
    let kept = write(folder, &path, key, loaded).and_then(|()| open(folder, key));
    kept.map_err(|source| Error::NotKept { path, source })
}

fn broken(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

fn file_name(key: &Hash) -> String {
    format!("{}.pixels", key.to_hex())
}

fn write(folder: &Path, path: &Path, key: &Hash, loaded: Loaded) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let Loaded { shape, class_names, train, validation, test, skipped, .. } = loaded;
    let empty = Part { images: Vec::new().into(), labels: Vec::new() };
    let parts = [train, validation.unwrap_or_else(|| empty.clone()), test.unwrap_or(empty)];
    let counts = parts.each_ref().map(|part| part.labels.len());
    let key = key.to_hex().to_string();
    let header = serde_json::to_vec(&Header { key, shape, parts: counts, class_names, skipped })?;
    let hash = blake3::hash(&header).to_hex();
    let labels = parts.iter().flat_map(|part| &part.labels);
    let labels: Vec<u8> = labels.flat_map(|label| label.to_le_bytes()).collect();
    let _lock = begin_writing(folder)?;
    let mut unfinished = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
    let [train, validation, test] = parts.each_ref().map(|part| &part.images[..]);
    for bytes in [hash.as_bytes(), b"\n", &header, b"\n", train, validation, test, &labels] {
        unfinished.write_all(bytes)?;
    }
    unfinished.as_file().sync_all()?;
    unfinished.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// Lets one process write at a time, and removes the unfinished files of processes that were killed.
fn begin_writing(folder: &Path) -> io::Result<File> {
    let options = File::options().write(true).create(true).truncate(false).clone();
    let lock = machine::plain::open(&options, &folder.join("lock"))?;
    // If the file system has no locks, unfinished files stay.
    if lock.lock().is_ok() {
        for entry in fs::read_dir(folder)?.flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
                // An unfinished file that cannot be removed does no harm.
                drop(fs::remove_file(entry.path()));
            }
        }
    }
    Ok(lock)
}
