//! A file of decoded pixels, made to be mapped.
//!
//! ```text
//! header   magic number, version, channels, height, width, examples, bytes of the names, key, hash of what follows,
//!          hash of the header
//! pixels   `[examples, channels, height, width]`
//! labels   `[examples]`, two bytes each
//! names    class names, then skipped pictures and why
//! ```
//!
//! All numbers are little-endian. The file is written under another name, synced and renamed, so a file under its final
//! name is complete. Opening it checks the header's hash, the key and the length, and reads no pixels.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::Path;
use std::sync::Arc;

use blake3::{Hash, Hasher};
use memmap2::Mmap;

use crate::{Error, ImageShape, Loaded, Part, Pixels, Skipped};

const MAGIC: &[u8; 8] = b"bpfreepx";
const VERSION: u32 = 1;
/// The start of the names of files that are being written.
const UNFINISHED: &str = "unfinished-";
const UNSIGNED_HEADER_BYTES: usize = 8 + 4 * 4 + 2 * 8 + 2 * 32;
/// The header with its hash.
const HEADER_BYTES: usize = UNSIGNED_HEADER_BYTES + 32;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Header {
    shape: ImageShape,
    examples: usize,
    names_bytes: usize,
    key: Hash,
    /// The hash of everything after the header.
    body: Hash,
}

/// Maps the file of `key`.
pub(super) fn open(folder: &Path, key: &Hash) -> io::Result<Loaded> {
    let path = folder.join(file_name(key));
    let mut file = File::open(&path)?;
    let mut bytes = [0; HEADER_BYTES];
    file.read_exact(&mut bytes)?;
    let header = Header::parse(&bytes).ok_or_else(|| broken("the header is damaged"))?;
    if header.key != *key {
        return Err(broken("the file holds other pixels"));
    }
    if header.file_bytes() != Some(file.metadata()?.len()) {
        return Err(broken("the file has another length than its header says"));
    }
    // SAFETY: the file is private to this program and never changed after it was renamed to its final name.
    let map = unsafe { Mmap::map(&file)? };
    let names = parse_names(&map[header.names_start()..]).ok_or_else(|| broken("the names are damaged"))?;
    let (class_names, skipped) = names;
    let map = Arc::new(map);
    let (labels, _) = map[header.labels_start()..header.names_start()].as_chunks();
    let part = Part {
        labels: labels.iter().map(|label| u16::from_le_bytes(*label)).collect(),
        images: Pixels::mapped(Arc::clone(&map), HEADER_BYTES..header.labels_start()),
    };
    let loaded = Loaded::new(header.shape, class_names, part, None);
    Ok(Loaded { skipped, decoded_in: Some(path), ..loaded })
}

/// Writes `loaded`, which has no official test part, and maps the written file.
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
    let Loaded { shape, class_names, train, skipped, .. } = loaded;
    let labels: Vec<u8> = train.labels.iter().flat_map(|label| label.to_le_bytes()).collect();
    let names = names_to_bytes(&class_names, &skipped);
    let mut body = Hasher::new();
    body.update(&train.images).update(&labels).update(&names);
    let header = Header {
        shape,
        examples: train.labels.len(),
        names_bytes: names.len(),
        key: *key,
        body: body.finalize(),
    };
    let _lock = begin_writing(folder)?;
    let mut unfinished = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
    let mut writer = BufWriter::new(unfinished.as_file_mut());
    for bytes in [&header.to_bytes()[..], &train.images, &labels, &names] {
        writer.write_all(bytes)?;
    }
    writer.flush()?;
    drop(writer);
    unfinished.as_file().sync_all()?;
    unfinished.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// Lets one process write at a time, and removes the unfinished files of processes that were killed.
fn begin_writing(folder: &Path) -> io::Result<File> {
    let lock = File::create(folder.join("lock"))?;
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

impl Header {
    fn labels_start(&self) -> usize {
        HEADER_BYTES + self.examples * self.shape.pixels()
    }

    fn names_start(&self) -> usize {
        self.labels_start() + 2 * self.examples
    }

    /// Returns the length of the file; `None` if it overflows.
    fn file_bytes(&self) -> Option<u64> {
        let ImageShape { channels, height, width } = self.shape;
        let pixels = channels.checked_mul(height)?.checked_mul(width)?;
        let body = self.examples.checked_mul(pixels.checked_add(2)?)?.checked_add(self.names_bytes)?;
        Some(body.checked_add(HEADER_BYTES)? as u64)
    }

    fn to_bytes(self) -> Vec<u8> {
        let Self { shape, examples, names_bytes, key, body } = self;
        let mut bytes = MAGIC.to_vec();
        for word in [VERSION, shape.channels as u32, shape.height as u32, shape.width as u32] {
            bytes.extend(word.to_le_bytes());
        }
        for word in [examples as u64, names_bytes as u64] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(key.as_bytes());
        bytes.extend(body.as_bytes());
        bytes.extend(blake3::hash(&bytes).as_bytes());
        bytes
    }

    /// Returns `None` if the header is damaged or of another version.
    fn parse(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let (unsigned, hash) = bytes.split_at(UNSIGNED_HEADER_BYTES);
        let mut rest = Bytes(unsigned);
        let is_valid = blake3::hash(unsigned).as_bytes() == hash;
        if !is_valid || rest.take::<8>()? != *MAGIC || rest.u32()? != VERSION {
            return None;
        }
        let [channels, height, width] = [rest.u32()? as usize, rest.u32()? as usize, rest.u32()? as usize];
        Some(Self {
            shape: ImageShape { channels, height, width },
            examples: rest.u64()?,
            names_bytes: rest.u64()?,
            key: rest.take()?.into(),
            body: rest.take()?.into(),
        })
    }
}

fn names_to_bytes(class_names: &[String], skipped: &[Skipped]) -> Vec<u8> {
    let skipped = skipped.iter().flat_map(|it| [&it.name, &it.reason]);
    let mut bytes = Vec::new();
    for texts in [class_names.iter().collect::<Vec<_>>(), skipped.collect()] {
        bytes.extend((texts.len() as u64).to_le_bytes());
        for text in texts {
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend(text.as_bytes());
        }
    }
    bytes
}

/// Returns the class names and the skipped pictures.
fn parse_names(bytes: &[u8]) -> Option<(Vec<String>, Vec<Skipped>)> {
    let mut rest = Bytes(bytes);
    let (class_names, skipped) = (rest.texts()?, rest.texts()?);
    let (pairs, _) = skipped.as_chunks();
    let skipped = pairs.iter().map(|[name, reason]| Skipped { name: name.clone(), reason: reason.clone() });
    rest.0.is_empty().then_some((class_names, skipped.collect()))
}

/// The bytes that are not parsed yet.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const COUNT: usize>(&mut self) -> Option<[u8; COUNT]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<usize> {
        usize::try_from(u64::from_le_bytes(self.take()?)).ok()
    }

    fn texts(&mut self) -> Option<Vec<String>> {
        let count = self.u64()?;
        (0..count).map(|_| self.text()).collect()
    }

    fn text(&mut self) -> Option<String> {
        let length = self.u64()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}
