//! The IDX format of MNIST and its successors (LeCun, Cortes and Burges 1998): a big-endian header, then bytes.
//!
//! ```text
//! images: 2051, count, height, width, then `[count, height, width]` pixels
//! labels: 2049, count, then `[count]` labels
//! ```

use std::io::Read;
use std::path::Path;

use crate::SourceFile;
use crate::files::OfficialFiles;
use crate::{Error, ImageShape, Loaded, Part};

const IMAGES_MAGIC: u32 = 2051;
const LABELS_MAGIC: u32 = 2049;

/// The limit on the size that a header may claim; the largest official file unpacks to 47 MB.
const MAX_BODY_BYTES: u64 = 1 << 30;
const MAX_SIDE: u32 = 1 << 14;
const FIRST_ALLOCATION_BYTES: u64 = 1 << 26;

/// The files of MNIST and of collections in its format.
pub(crate) const OFFICIAL_NAMES: [&str; 4] = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
];
const OFFICIAL_SHAPE: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };

/// Reads the four files with [`OFFICIAL_NAMES`].
pub(crate) fn load_official(
    files: &OfficialFiles,
    data_dir: &Path,
    class_names: Vec<String>,
) -> Result<Loaded, Error> {
    let [train_images, train_labels, test_images, test_labels] =
        OFFICIAL_NAMES.map(|name| files.find(data_dir, name));
    let (known_shape, classes) = (Some(OFFICIAL_SHAPE), Some(class_names.len()));
    let (train, shape) = read_pair(&train_images, &train_labels, known_shape, classes)?;
    let (test, _) = read_pair(&test_images, &test_labels, known_shape, classes)?;
    Ok(Loaded::new(shape, class_names, train, Some(test)))
}

/// Reads a file of images and the file of their labels. `None` allows images of any shape and any labels.
pub(crate) fn read_pair(
    images_file: &SourceFile,
    labels_file: &SourceFile,
    known_shape: Option<ImageShape>,
    classes: Option<usize>,
) -> Result<(Part, ImageShape), Error> {
    let (images, shape) = read_images(images_file, known_shape)?;
    let labels = read_labels(labels_file, classes)?;
    let count = images.len() / shape.pixels();
    if labels.len() != count {
        let expected = format!("{count} labels, one for each image in {}", images_file.path.display());
        return Err(labels_file.damaged(expected, format!("{} labels", labels.len())));
    }
    Ok((Part { images: images.into(), labels }, shape))
}

/// Returns `[examples, height, width]`, row-major.
fn read_images(file: &SourceFile, known: Option<ImageShape>) -> Result<(Vec<u8>, ImageShape), Error> {
    let mut reader = file.open()?;
    let [magic, count, height, width] = read_header(&mut reader, file)?;
    check_magic(file, magic, IMAGES_MAGIC, "images")?;
    let shape = ImageShape { channels: 1, height: height as usize, width: width as usize };
    if let Some(known) = known {
        require_shape(file, shape, known)?;
    }
    if !(1..=MAX_SIDE).contains(&height) || !(1..=MAX_SIDE).contains(&width) {
        let expected = format!("images of 1x1 to {MAX_SIDE}x{MAX_SIDE} pixels");
        return Err(file.damaged(expected, format!("{height}x{width}")));
    }
    let body = Body { header_bytes: 16, items: count, item_bytes: shape.pixels() };
    Ok((body.read(&mut reader, file)?, shape))
}

fn require_shape(file: &SourceFile, found: ImageShape, expected: ImageShape) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    let expected = format!("images of {}x{} pixels", expected.height, expected.width);
    Err(file.damaged(expected, format!("{}x{}", found.height, found.width)))
}

/// Returns `[examples]`, each below `classes` if that is known.
fn read_labels(file: &SourceFile, classes: Option<usize>) -> Result<Vec<u16>, Error> {
    let mut reader = file.open()?;
    let [magic, count] = read_header(&mut reader, file)?;
    check_magic(file, magic, LABELS_MAGIC, "labels")?;
    let labels = Body { header_bytes: 8, items: count, item_bytes: 1 }.read(&mut reader, file)?;
    let classes = classes.unwrap_or(usize::from(u8::MAX) + 1);
    if let Some(position) = labels.iter().position(|label| usize::from(*label) >= classes) {
        let expected = format!("labels from 0 to {}", classes - 1);
        return Err(file.damaged(expected, format!("label {} at position {position}", labels[position])));
    }
    Ok(labels.into_iter().map(u16::from).collect())
}

fn read_header<const WORDS: usize>(reader: &mut dyn Read, file: &SourceFile) -> Result<[u32; WORDS], Error> {
    let mut bytes = Vec::with_capacity(4 * WORDS);
    let read = reader.take(4 * WORDS as u64).read_to_end(&mut bytes);
    read.map_err(|source| file.interrupted(bytes.len(), source))?;
    if bytes.len() < 4 * WORDS {
        let expected = format!("a header of {} bytes", 4 * WORDS);
        return Err(file.damaged(expected, format!("{} bytes", bytes.len())));
    }
    let (words, _) = bytes.as_chunks::<4>();
    Ok(std::array::from_fn(|word| u32::from_be_bytes(words[word])))
}

fn check_magic(file: &SourceFile, found: u32, expected: u32, content: &str) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(file.damaged(format!("magic number {expected} (IDX {content})"), found.to_string()))
}

/// The bytes that follow a header.
struct Body {
    header_bytes: usize,
    items: u32,
    item_bytes: usize,
}

impl Body {
    /// Reads exactly the items, and at most one byte more to check that nothing follows.
    fn read(&self, reader: &mut dyn Read, file: &SourceFile) -> Result<Vec<u8>, Error> {
        let Self { header_bytes, items, item_bytes } = *self;
        let expected = u64::from(items) * item_bytes as u64;
        if expected == 0 || expected > MAX_BODY_BYTES {
            let allowed = format!("a count from 1 to {}", MAX_BODY_BYTES / item_bytes as u64);
            return Err(file.damaged(allowed, format!("a count of {items}")));
        }
        // Memory grows with the bytes that are really there, not with the header's claim.
        let mut bytes = Vec::with_capacity(expected.min(FIRST_ALLOCATION_BYTES) as usize + 1);
        let read = reader.take(expected + 1).read_to_end(&mut bytes);
        read.map_err(|source| file.interrupted(header_bytes + bytes.len(), source))?;
        let found = bytes.len() as u64;
        if found != expected {
            let found = if found > expected { "more".to_owned() } else { format!("{found} bytes") };
            return Err(file.damaged(format!("{expected} bytes after the header ({items} items)"), found));
        }
        Ok(bytes)
    }
}
