//! The list of pictures in the folders of classes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::ClassFolders;
use super::layout::{self, FilePart, Found};
use crate::SourceFile;
use crate::{DataWarning, Error};

/// Every picture: those of the training part first, and in the order of the bytes of its path's parts, which is the same on
/// every machine.
#[derive(Debug)]
pub(crate) struct Listing {
    /// Names of the folders that hold a picture; the label is the position.
    pub(crate) class_names: Vec<String>,
    /// At least one picture.
    pub(crate) pictures: Vec<PictureFile>,
    /// The folder of the source.
    pub(crate) root: PathBuf,
    pub(crate) homepage: Option<&'static str>,
    /// The files and folders that are not read.
    pub(crate) warnings: Vec<DataWarning>,
}

#[derive(Debug)]
pub(crate) struct PictureFile {
    /// The file; its name is the path within the source's folder, with `/` between the parts.
    pub(crate) file: SourceFile,
    pub(crate) label: u16,
    pub(crate) part: FilePart,
}

const ENDINGS: [&str; 5] = ["jpg", "jpeg", "jpe", "jfif", "png"];
const MAX_CLASSES: usize = u16::MAX as usize + 1;

/// The entries of a folder, at every level.
#[derive(Default)]
struct Walk {
    pictures: Vec<Found>,
    /// The names of every folder.
    folders: Vec<Vec<String>>,
    /// The number of files that are not read, by ending.
    others: BTreeMap<String, usize>,
    broken_links: Vec<String>,
}

impl Listing {
    /// Lists pictures by their names. Hidden files and folders are ignored. A folder without a picture is no class.
    pub(crate) fn of(folders: &ClassFolders, data_dir: &Path) -> Result<Self, Error> {
        let root = folders.path(data_dir);
        let mut walk = Walk::of(&root, folders)?;
        let is_loose = |picture: &Found| picture.names.len() < 2;
        let (loose, mut pictures): (Vec<_>, Vec<_>) = walk.pictures.drain(..).partition(is_loose);
        let is_own = folders.homepage.is_none();
        let skipped = if is_own { layout::skip_outer_folders(&mut pictures) } else { 0 };
        if pictures.is_empty() {
            return Err(walk.no_pictures(&root, folders));
        }
        let parts = if is_own { parts(&root, &pictures)? } else { BTreeMap::new() };
        let class_at = usize::from(!parts.is_empty());
        let class_names: BTreeSet<&String> =
            pictures.iter().map(|picture| &picture.names[class_at]).collect();
        let class_names: Vec<String> = class_names.into_iter().cloned().collect();
        if class_names.len() > MAX_CLASSES {
            return Err(too_many_classes(&root));
        }
        let warnings = if is_own {
            walk.warnings(&pictures, loose.len(), skipped, class_at)
        } else {
            walk.broken_links()
        };
        let mut listed: Vec<PictureFile> = Vec::with_capacity(pictures.len());
        for Found { path, names } in pictures {
            let label = class_names.binary_search(&names[class_at]).expect("every class is in the list");
            let part = parts.get(&names[0]).copied().unwrap_or(FilePart::Train);
            let file = SourceFile { path, name: names.join("/"), homepage: folders.homepage };
            listed.push(PictureFile { file, label: label as u16, part });
        }
        // The sort is stable: pictures of a part stay in order.
        listed.sort_by_key(|picture| picture.part);
        Ok(Self { class_names, pictures: listed, root, homepage: folders.homepage, warnings })
    }
}

/// Returns the parts by their folders; none if the folders are classes.
fn parts(root: &Path, pictures: &[Found]) -> Result<BTreeMap<String, FilePart>, Error> {
    let folders: BTreeSet<&str> = pictures.iter().map(|picture| picture.names[0].as_str()).collect();
    let folders: Vec<&str> = folders.into_iter().collect();
    let Some(parts) = layout::parts(root, &folders)? else { return Ok(BTreeMap::new()) };
    match pictures.iter().find(|picture| picture.names.len() < 3) {
        Some(picture) => Err(layout::without_classes(root, &picture.names[0])),
        None => Ok(folders.into_iter().map(str::to_owned).zip(parts).collect()),
    }
}

impl Walk {
    /// Lists the entries that are not hidden, sorted by the bytes of their names at every level.
    fn of(root: &Path, folders: &ClassFolders) -> Result<Self, Error> {
        let mut walk = Self::default();
        let entries = WalkDir::new(root)
            .min_depth(1)
            .max_depth(if folders.nested { usize::MAX } else { 2 })
            .follow_links(true)
            .sort_by(|one, other| {
                one.file_name().as_encoded_bytes().cmp(other.file_name().as_encoded_bytes())
            })
            .into_iter()
            .filter_entry(|entry| entry.depth() == 0 || is_wanted(entry, folders));
        for entry in entries {
            match entry {
                Ok(entry) => walk.add(root, entry)?,
                Err(error) => walk.pass_over(root, folders, error)?,
            }
        }
        Ok(walk)
    }

    fn add(&mut self, root: &Path, entry: DirEntry) -> Result<(), Error> {
        let inner = entry.path().strip_prefix(root).expect("it was found in there");
        let names: Option<Vec<String>> = inner.iter().map(|name| Some(name.to_str()?.to_owned())).collect();
        let is_folder = entry.file_type().is_dir();
        if !is_folder && !is_picture(entry.path()) {
            let ending = entry.path().extension().map_or("without an ending".to_owned(), |ending| {
                format!(".{}", ending.to_string_lossy().to_lowercase())
            });
            *self.others.entry(ending).or_default() += 1;
            return Ok(());
        }
        let names = names.ok_or_else(|| not_text(entry.path()))?;
        match is_folder {
            true => self.folders.push(names),
            false => self.pictures.push(Found { path: entry.into_path(), names }),
        }
        Ok(())
    }

    /// Keeps the name of a link that leads nowhere or in a circle; every other error is one.
    fn pass_over(&mut self, root: &Path, folders: &ClassFolders, error: walkdir::Error) -> Result<(), Error> {
        let path = error.path().unwrap_or(root).to_path_buf();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.is_symlink() && (error.loop_ancestor().is_some() || !path.exists()) {
            if !is_hidden {
                let inner = path.strip_prefix(root).unwrap_or(&path);
                self.broken_links.push(inner.display().to_string());
            }
            return Ok(());
        }
        let file = SourceFile { path, name: String::new(), homepage: folders.homepage };
        Err(file.unreadable(error.into()))
    }

    fn no_pictures(&self, root: &Path, folders: &ClassFolders) -> Error {
        if folders.homepage.is_some() || self.others.is_empty() {
            return Error::NoPictures { folder: root.to_path_buf(), homepage: folders.homepage };
        }
        let others: Vec<String> =
            self.others.iter().map(|(ending, count)| format!("{count} {ending}")).collect();
        Error::Unsuitable {
            path: root.to_path_buf(),
            expected: "folders of pictures (PNG or JPEG), one folder per class".to_owned(),
            found: format!("no picture, but other files: {}", others.join(", ")),
            hint: "convert pictures of other formats to PNG, for example with ImageMagick: `mogrify -format png`",
        }
    }

    fn broken_links(&self) -> Vec<DataWarning> {
        let names = self.broken_links.clone();
        if names.is_empty() { Vec::new() } else { vec![DataWarning::BrokenLinks { names }] }
    }

    /// Returns the warnings about a user's own folder, whose classes are `class_at` folders below the `skipped` outer folders.
    fn warnings(
        &self,
        pictures: &[Found],
        loose: usize,
        skipped: usize,
        class_at: usize,
    ) -> Vec<DataWarning> {
        let mut warnings = Vec::new();
        if !self.others.is_empty() {
            let endings = self.others.iter().map(|(ending, count)| (ending.clone(), *count)).collect();
            warnings.push(DataWarning::FilesNotRead { endings });
        }
        if loose > 0 {
            warnings.push(DataWarning::LoosePictures { pictures: loose });
        }
        let with_pictures: BTreeSet<&[String]> =
            pictures.iter().map(|picture| &picture.names[..=class_at]).collect();
        let folders = self.folders.iter().filter(|folder| folder.len() == skipped + class_at + 1);
        let empty = folders.filter(|folder| !with_pictures.contains(&folder[skipped..]));
        let names: Vec<String> = empty.map(|folder| folder[skipped..].join("/")).collect();
        if !names.is_empty() {
            warnings.push(DataWarning::FoldersWithoutPictures { names });
        }
        warnings.extend(self.broken_links());
        warnings
    }
}

/// Whether an entry is looked at: it is not hidden, and it is not another folder next to the official ones.
fn is_wanted(entry: &DirEntry, folders: &ClassFolders) -> bool {
    let name = entry.file_name();
    let is_hidden = name.as_encoded_bytes().starts_with(b".") || name == "__MACOSX";
    let is_other = entry.depth() == 1 && name.to_str().is_some_and(|name| !(folders.is_class)(name));
    !is_hidden && !is_other
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

fn too_many_classes(root: &Path) -> Error {
    Error::Unsuitable {
        path: root.to_path_buf(),
        expected: format!("at most {MAX_CLASSES} folders of pictures"),
        found: "more".to_owned(),
        hint: "check that the path is that of a folder of classes",
    }
}
