//! EuroSAT: satellite pictures of land (Helber, Bischke, Dengel and Borth 2019, "EuroSAT: A novel dataset and deep
//! learning benchmark for land use and land cover classification"), the version in red, green and blue.

use serde::{Deserialize, Serialize};

use super::{About, Images, Origin};
use crate::pictures::{ClassFolders, Fit};
use crate::settings::is_default;
use crate::{Counts, Error, Loaded, Loading};

/// Satellite pictures. There is no official test part, so one is drawn by the split seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EuroSat {
    /// Whether damaged pictures are left out. Otherwise they are an error.
    #[serde(skip_serializing_if = "is_default")]
    pub skip_damaged: bool,
}

/// The folders of the classes; other folders are not read.
#[rustfmt::skip]
const CLASS_NAMES: [&str; 10] = [
    "AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial", "Pasture", "PermanentCrop",
    "Residential", "River", "SeaLake",
];

impl Images for EuroSat {
    fn about(&self) -> About {
        About {
            name: "EuroSAT",
            summary: "27,000 color 64x64 images, 10 classes (Helber et al. 2019)".to_owned(),
            origin: Origin::Folders(self.folders()),
            official: Some(Counts { images: 27_000, classes: CLASS_NAMES.len() }),
        }
    }

    fn load(&self, loading: &Loading<'_>) -> Result<Loaded, Error> {
        self.folders().load(loading)
    }
}

impl EuroSat {
    fn folders(self) -> ClassFolders {
        ClassFolders {
            folder: "EuroSAT".into(),
            homepage: Some("https://zenodo.org/records/7711810"),
            is_class: |name| CLASS_NAMES.contains(&name),
            nested: false,
            fit: Fit::Exactly(64),
            skip_damaged: self.skip_damaged,
        }
    }
}
