//! A user's own images in the IDX format of MNIST, packed (`.gz`) or not.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{About, Images, Origin, OwnFile};
use crate::arrays::Arrays;
use crate::files::SourceFile;
use crate::{Error, Loaded, Loading, idx};

/// Grey images and their labels; classes are numbered from 0 to the largest label.
///
/// Paths are relative to the data directory. Without files for testing, a test part is drawn by the split seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Idx {
    /// File of images, magic number 2051.
    ///
    /// Example: `"my/images.gz"`.
    pub images: PathBuf,
    /// File of as many labels, magic number 2049.
    ///
    /// Example: `"my/labels.gz"`.
    pub labels: PathBuf,
    /// The same for the test part, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<IdxFiles>,
}

/// Images and their labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdxFiles {
    /// File of images, magic number 2051.
    ///
    /// Example: `"my/test-images.gz"`.
    pub images: PathBuf,
    /// File of as many labels, magic number 2049.
    ///
    /// Example: `"my/test-labels.gz"`.
    pub labels: PathBuf,
}

impl Default for Idx {
    fn default() -> Self {
        Self { images: "images.idx".into(), labels: "labels.idx".into(), test: None }
    }
}

impl Images for Idx {
    fn about(&self) -> About {
        let pairs = [("images", &self.images), ("labels", &self.labels)];
        let test =
            self.test.iter().flat_map(|test| [("test images", &test.images), ("test labels", &test.labels)]);
        let own = |(role, path): (&'static str, &PathBuf)| OwnFile { role, path: path.clone() };
        About {
            name: "Idx",
            summary: "your own grey images in the format of MNIST".to_owned(),
            origin: Origin::OwnFiles(pairs.into_iter().chain(test).map(own).collect()),
            official: None,
        }
    }

    fn load(&self, loading: &Loading<'_>) -> Result<Loaded, Error> {
        let file = |path: &PathBuf, role| SourceFile::own(loading.data_dir.join(path), role);
        let (train, shape) =
            idx::read_pair(&file(&self.images, "images"), &file(&self.labels, "labels"), None)?;
        let test = match &self.test {
            None => None,
            Some(IdxFiles { images, labels }) => {
                let images = file(images, "test images");
                let (test, found) = idx::read_pair(&images, &file(labels, "test labels"), None)?;
                idx::require_shape(&images, found, shape)?;
                Some(test)
            }
        };
        let arrays = Arrays { shape, train, test };
        Ok(arrays.into_loaded())
    }
}
