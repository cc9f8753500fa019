//! The list of pictures in the folders of classes.

use std::path::Path;

use walkdir::{DirEntry, WalkDir};

use super::ClassFolders;
use crate::Error;
use crate::SourceFile;

/// Every picture, in the order of the bytes of its path's parts, which is the same on every machine.
#[derive(Debug)]
pub(crate) struct Listing {
    /// Names of the folders that hold a picture; the label is the position.
    pub(crate) class_names: Vec<String>,
    /// At least one picture.
    pub(crate) pictures: Vec<PictureFile>,
    pub(crate) homepage: Option<&'static str>,
}

#[derive(Debug)]
pub(crate) struct PictureFile {
    /// The file; its name is the path within the source's folder, with `/` between the parts.
    pub(crate) file: SourceFile,
    pub(crate) label: u16,
}

const ENDINGS: [&str; 3] = ["jpg", "jpeg", "png"];
const MAX_CLASSES: usize = u16::MAX as usize + 1;

impl Listing {
    /// Lists pictures by their names. Hidden files and folders are ignored, and so are files without the ending of a
    /// picture. A folder without a picture is no class.
    pub(crate) fn of(folders: &ClassFolders, data_dir: &Path) -> Result<Self, Error> {
        let root = folders.path(data_dir);
        let mut listing = Self { class_names: Vec::new(), pictures: Vec::new(), homepage: folders.homepage };
        for class in entries(&root, 1, folders.homepage)? {
            if !class.file_type().is_dir() {
                continue;
            }
            let class_name = class.file_name().to_str().ok_or_else(|| not_text(class.path()))?;
            if (folders.is_class)(class_name) {
                listing.add_class(class.path(), class_name, folders.nested)?;
            }
        }
        if listing.pictures.is_empty() {
            return Err(Error::NoPictures { folder: root, homepage: folders.homepage });
        }
        Ok(listing)
    }

    fn add_class(&mut self, folder: &Path, class_name: &str, nested: bool) -> Result<(), Error> {
        let depth = if nested { usize::MAX } else { 1 };
        let label = u16::try_from(self.class_names.len());
        let before = self.pictures.len();
        for entry in entries(folder, depth, self.homepage)? {
            if !entry.file_type().is_file() || !is_picture(entry.path()) {
                continue;
            }
            let label = label.map_err(|_| too_many_classes(folder))?;
            let inner = entry.path().strip_prefix(folder).expect("it was found in there");
            let parts: Option<Vec<_>> = inner.iter().map(|part| part.to_str()).collect();
            let parts = parts.ok_or_else(|| not_text(entry.path()))?;
            let name = format!("{class_name}/{}", parts.join("/"));
            let file = SourceFile { path: entry.into_path(), name, homepage: self.homepage };
            self.pictures.push(PictureFile { file, label });
        }
        if self.pictures.len() > before {
            self.class_names.push(class_name.to_owned());
        }
        Ok(())
    }
}

/// Returns the entries of `folder` that are not hidden, sorted by the bytes of their names at every level.
fn entries(folder: &Path, depth: usize, homepage: Option<&'static str>) -> Result<Vec<DirEntry>, Error> {
    WalkDir::new(folder)
        .min_depth(1)
        .max_depth(depth)
        .follow_links(true)
        .sort_by(|one, other| one.file_name().as_encoded_bytes().cmp(other.file_name().as_encoded_bytes()))
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b"."))
        .collect::<Result<_, _>>()
        .map_err(|error| {
            let path = error.path().unwrap_or(folder).to_path_buf();
            let file = SourceFile { path, name: String::new(), homepage };
            file.unreadable(error.into())
        })
}

fn is_picture(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

fn not_text(path: &Path) -> Error {
    Error::Unsuitable {
        path: path.to_path_buf(),
        expected: "a name in UTF-8".to_owned(),
        found: "other bytes".to_owned(),
        hint: "rename it",
    }
}

fn too_many_classes(class_folder: &Path) -> Error {
    Error::Unsuitable {
        path: class_folder.parent().unwrap_or(class_folder).to_path_buf(),
        expected: format!("at most {MAX_CLASSES} folders of pictures"),
        found: "more".to_owned(),
        hint: "check that the path is that of a folder of classes",
    }
}
