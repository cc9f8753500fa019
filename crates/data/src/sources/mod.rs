//! The one list of sources. A new source is a file beside this one, and its lines here.

mod cifar10;
mod fashion_mnist;
mod glyphs;
mod mnist;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use glyphs::Glyphs;

use crate::files::OfficialFiles;
use crate::{Error, Fingerprint, Loaded, Presence, Problem};

/// A collection of labelled images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Source {
    /// Figures this program draws; needs no files.
    Glyphs(Glyphs),
    /// Handwritten digits.
    Mnist,
    /// Pictures of clothes.
    FashionMnist,
    /// Small photographs.
    Cifar10,
}

/// Every source, with its settings at their defaults.
#[must_use]
pub fn sources() -> Vec<Source> {
    vec![Source::Glyphs(Glyphs::default()), Source::Mnist, Source::FashionMnist, Source::Cifar10]
}

/// What each file in this folder provides.
trait Images {
    /// What the source is, and what its images are made from.
    fn about(&self) -> About;

    /// Reads or draws every image. The files [`about`](Self::about) names are there.
    fn load(&self, data_dir: &Path) -> Result<Loaded, Error>;

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
}

enum Origin {
    Files(OfficialFiles),
    /// Drawn; the text names the drawing program's revision and its settings.
    Recipe(String),
}

impl Source {
    fn images(&self) -> &dyn Images {
        match self {
            Self::Glyphs(glyphs) => glyphs,
            Self::Mnist => &mnist::Mnist,
            Self::FashionMnist => &fashion_mnist::FashionMnist,
            Self::Cifar10 => &cifar10::Cifar10,
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

    /// Reads or draws every image.
    pub fn load(&self, data_dir: &Path) -> Result<Loaded, Error> {
        self.require_files(data_dir)?;
        self.images().load(data_dir)
    }

    /// Hashes everything that determines the images, without decoding them.
    pub fn fingerprint(&self, data_dir: &Path) -> Result<Fingerprint, Error> {
        self.require_files(data_dir)?;
        match self.images().about().origin {
            Origin::Files(files) => Fingerprint::of_files(&files, data_dir),
            Origin::Recipe(recipe) => Ok(Fingerprint::of_recipe(&recipe)),
        }
    }

    /// Which of the source's files are there.
    #[must_use]
    pub fn presence(&self, data_dir: &Path) -> Presence {
        let About { name, origin, .. } = self.images().about();
        let (folder, files) = match origin {
            Origin::Files(files) => (Some(data_dir.join(files.folder)), files.presence(data_dir)),
            Origin::Recipe(_) => (None, Vec::new()),
        };
        let complete = files.iter().all(|(_, is_there)| *is_there);
        Presence { name, folder, files, complete }
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        self.images().problems()
    }

    fn require_files(&self, data_dir: &Path) -> Result<(), Error> {
        match self.images().about() {
            About { name, origin: Origin::Files(files), .. } => files.require_all(name, data_dir),
            About { origin: Origin::Recipe(_), .. } => Ok(()),
        }
    }
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
        ");
    }
}
