//! Which pictures are in the folders of classes?

use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::ClassFolders;
use crate::Error;
use crate::files::SourceFile;

/// Every picture, in the order of the bytes of its path's parts: the same on every machine.
#[derive(Debug)]
pub(crate) struct Listing {
    /// Names of the folders that hold a picture; the label is the position.
    pub(crate) class_names: Vec<String>,
    /// At least one.
    pub(crate) pictures: Vec<PictureFile>,
    pub(crate) homepage: Option<&'static str>,
}

/// A file that holds a picture, by its ending.
#[derive(Debug)]
pub(crate) struct PictureFile {
    pub(crate) path: PathBuf,
    /// Within the source's folder, with `/` between the parts.
    pub(crate) name: String,
    pub(crate) label: u16,
}

const ENDINGS: [&str; 3] = ["jpg", "jpeg", "png"];
const MOST_CLASSES: usize = u16::MAX as usize + 1;

impl Listing {
    /// Reads names only. Hidden files and folders are passed over, and so is everything that is no picture by its
    /// ending; a folder without a picture is no class.
    pub(crate) fn of(folders: &ClassFolders, data_dir: &Path) -> Result<Self, Error> {
        folders.require(data_dir)?;
        let root = folders.path(data_dir);
        let mut listing = Self { class_names: Vec::new(), pictures: Vec::new(), homepage: folders.homepage };
        for class in
            entries(&root, 1, folders.homepage)?.into_iter().filter(|entry| entry.file_type().is_dir())
        {
            let class_name = text(&class, class.path())?;
            if (folders.is_class)(&class_name) {
                listing.add_class(class.path(), class_name, folders.nested)?;
            }
        }
        if listing.pictures.is_empty() {
            return Err(Error::NoPictures { folder: root, homepage: folders.homepage });
        }
        Ok(listing)
    }

    fn add_class(&mut self, folder: &Path, class_name: String, nested: bool) -> Result<(), Error> {
        let depth = if nested { usize::MAX } else { 1 };
        let label = self.class_names.len();
        let before = self.pictures.len();
        for entry in
            entries(folder, depth, self.homepage)?.into_iter().filter(|entry| entry.file_type().is_file())
        {
            if !is_picture(entry.path()) {
                continue;
            }
            let label = u16::try_from(label).map_err(|_| Error::TooManyClasses {
                folder: folder.parent().unwrap_or(folder).to_path_buf(),
                most: MOST_CLASSES,
            })?;
            let inner = entry.path().strip_prefix(folder).expect("it was found in there");
            let parts = inner.iter().map(|part| part.to_str());
            let parts = parts.collect::<Option<Vec<_>>>().ok_or_else(|| not_text(entry.path()))?;
            let name = format!("{class_name}/{}", parts.join("/"));
            self.pictures.push(PictureFile { path: entry.into_path(), name, label });
        }
        if self.pictures.len() > before {
            self.class_names.push(class_name);
        }
        Ok(())
    }
}

/// What is in `folder` and not hidden, sorted by the bytes of its name at every level.
fn entries(folder: &Path, depth: usize, homepage: Option<&'static str>) -> Result<Vec<DirEntry>, Error> {
    let is_shown =
        |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
    WalkDir::new(folder)
        .min_depth(1)
        .max_depth(depth)
        .follow_links(true)
        .sort_by(|one, other| one.file_name().as_encoded_bytes().cmp(other.file_name().as_encoded_bytes()))
        .into_iter()
        .filter_entry(is_shown)
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

fn text(entry: &DirEntry, path: &Path) -> Result<String, Error> {
    entry.file_name().to_str().map(str::to_owned).ok_or_else(|| not_text(path))
}

fn not_text(path: &Path) -> Error {
    Error::NameNotText { path: path.to_path_buf() }
}
