//! Caltech-256: photographs of objects in different sizes (Griffin, Holub and Perona 2007, "Caltech-256 object category
//! dataset"), scaled to one size.

use serde::{Deserialize, Serialize};

use super::{About, Images, Origin};
use crate::counts::Grouped;
use crate::pictures::{ClassFolders, Fit};
use crate::settings::is_default;
use crate::{Counts, Error, Loaded, Loading, Problem};

/// Photographs of objects. There is no official test part, so one is drawn by the split seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caltech256 {
    /// The number of pixels along each side. A picture's longer side is scaled to it, and the rest is black.
    ///
    /// Allowed: 1 to 1024.
    #[serde(skip_serializing_if = "is_default_side")]
    pub side: u32,
    /// Whether the 257th class is used, which has pictures of nothing in particular.
    #[serde(skip_serializing_if = "is_default")]
    pub clutter: bool,
    /// Whether damaged pictures are left out. Otherwise they are an error.
    #[serde(skip_serializing_if = "is_default")]
    pub skip_damaged: bool,
}

const DEFAULT_SIDE: u32 = 64;
const CLUTTER: &str = "257.clutter";

impl Default for Caltech256 {
    fn default() -> Self {
        Self { side: DEFAULT_SIDE, clutter: false, skip_damaged: false }
    }
}

impl Images for Caltech256 {
    fn about(&self) -> About {
        let Self { side, clutter, .. } = *self;
        let (images, classes) = if clutter { (30_607, 257) } else { (29_780, 256) };
        let count = Grouped(images);
        About {
            name: "Caltech-256",
            summary: format!("{count} color {side}x{side} images, {classes} classes (Griffin et al. 2007)"),
            origin: Origin::Folders(self.folders()),
            official: Some(Counts { images, classes }),
        }
    }

    fn load(&self, loading: &Loading<'_>) -> Result<Loaded, Error> {
        self.folders().load(loading)
    }

    fn problems(&self) -> Vec<Problem> {
        super::side_problem("source.side", self.side).into_iter().collect()
    }
}

impl Caltech256 {
    fn folders(self) -> ClassFolders {
        ClassFolders {
            folder: "256_ObjectCategories".into(),
            homepage: Some("https://data.caltech.edu/records/nyy15-4j048"),
            is_class: if self.clutter { is_category } else { |name| is_category(name) && name != CLUTTER },
            // Two folders of the official archive have inner folders with copies and scripts.
            nested: false,
            fit: Fit::Padded(self.side),
            skip_damaged: self.skip_damaged,
        }
    }
}

/// Whether `name` is one of `001.ak47` to `257.clutter`.
fn is_category(name: &str) -> bool {
    let number = name.split_once('.').map_or("", |(number, _)| number);
    number.len() == 3 && number.parse().is_ok_and(|number: u16| (1..=257).contains(&number))
}

fn is_default_side(side: &u32) -> bool {
    *side == DEFAULT_SIDE
}
