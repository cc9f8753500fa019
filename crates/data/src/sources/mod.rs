//! The one list of sources. A new source is a file beside this one, and its lines here.

mod caltech256;
mod cifar10;
mod cifar100;
mod euro_sat;
mod fashion_mnist;
mod glyphs;
mod idx;
mod image_folder;
mod mnist;
mod npz;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use caltech256::Caltech256;
pub use cifar100::{Cifar100, Cifar100Labels};
pub use euro_sat::EuroSat;
pub use glyphs::Glyphs;
pub use idx::{Idx, IdxFiles};
pub use image_folder::ImageFolder;
pub use npz::Npz;

use crate::files::{OfficialFiles, SourceFile, require_all};
use crate::pictures::ClassFolders;
use crate::{Counts, Error, Fingerprint, Loaded, Loading, Presence, Problem};

/// A collection of labelled images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Source {
    /// Figures this program draws; needs no files.
    Glyphs(Glyphs),
    /// Handwritten digits.
    Mnist,
    /// Pictures of clothes.
    FashionMnist,
    /// Small photographs of ten things.
    Cifar10,
    /// Small photographs of a hundred things.
    Cifar100(Cifar100),
    /// Satellite pictures.
    EuroSat(EuroSat),
    /// Photographs of objects.
    Caltech256(Caltech256),
    /// A user's own pictures.
    ImageFolder(ImageFolder),
    /// A user's own images in the format of MNIST.
    Idx(Idx),
    /// A user's own images as NumPy arrays.
    Npz(Npz),
}

/// Every source, with its settings at their defaults.
#[must_use]
pub fn sources() -> Vec<Source> {
    vec![
        Source::Glyphs(Glyphs::default()),
        Source::Mnist,
        Source::FashionMnist,
        Source::Cifar10,
        Source::Cifar100(Cifar100::default()),
        Source::EuroSat(EuroSat::default()),
        Source::Caltech256(Caltech256::default()),
        Source::ImageFolder(ImageFolder::default()),
        Source::Idx(Idx::default()),
        Source::Npz(Npz::default()),
    ]
}

/// What each file in this folder provides.
trait Images {
    /// What the source is, and what its images are made from.
    fn about(&self) -> About;

    /// Reads, decodes or draws every image. The files [`about`](Self::about) names are there.
    fn load(&self, loading: &Loading<'_>) -> Result<Loaded, Error>;

    /// The source's settings that are not allowed; called before anything is loaded.
    fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}

struct About {
    /// For people.
    name: &'static str,
    /// What the name does not say: how many images of what, in how many classes, and who made them.
    summary: String,
    origin: Origin,
    /// How much its authors publish; `None` where that is up to the user.
    official: Option<Counts>,
}

enum Origin {
    Files(OfficialFiles),
    OwnFiles(Vec<OwnFile>),
    Folders(ClassFolders),
    /// Drawn; the text names the drawing program's revision and its settings.
    Recipe(String),
}

/// A user's own file.
struct OwnFile {
    /// What it is for; part of the fingerprint.
    role: &'static str,
    /// Relative to the data directory.
    path: PathBuf,
}

impl Origin {
    /// Single files; folders of pictures are listed elsewhere.
    fn files(&self, data_dir: &Path) -> Vec<SourceFile> {
        match self {
            Self::Files(files) => files.all(data_dir),
            Self::OwnFiles(files) => {
                files.iter().map(|file| SourceFile::own(data_dir.join(&file.path), file.role)).collect()
            }
            Self::Folders(_) | Self::Recipe(_) => Vec::new(),
        }
    }
}

impl Source {
    fn images(&self) -> &dyn Images {
        match self {
            Self::Glyphs(glyphs) => glyphs,
            Self::Mnist => &mnist::Mnist,
            Self::FashionMnist => &fashion_mnist::FashionMnist,
            Self::Cifar10 => &cifar10::Cifar10,
            Self::Cifar100(cifar100) => cifar100,
            Self::EuroSat(euro_sat) => euro_sat,
            Self::Caltech256(caltech256) => caltech256,
            Self::ImageFolder(image_folder) => image_folder,
            Self::Idx(idx) => idx,
            Self::Npz(npz) => npz,
        }
    }

    /// The source's name for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.images().about().name
    }

    /// One line about the source.
    #[must_use]
    pub fn describe(&self) -> String {
        let About { name, summary, .. } = self.images().about();
        format!("{name}: {summary}")
    }

    /// How much its authors publish, all parts together; `None` for drawn figures and a user's own images.
    #[must_use]
    pub fn official(&self) -> Option<Counts> {
        self.images().about().official
    }

    /// Whether these are a user's own images, whose paths the settings name.
    #[must_use]
    pub fn is_own(&self) -> bool {
        matches!(self, Self::ImageFolder(_) | Self::Idx(_) | Self::Npz(_))
    }

    /// The same source with empty paths: what a key holds, for the fingerprint tells what lies there.
    #[must_use]
    pub fn without_paths(&self) -> Self {
        let nowhere = PathBuf::new;
        match self {
            Self::ImageFolder(folder) => Self::ImageFolder(ImageFolder { path: nowhere(), ..folder.clone() }),
            Self::Idx(Idx { test, .. }) => {
                let test = test.as_ref().map(|_| IdxFiles { images: nowhere(), labels: nowhere() });
                Self::Idx(Idx { images: nowhere(), labels: nowhere(), test })
            }
            Self::Npz(_) => Self::Npz(Npz { path: nowhere() }),
            other => other.clone(),
        }
    }

    /// The same source with a user's own images at `paths`: a folder, one file, or one of images and one of labels.
    /// `None` if it takes another number of paths.
    #[must_use]
    pub fn with_paths(self, paths: &[PathBuf]) -> Option<Self> {
        let own = match (self, paths) {
            (Self::ImageFolder(folder), [path]) => {
                Self::ImageFolder(ImageFolder { path: path.clone(), ..folder })
            }
            (Self::Idx(idx), [images, labels]) => {
                Self::Idx(Idx { images: images.clone(), labels: labels.clone(), ..idx })
            }
            (Self::Npz(_), [path]) => Self::Npz(Npz { path: path.clone() }),
            (other, []) if !other.is_own() => other,
            _ => return None,
        };
        Some(own)
    }

    /// The same source, leaving damaged pictures out where it has pictures.
    #[must_use]
    pub fn skipping_damaged(self) -> Self {
        let skip_damaged = true;
        match self {
            Self::EuroSat(EuroSat { .. }) => Self::EuroSat(EuroSat { skip_damaged }),
            Self::Caltech256(caltech256) => Self::Caltech256(Caltech256 { skip_damaged, ..caltech256 }),
            Self::ImageFolder(folder) => Self::ImageFolder(ImageFolder { skip_damaged, ..folder }),
            other => other,
        }
    }

    /// The same source with pictures brought to `side` pixels along each side; `None` if its images have their size.
    #[must_use]
    pub fn with_side(self, side: u32) -> Option<Self> {
        match self {
            Self::Caltech256(caltech256) => Some(Self::Caltech256(Caltech256 { side, ..caltech256 })),
            Self::ImageFolder(folder) => Some(Self::ImageFolder(ImageFolder { size: Some(side), ..folder })),
            _ => None,
        }
    }

    /// Reads, decodes or draws every image, keeping nothing.
    pub fn load(&self, data_dir: &Path) -> Result<Loaded, Error> {
        self.load_with(&Loading::from(data_dir))
    }

    /// Reads, maps, decodes or draws every image.
    pub fn load_with(&self, loading: &Loading<'_>) -> Result<Loaded, Error> {
        self.require_files(loading.data_dir)?;
        self.images().load(loading)
    }

    /// Hashes everything that determines the images, without decoding them.
    pub fn fingerprint(&self, data_dir: &Path) -> Result<Fingerprint, Error> {
        self.require_files(data_dir)?;
        match self.images().about().origin {
            Origin::Recipe(recipe) => Ok(Fingerprint::of_recipe(&recipe)),
            Origin::Folders(folders) => folders.fingerprint(&Loading::from(data_dir)),
            origin => Fingerprint::of_files(&origin.files(data_dir)),
        }
    }

    /// Which of the source's files are there.
    #[must_use]
    pub fn presence(&self, data_dir: &Path) -> Presence {
        let About { name, origin, .. } = self.images().about();
        let folder = match &origin {
            Origin::Files(files) => Some(data_dir.join(files.folder)),
            Origin::OwnFiles(_) => Some(data_dir.to_path_buf()),
            Origin::Folders(folders) => Some(folders.path(data_dir)),
            Origin::Recipe(_) => None,
        };
        let files: Vec<(PathBuf, bool)> = match &origin {
            Origin::Folders(folders) => {
                let path = folders.path(data_dir);
                vec![(path, folders.is_there(data_dir))]
            }
            origin => {
                let paths = origin.files(data_dir).into_iter().map(|file| file.path);
                paths.map(|path| (path.clone(), path.is_file())).collect()
            }
        };
        let complete = files.iter().all(|(_, is_there)| *is_there);
        Presence { name, folder, files, complete }
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        self.images().problems()
    }

    fn require_files(&self, data_dir: &Path) -> Result<(), Error> {
        let About { name, origin, .. } = self.images().about();
        match origin {
            Origin::Folders(folders) => folders.require(data_dir),
            origin => require_all(name, &origin.files(data_dir)),
        }
    }
}

/// What is wrong with a number of pixels along each side, if anything is.
fn side_problem(field: &'static str, side: u32) -> Option<Problem> {
    const MOST: u32 = 1024;
    let message = format!("got {side}, allowed: 1 to {MOST} pixels");
    (!(1..=MOST).contains(&side)).then_some(Problem { field, message })
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn every_file_in_this_folder_is_in_the_list() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sources");
        let files = fs::read_dir(folder).expect("the tests run where the crate was built");
        let stems: BTreeSet<String> = files
            .map(|entry| entry.expect("the folder can be listed").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .map(|path| path.file_stem().expect("it has an extension").to_string_lossy().into_owned())
            .filter(|stem| stem != "mod")
            .collect();
        let listed: BTreeSet<String> = sources().iter().map(file_stem).collect();
        assert_eq!(stems, listed);
    }

    /// `FashionMnist` lives in `fashion_mnist.rs`.
    fn file_stem(source: &Source) -> String {
        let variant = format!("{source:?}");
        let name = variant.split('(').next().expect("split gives at least one piece");
        let mut stem = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !stem.is_empty() {
                stem.push('_');
            }
            stem.extend(letter.to_lowercase());
        }
        stem
    }

    #[test]
    fn every_source_describes_itself_in_one_line() {
        let lines: Vec<String> = sources().iter().map(Source::describe).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        Glyphs: 10,000 + 2,000 grey 28x28 images, 10 classes (drawn by this program)
        MNIST: 60,000 + 10,000 grey 28x28 images, 10 classes (LeCun et al. 1998)
        Fashion-MNIST: 60,000 + 10,000 grey 28x28 images, 10 classes (Xiao et al. 2017)
        CIFAR-10: 50,000 + 10,000 color 32x32 images, 10 classes (Krizhevsky 2009)
        CIFAR-100: 50,000 + 10,000 color 32x32 images, 100 classes (Krizhevsky 2009)
        EuroSAT: 27,000 color 64x64 images, 10 classes (Helber et al. 2019)
        Caltech-256: 29,780 color 64x64 images, 256 classes (Griffin et al. 2007)
        ImageFolder: your own pictures, PNG and JPEG, one folder per class
        Idx: your own grey images in the format of MNIST
        Npz: your own images as NumPy arrays
        ");
    }
}
