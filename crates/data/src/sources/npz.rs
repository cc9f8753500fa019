//! A user's own images as arrays in one NumPy file, with the array names of Keras: `x_train`, `y_train`, for a test part
//! `x_test`, `y_test`, and for a validation part `x_val`, `y_val`.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use zip::ZipArchive;
use zip::result::ZipError;

use super::{About, Images, Origin};
use crate::SourceFile;
use crate::npy::{Array, ArrayReader, Kind};
use crate::{DataWarning, Error, ImageShape, Loaded, Loading, Part};

/// Images as bytes, `[examples, height, width]` or `[examples, height, width, 1 or 3]`, and labels as whole numbers.
/// Classes are numbered from 0 to the largest label.
///
/// The arrays `x_test`, `y_test` are the test part and `x_val`, `y_val` the validation part. If only one of the two exists, it
/// is the test part. Without both, the split seed draws a test part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Npz {
    /// The path of the file, relative to the data directory.
    ///
    /// Example: `"my/images.npz"`.
    pub path: PathBuf,
}

type Archive = ZipArchive<BufReader<File>>;

impl Default for Npz {
    fn default() -> Self {
        Self { path: "images.npz".into() }
    }
}

impl Images for Npz {
    fn about(&self) -> About {
        About {
            name: "Npz",
            summary: "your own images as NumPy arrays".to_owned(),
            origin: Origin::OwnFiles(vec![("arrays", self.path.clone())]),
            official: None,
        }
    }

    fn load(&self, loading: &Loading<'_>) -> Result<Loaded, Error> {
        let file = SourceFile::own(loading.data_dir.join(&self.path), "arrays");
        let opened = File::open(&file.path).map_err(|source| file.unreadable(source))?;
        let mut archive =
            ZipArchive::new(BufReader::new(opened)).map_err(|error| damaged_archive(&file, error))?;
        let (train, shape) = read_part(&mut archive, &file, ["x_train", "y_train"])?;
        let mut read_other = |names: [&str; 2]| -> Result<Option<Part>, Error> {
            let is_there = |name: &&str| archive.index_for_name(&format!("{name}.npy")).is_some();
            if !names.iter().any(is_there) {
                return Ok(None);
            }
            let (part, found) = read_part(&mut archive, &file, names)?;
            if found != shape {
                let expected = format!("`{}` of {} as `x_train`", names[0], describe(shape));
                return Err(file.damaged(expected, describe(found)));
            }
            Ok(Some(part))
        };
        let (test, validation) = (read_other(["x_test", "y_test"])?, read_other(["x_val", "y_val"])?);
        let names = archive.file_names().flatten();
        let names = names.map(|name| name.strip_suffix(".npy").unwrap_or(&name).to_owned());
        let mut others: Vec<String> = names.filter(|name| !READ.contains(&name.as_str())).collect();
        others.sort_unstable();
        let mut loaded = Loaded::new(shape, Vec::new(), train, test);
        loaded.validation = validation;
        if !others.is_empty() {
            loaded.warnings.push(DataWarning::ArraysNotRead { names: others });
        }
        Ok(loaded.with_numbered_classes())
    }
}

const READ: [&str; 6] = ["x_train", "y_train", "x_val", "y_val", "x_test", "y_test"];

fn read_part(
    archive: &mut Archive,
    file: &SourceFile,
    [images_name, labels_name]: [&str; 2],
) -> Result<(Part, ImageShape), Error> {
    let images = read_array(archive, file, images_name)?;
    let labels = read_array(archive, file, labels_name)?;
    let Some((count, shape)) = shape(&images) else {
        let expected = format!(
            "`{images_name}` of bytes (u1), [examples, height, width] or [examples, height, width, 1 or 3]"
        );
        let found = format!("shape {:?} of {}", images.shape, images.kind);
        let line = conversion(images_name, &images);
        return Err(Error::OtherArray { path: file.path.clone(), expected, found, line });
    };
    let is_column = labels.shape == [count] || labels.shape == [count, 1];
    if !is_column {
        let expected = format!("`{labels_name}` with {count} labels, one for each image");
        let is_one_hot = matches!(labels.shape[..], [rows, classes] if rows == count && classes > 1);
        if is_one_hot {
            let found = format!("shape {:?}", labels.shape);
            let line = format!("{labels_name} = {labels_name}.argmax(axis=1)");
            return Err(Error::OtherArray { path: file.path.clone(), expected, found, line });
        }
        return Err(file.damaged(expected, format!("shape {:?}", labels.shape)));
    }
    let labels = labels.labels().map_err(|label| {
        file.damaged(format!("labels from 0 to 65535 in `{labels_name}`"), format!("label {label}"))
    })?;
    Ok((Part { images: planes_first(images.bytes, shape).into(), labels }, shape))
}

fn read_array(archive: &mut Archive, file: &SourceFile, name: &str) -> Result<Array, Error> {
    if archive.index_for_name(&format!("{name}.npy")).is_none() {
        return Err(other_names(archive, file, name));
    }
    let mut member = match archive.by_name(&format!("{name}.npy")) {
        Ok(member) => member,
        Err(error) => return Err(damaged_archive(file, error)),
    };
    ArrayReader { reader: &mut member, file, name }.read()
}

/// Returns the error for a file without the array `name`, with the line that renames its arrays.
fn other_names(archive: &Archive, file: &SourceFile, name: &str) -> Error {
    let names = archive.file_names().flatten();
    let mut found: Vec<String> =
        names.filter_map(|found| found.strip_suffix(".npy").map(|name| format!("`{name}`"))).collect();
    found.sort_unstable();
    let found = if found.is_empty() { "no array".to_owned() } else { found.join(", ") };
    let file_name = file.path.file_name().unwrap_or_default().to_string_lossy();
    // The files of MedMNIST have these names.
    let mut parts = vec!["train", "val", "test"];
    parts.retain(|part| archive.index_for_name(&format!("{part}_images.npy")).is_some());
    let renamed =
        parts.iter().map(|part| format!("x_{part}=a[\"{part}_images\"], y_{part}=a[\"{part}_labels\"]"));
    let mut renamed: Vec<String> = renamed.collect();
    if renamed.is_empty() {
        renamed.push("x_train=a[\"IMAGES\"], y_train=a[\"LABELS\"]".to_owned());
    }
    let line = format!(
        "a = numpy.load(\"{file_name}\"); numpy.savez(\"renamed-{file_name}\", {})",
        renamed.join(", ")
    );
    Error::OtherArray { path: file.path.clone(), expected: format!("an array `{name}`"), found, line }
}

/// Returns the line of Python that brings images into a form that is read.
fn conversion(name: &str, images: &Array) -> String {
    let is_bytes = images.kind == Kind { is_signed: false, bytes: 1 };
    match *images.shape.as_slice() {
        [_, 1 | 3, height, width] if height > 3 && width > 3 => {
            format!("{name} = {name}.transpose(0, 2, 3, 1)")
        }
        [_, pixels] if pixels.isqrt().pow(2) == pixels => {
            format!("{name} = {name}.reshape(-1, {0}, {0})", pixels.isqrt())
        }
        [_, _, _] | [_, _, _, 1 | 3] if !is_bytes => {
            format!("{name} = numpy.rint(255 * ({name} / {name}.max())).astype(\"uint8\")")
        }
        [_, _, _, 4] => format!("{name} = {name}[..., :3]"),
        _ => format!("{name} = {name}.reshape(-1, height, width)"),
    }
}

fn damaged_archive(file: &SourceFile, error: ZipError) -> Error {
    match error {
        ZipError::Io(error) if error.raw_os_error().is_some() => file.unreadable(error),
        error => file.damaged("a whole NPZ file", error.to_string()),
    }
}

/// Returns the number of images and their shape, if the array holds images.
fn shape(array: &Array) -> Option<(usize, ImageShape)> {
    let is_bytes = array.kind == Kind { is_signed: false, bytes: 1 };
    match *array.shape.as_slice() {
        [count, height, width] if is_bytes => Some((count, ImageShape { channels: 1, height, width })),
        [count, height, width, channels @ (1 | 3)] if is_bytes => {
            Some((count, ImageShape { channels, height, width }))
        }
        _ => None,
    }
}

fn describe(shape: ImageShape) -> String {
    format!("{}x{} pixels, {} channels", shape.height, shape.width, shape.channels)
}

/// Converts `[examples, height, width, channels]` to `[examples, channels, height, width]`.
fn planes_first(mut images: Vec<u8>, shape: ImageShape) -> Vec<u8> {
    if shape.channels == 1 {
        return images;
    }
    let mut image = vec![0; shape.pixels()];
    for pixels in images.chunks_exact_mut(shape.pixels()) {
        for (channel, plane) in image.chunks_exact_mut(shape.plane()).enumerate() {
            for (target, pixel) in plane.iter_mut().zip(pixels.chunks_exact(shape.channels)) {
                *target = pixel[channel];
            }
        }
        pixels.copy_from_slice(&image);
    }
    images
}
