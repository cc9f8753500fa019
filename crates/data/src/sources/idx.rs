//! A user's own images in the IDX format of MNIST, packed (`.gz`) or not.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{About, Images, Origin};
use crate::{Error, Loaded, Loading, idx};

/// Grey images and their labels. Classes are numbered from 0 to the largest label.
///
/// Paths are relative to the data directory. Without test files, a test part is drawn by the split seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Idx {
    /// The file of images, with magic number 2051.
    ///
    /// Example: `"my/images.gz"`.
    pub images: PathBuf,
    /// The file of their labels, with magic number 2049.
    ///
    /// Example: `"my/labels.gz"`.
    pub labels: PathBuf,
    /// The files of the test part, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<IdxFiles>,
}

/// The images of a test part and their labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdxFiles {
    /// The file of images, with magic number 2051.
    ///
    /// Example: `"my/test-images.gz"`.
    pub images: PathBuf,
    /// The file of their labels, with magic number 2049.
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
        let mut files = vec![("images", self.images.clone()), ("labels", self.labels.clone())];
        if let Some(IdxFiles { images, labels }) = &self.test {
            files.extend([("test images", images.clone()), ("test labels", labels.clone())]);
        }
        About {
            name: "Idx",
            summary: "your own grey images in the format of MNIST".to_owned(),
            origin: Origin::OwnFiles(files),
            official: None,
        }
    }

    fn load(&self, loading: &Loading<'_>) -> Result<Loaded, Error> {
        let files = self.about().origin.files(loading.data_dir);
        let (train, shape) = idx::read_pair(&files[0], &files[1], None, None)?;
        let test = match &files[2..] {
            [images, labels] => Some(idx::read_pair(images, labels, Some(shape), None)?.0),
            _ => None,
        };
        Ok(Loaded::new(shape, Vec::new(), train, test).with_numbered_classes())
    }
}
