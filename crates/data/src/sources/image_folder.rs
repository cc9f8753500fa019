//! A user's own pictures: a folder with one folder per class, and PNG and JPEG files anywhere below.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{About, Images, Origin};
use crate::pictures::{ClassFolders, Fit};
use crate::settings::is_default;
use crate::{Error, Loaded, Loading, Problem};

/// A folder of folders of pictures. A test part is drawn by the split seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageFolder {
    /// The folder that holds one folder per class, relative to the data directory.
    ///
    /// Example: `"my/pictures"`.
    pub path: PathBuf,
    /// The number of pixels along each side. A picture's longer side is scaled to it, and the rest is black. Without a size,
    /// every picture must have the size of the first.
    ///
    /// Allowed: 1 to 1024. Example: `64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// Whether damaged pictures are left out. Otherwise they are an error.
    #[serde(default, skip_serializing_if = "is_default")]
    pub skip_damaged: bool,
}

impl Default for ImageFolder {
    fn default() -> Self {
        Self { path: "images".into(), size: None, skip_damaged: false }
    }
}

impl Images for ImageFolder {
    fn about(&self) -> About {
        About {
            name: "ImageFolder",
            summary: "your own pictures, PNG and JPEG, one folder per class".to_owned(),
            origin: Origin::Folders(self.folders()),
            official: None,
        }
    }

    fn load(&self, loading: &Loading<'_>) -> Result<Loaded, Error> {
        self.folders().load(loading)
    }

    fn problems(&self) -> Vec<Problem> {
        self.size.and_then(|size| super::side_problem("source.size", size)).into_iter().collect()
    }
}

impl ImageFolder {
    fn folders(&self) -> ClassFolders {
        ClassFolders {
            folder: self.path.clone(),
            homepage: None,
            is_class: |_| true,
            nested: true,
            fit: self.size.map_or(Fit::AsFirst, Fit::Padded),
            skip_damaged: self.skip_damaged,
        }
    }
}
