//! One file of decoded pixels, made to be mapped.
//!
//! ```text
//! header   magic number, version, channels, height, width, examples, bytes of the names, key, hash of what follows
//! pixels   `[examples, channels, height, width]`
//! labels   `[examples]`, two bytes each
//! names    class names, then skipped pictures and why
//! ```
//!
//! All numbers are little-endian. The file is written under another name, synced and renamed, so a file under its final
//! name is whole; opening checks the header's own hash, the key and the length, and [`verify_decoded`] reads all of it.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blake3::{Hash, Hasher};
use memmap2::Mmap;

use crate::{Error, ImageShape, Loaded, Part, Pixels, Skipped};

const MAGIC: &[u8; 8] = b"bpfreepx";
const VERSION: u32 = 1;
/// How the names of files begin that are being written.
const UNFINISHED: &str = "unfinished-";
/// Bytes before the header's own hash, and with it.
const UNSIGNED_HEADER_BYTES: usize = 8 + 4 * 4 + 2 * 8 + 2 * 32;
const HEADER_BYTES: usize = UNSIGNED_HEADER_BYTES + 32;

/// A file that was opened and looks whole.
pub(super) struct DecodedFile {
    path: PathBuf,
    header: Header,
    map: Mmap,
    names: Names,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Header {
    shape: ImageShape,
    examples: usize,
    names_bytes: usize,
    key: Hash,
    /// Of everything after the header.
    body: Hash,
}

/// The text at the end of the file.
#[derive(Debug, PartialEq, Eq)]
struct Names {
    classes: Vec<String>,
    skipped: Vec<Skipped>,
}

impl DecodedFile {
    /// Opens the file of `key`, reading neither pixels nor labels from the disk.
    pub(super) fn open(folder: &Path, key: &Hash) -> io::Result<Self> {
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
        let names =
            Names::parse(&map[header.names_start()..]).ok_or_else(|| broken("the names are damaged"))?;
        Ok(Self { path, header, map, names })
    }

    /// Keeps `loaded`, which has no official test part, and maps what was kept.
    pub(super) fn write(folder: &Path, key: &Hash, loaded: Loaded) -> Result<Self, Error> {
        let path = folder.join(file_name(key));
        let kept = write_file(folder, &path, key, loaded).and_then(|()| Self::open(folder, key));
        kept.map_err(|source| Error::NotKept { path, source })
    }

    pub(super) fn into_loaded(self) -> Loaded {
        let Self { path, header, map, names } = self;
        let map = Arc::new(map);
        let (labels, _) = map[header.labels_start()..header.names_start()].as_chunks();
        Loaded {
            shape: header.shape,
            class_names: names.classes,
            train: Part {
                labels: labels.iter().map(|label| u16::from_le_bytes(*label)).collect(),
                images: Pixels::mapped(Arc::clone(&map), HEADER_BYTES..header.labels_start()),
            },
            test: None,
            skipped: names.skipped,
            decoded_in: Some(path),
        }
    }
}

/// Reads a whole file of decoded pictures and compares it with the hash in its header.
///
/// # Errors
/// If the file cannot be read or is not what was written.
pub fn verify_decoded(path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut bytes = [0; HEADER_BYTES];
    file.read_exact(&mut bytes)?;
    let header = Header::parse(&bytes).ok_or_else(|| broken("the header is damaged"))?;
    let mut body = Hasher::new();
    body.update_reader(file)?;
    if body.finalize() == header.body { Ok(()) } else { Err(broken("the pixels are damaged")) }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

fn file_name(key: &Hash) -> String {
    format!("{}.pixels", key.to_hex())
}

fn write_file(folder: &Path, path: &Path, key: &Hash, loaded: Loaded) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let Loaded { shape, class_names, train, skipped, .. } = loaded;
    let labels: Vec<u8> = train.labels.iter().flat_map(|label| label.to_le_bytes()).collect();
    let names = Names { classes: class_names, skipped }.to_bytes();
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

/// Lets one process write at a time, so that what is unfinished now was left behind by one that was killed.
fn begin_writing(folder: &Path) -> io::Result<File> {
    let lock = File::create(folder.join("lock"))?;
    // Where a file system knows no locks, leftovers stay.
    if lock.lock().is_ok() {
        for entry in fs::read_dir(folder)?.flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
                // One that cannot be removed does no harm.
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

    /// `None` if that is more than there are numbers for.
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

    /// `None` if it is damaged, or of another version.
    fn parse(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let (unsigned, signature) = bytes.split_at(UNSIGNED_HEADER_BYTES);
        let mut rest = Bytes(unsigned);
        if blake3::hash(unsigned).as_bytes() != signature || rest.take(8)? != MAGIC || rest.u32()? != VERSION
        {
            return None;
        }
        let [channels, height, width] = [rest.u32()? as usize, rest.u32()? as usize, rest.u32()? as usize];
        Some(Self {
            shape: ImageShape { channels, height, width },
            examples: rest.u64()?,
            names_bytes: rest.u64()?,
            key: rest.hash()?,
            body: rest.hash()?,
        })
    }
}

impl Names {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut put = |texts: &[&str]| {
            bytes.extend((texts.len() as u64).to_le_bytes());
            for text in texts {
                bytes.extend((text.len() as u64).to_le_bytes());
                bytes.extend(text.as_bytes());
            }
        };
        put(&self.classes.iter().map(String::as_str).collect::<Vec<_>>());
        put(&self.skipped.iter().flat_map(|it| [it.name.as_str(), it.reason.as_str()]).collect::<Vec<_>>());
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = Bytes(bytes);
        let (classes, skipped) = (rest.texts()?, rest.texts()?);
        let pairs = skipped.chunks_exact(2);
        let skipped = pairs.map(|pair| Skipped { name: pair[0].clone(), reason: pair[1].clone() }).collect();
        rest.0.is_empty().then_some(Self { classes, skipped })
    }
}

/// What is left to parse.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<usize> {
        usize::try_from(u64::from_le_bytes(self.take(8)?.try_into().ok()?)).ok()
    }

    fn hash(&mut self) -> Option<Hash> {
        Some(Hash::from_bytes(self.take(32)?.try_into().ok()?))
    }

    fn texts(&mut self) -> Option<Vec<String>> {
        let count = self.u64()?;
        (0..count)
            .map(|_| {
                let length = self.u64()?;
                String::from_utf8(self.take(length)?.to_vec()).ok()
            })
            .collect()
    }
}
