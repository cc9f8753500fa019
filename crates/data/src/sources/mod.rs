//! The list of sources. A new source is a file in this folder and its lines here.

mod caltech256;
mod cifar10;
mod cifar100;
mod euro_sat;
mod fashion_mnist;
mod glyphs;
mod idx;
mod image_folder;
mod known_files;
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
pub use known_files::{CIFAR10_FILES, FASHION_MNIST_FILES, MNIST_FILES};
pub use npz::Npz;

use crate::files::OfficialFiles;
use crate::pictures::ClassFolders;
use crate::{Counts, DataWarning, Error, FileStates, Fingerprint, Loaded, Loading, Presence, Problem};
use crate::{KnownFile, SourceFile};

/// A collection of labeled images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Source {
    /// Figures that this program draws. They need no files.
    Glyphs(Glyphs),
    /// Handwritten digits, ten classes.
    Mnist,
    /// Pictures of clothes, ten classes.
    FashionMnist,
    /// Small photographs of ten kinds of things.
    Cifar10,
    /// Small photographs of a hundred kinds of things.
    Cifar100(Cifar100),
    /// Satellite pictures of land, ten classes.
    EuroSat(EuroSat),
    /// Photographs of objects, 256 classes.
    Caltech256(Caltech256),
    /// A user's own pictures.
    ImageFolder(ImageFolder),
    /// A user's own images in the format of MNIST.
    Idx(Idx),
    /// A user's own images as NumPy arrays.
    Npz(Npz),
}

/// Returns every source with default settings.
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

/// The contract of the files in this folder.
trait Images {
    fn about(&self) -> About;

    /// Reads, decodes or draws every image. The files that [`about`](Self::about) names exist.
    fn load(&self, loading: &Loading<'_>) -> Result<Loaded, Error>;

    /// Returns the number of images by the sizes of the files; `None` if the sizes do not tell it or checksums do.
    fn count(&self, _data_dir: &Path) -> Result<Option<usize>, Error> {
        Ok(None)
    }

    /// Returns the source's settings that are not allowed. Called before anything is loaded.
    fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}

struct About {
    /// The name for people.
    name: &'static str,
    /// The number and kind of images, the number of classes, and the authors.
    summary: String,
    origin: Origin,
    /// The official size; `None` if it is up to the user.
    official: Option<Counts>,
}

enum Origin {
    Files(OfficialFiles),
    /// A user's own files: the role of each, which is part of the fingerprint, and its path relative to the data directory.
    OwnFiles(Vec<(&'static str, PathBuf)>),
    Folders(ClassFolders),
    /// Drawn images: the text names the revision of the drawing code and its settings.
    Recipe(String),
}

impl Origin {
    /// Returns the files, or the folder that holds folders of pictures.
    fn files(&self, data_dir: &Path) -> Vec<SourceFile> {
        match self {
            Self::Files(files) => files.all(data_dir),
            Self::OwnFiles(files) => {
                files.iter().map(|(role, path)| SourceFile::own(data_dir.join(path), role)).collect()
            }
            Self::Folders(ClassFolders { folder, homepage, .. }) => {
                vec![SourceFile { path: data_dir.join(folder), name: String::new(), homepage: *homepage }]
            }
            Self::Recipe(_) => Vec::new(),
        }
    }

    fn folder(&self, data_dir: &Path) -> Option<PathBuf> {
        match self {
            Self::Files(files) => Some(data_dir.join(files.folder)),
            Self::OwnFiles(_) => Some(data_dir.to_path_buf()),
            Self::Folders(folders) => Some(folders.path(data_dir)),
            Self::Recipe(_) => None,
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

    pub fn name(&self) -> &'static str {
        self.images().about().name
    }

    /// Returns one line about the source.
    pub fn describe(&self) -> String {
        let About { name, summary, .. } = self.images().about();
        format!("{name}: {summary}")
    }

    /// Returns the official size of all parts together; `None` for drawn figures and a user's own images.
    pub fn official(&self) -> Option<Counts> {
        self.images().about().official
    }

    /// Whether the source has a test part; `None` if only its files decide it.
    pub fn has_test_part(&self) -> Option<bool> {
        match self {
            Self::Glyphs(_) | Self::Mnist | Self::FashionMnist | Self::Cifar10 | Self::Cifar100(_) => {
                Some(true)
            }
            Self::EuroSat(_) | Self::Caltech256(_) => Some(false),
            Self::Idx(Idx { test, .. }) => Some(test.is_some()),
            Self::ImageFolder(_) | Self::Npz(_) => None,
        }
    }

    /// Whether these are a user's own images, whose paths are in the settings.
    pub fn is_own(&self) -> bool {
        matches!(self, Self::ImageFolder(_) | Self::Idx(_) | Self::Npz(_))
    }

    /// Returns the same source with empty paths, for keys: the fingerprint says which files the paths led to.
    pub fn without_paths(&self) -> Self {
        let mut source = self.clone();
        match &mut source {
            Self::ImageFolder(ImageFolder { path, .. }) | Self::Npz(Npz { path }) => path.clear(),
            Self::Idx(Idx { images, labels, test }) => {
                let test = test.iter_mut().flat_map(|test| [&mut test.images, &mut test.labels]);
                [images, labels].into_iter().chain(test).for_each(PathBuf::clear);
            }
            _ => (),
        }
        source
    }

    /// Returns the same source with a user's own images at `paths`: one folder, one file, or a file of images and a file of
    /// labels. Returns `None` if the source takes another number of paths.
    pub fn with_paths(mut self, paths: &[PathBuf]) -> Option<Self> {
        match (&mut self, paths) {
            (Self::ImageFolder(ImageFolder { path, .. }) | Self::Npz(Npz { path }), [own]) => {
                path.clone_from(own);
            }
            (Self::Idx(Idx { images, labels, .. }), [own_images, own_labels]) => {
                images.clone_from(own_images);
                labels.clone_from(own_labels);
            }
            (other, []) if !other.is_own() => (),
            _ => return None,
        }
        Some(self)
    }

    /// Returns the same source, with damaged pictures left out if it has pictures.
    pub fn skipping_damaged(mut self) -> Self {
        match &mut self {
            Self::EuroSat(EuroSat { skip_damaged })
            | Self::Caltech256(Caltech256 { skip_damaged, .. })
            | Self::ImageFolder(ImageFolder { skip_damaged, .. }) => *skip_damaged = true,
            _ => (),
        }
        self
    }

    /// Returns the same source with pictures scaled to `side` pixels along each side; `None` if the size of its images is
    /// fixed.
    pub fn with_side(mut self, side: u32) -> Option<Self> {
        match &mut self {
            Self::Caltech256(caltech256) => caltech256.side = side,
            Self::ImageFolder(folder) => folder.size = Some(side),
            _ => return None,
        }
        Some(self)
    }

    /// Reads, decodes or draws every image and keeps no decoded pictures.
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
            origin => Ok(Fingerprint::of_files(&origin.files(data_dir), false)?.0),
        }
    }

    /// Returns the official files whose content is known.
    pub fn known_files(&self) -> &'static [KnownFile] {
        match self.images().about().origin {
            Origin::Files(files) => files.checksums,
            _ => &[],
        }
    }

    /// Hashes the files as [`fingerprint`](Self::fingerprint) does.
    ///
    /// # Errors
    /// If a file is not the one that its authors publish, as far as their checksums are known.
    pub fn official_fingerprint(&self, data_dir: &Path) -> Result<Fingerprint, Error> {
        self.require_files(data_dir)?;
        let About { name: source_name, origin, .. } = self.images().about();
        let Origin::Files(official) = origin else { return self.fingerprint(data_dir) };
        let files = official.all(data_dir);
        let (fingerprint, sums) = Fingerprint::of_files(&files, !official.checksums.is_empty())?;
        let is_official = |file: &SourceFile, sum: &Option<String>| {
            let known = official.checksums.iter().find(|known| known.name == file.name);
            known.is_none_or(|known| sum.as_ref().is_some_and(|sum| known.is(sum)))
        };
        let others: Vec<PathBuf> = files
            .iter()
            .zip(&sums)
            .filter(|(file, sum)| !is_official(file, sum))
            .map(|(file, _)| file.path.clone())
            .collect();
        match others.is_empty() {
            true => Ok(fingerprint),
            false => Err(Error::NotOfficial { source_name, files: others, homepage: official.homepage }),
        }
    }

    /// Returns the warnings about official files that need no decoding: other content, or fewer images than are published.
    pub fn warnings_of_files(&self, data_dir: &Path) -> Result<Vec<DataWarning>, Error> {
        let About { name: source, origin, official, .. } = self.images().about();
        let Some(official) = official else { return Ok(Vec::new()) };
        let found = match origin {
            Origin::Folders(folders) => folders.count(data_dir)?,
            _ => match self.official_fingerprint(data_dir) {
                Err(Error::NotOfficial { .. }) => return Ok(vec![DataWarning::NotOfficial { source }]),
                checked => {
                    checked?;
                    self.images().count(data_dir)?.map_or(official, |images| Counts { images, ..official })
                }
            },
        };
        Ok(if found == official { Vec::new() } else { vec![DataWarning::Partial { found, official }] })
    }

    /// Returns the states of all image files, to compare them before and after the images are read.
    pub fn file_states(&self, data_dir: &Path) -> FileStates {
        match self.images().about().origin {
            Origin::Folders(folders) => FileStates::of(folders.files(data_dir).into_iter()),
            origin => FileStates::of(origin.files(data_dir).into_iter().map(|file| file.path)),
        }
    }

    /// Returns which of the source's files exist.
    pub fn presence(&self, data_dir: &Path) -> Presence {
        let origin = self.images().about().origin;
        let mut files = Vec::new();
        for SourceFile { path, .. } in origin.files(data_dir) {
            let exists = match &origin {
                Origin::Folders(folders) => folders.has_pictures(data_dir),
                _ => path.is_file(),
            };
            files.push((path, exists));
        }
        let complete = files.iter().all(|(_, exists)| *exists);
        Presence { folder: origin.folder(data_dir), files, complete }
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        self.images().problems()
    }

    /// Reports all missing files together.
    fn require_files(&self, data_dir: &Path) -> Result<(), Error> {
        let About { name: source_name, origin, .. } = self.images().about();
        let files = origin.files(data_dir);
        let paths = files.iter().map(|file| file.path.clone());
        let missing: Vec<PathBuf> = match origin {
            Origin::Folders(_) => paths.filter(|path| !path.is_dir()).collect(),
            _ => paths.filter(|path| !path.is_file()).collect(),
        };
        if missing.is_empty() {
            return Ok(());
        }
        let homepage = files.iter().find_map(|file| file.homepage);
        Err(Error::Missing { source_name, missing, of: files.len(), homepage })
    }
}

fn side_problem(field: &'static str, side: u32) -> Option<Problem> {
    const MAX: u32 = 1024;
    let message = format!("got {side}, allowed: 1 to {MAX} pixels");
    (!(1..=MAX).contains(&side)).then_some(Problem { field, message })
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
            .filter(|stem| stem != "mod" && stem != "known_files")
            .collect();
        let listed: BTreeSet<String> = sources().iter().map(file_stem).collect();
        assert_eq!(stems, listed);
    }

    /// Returns `fashion_mnist` for `FashionMnist`.
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
