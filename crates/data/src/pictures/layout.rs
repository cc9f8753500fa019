//! The layout of a user's folder of pictures: folders of classes, or a part for training and others with folders of classes.

use std::path::{Path, PathBuf};

use crate::Error;

/// The part of a source that a picture belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FilePart {
    Train,
    Validation,
    Test,
}

/// A picture that was found in a folder.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// The names of the folders from the source's folder down, and the file's name.
    pub(super) names: Vec<String>,
}

const EXPECTED: &str =
    "one folder per class, or `train` and `test` (and `val`) with one folder per class in each";
const HINT: &str = "put a folder for each class, with its pictures, into each of `train`, `test` and `val`; other folders elsewhere";

/// Removes folders that hold only one other folder, as unpacking leaves them, from the names of all pictures; returns their
/// number.
pub(super) fn skip_outer_folders(pictures: &mut [Found]) -> usize {
    let mut skipped = 0;
    while let Some(outer) = pictures.first().map(|picture| picture.names[0].clone()) {
        let is_outer = |picture: &Found| picture.names.len() > 2 && picture.names[0] == outer;
        if !pictures.iter().all(is_outer) {
            break;
        }
        for picture in pictures.iter_mut() {
            picture.names.remove(0);
        }
        skipped += 1;
    }
    skipped
}

/// Returns the part that each of `folders` is; `None` if they are classes.
pub(super) fn parts(root: &Path, folders: &[&str]) -> Result<Option<Vec<FilePart>>, Error> {
    let parts: Vec<Option<FilePart>> = folders.iter().map(|folder| part(folder)).collect();
    let known: Vec<FilePart> = parts.iter().flatten().copied().collect();
    // A single folder may be the class of trains.
    if known.len() < 2 {
        return Ok(None);
    }
    let other = folders.iter().zip(&parts).find(|(_, part)| part.is_none());
    if let Some((folder, _)) = other {
        return Err(unsuitable(root, format!("the folder `{folder}` next to parts")));
    }
    let count = |wanted| known.iter().filter(|part| **part == wanted).count();
    if count(FilePart::Train) != 1 || count(FilePart::Validation) > 1 || count(FilePart::Test) > 1 {
        return Err(unsuitable(root, format!("the folders {}", folders.join(", "))));
    }
    Ok(Some(known))
}

/// Returns the error for pictures that lie directly in the folder of a part.
pub(super) fn without_classes(root: &Path, part: &str) -> Error {
    unsuitable(root, format!("pictures in `{part}` that are in no folder of a class"))
}

fn unsuitable(root: &Path, found: String) -> Error {
    Error::Unsuitable { path: root.to_path_buf(), expected: EXPECTED.to_owned(), found, hint: HINT }
}

fn part(folder: &str) -> Option<FilePart> {
    match folder.to_lowercase().as_str() {
        "train" | "training" => Some(FilePart::Train),
        "val" | "valid" | "validation" => Some(FilePart::Validation),
        "test" | "testing" => Some(FilePart::Test),
        _ => None,
    }
}
