//! Caltech-256: photographs of objects in their own sizes (Griffin, Holub and Perona 2007, "Caltech-256 object category
//! dataset"), brought to one size.

use serde::{Deserialize, Serialize};

use super::{About, Images, Origin, is_default};
use crate::pictures::{ClassFolders, Fit};
use crate::{Counts, Error, Loaded, Loading, Problem};

/// Photographs of objects; without an official test part, so one is drawn by the split seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caltech256 {
    /// Pixels along each side: a picture's longer side is scaled to it, the rest is black.
    ///
    /// Allowed: 1 to 1024.
    #[serde(skip_serializing_if = "is_usual_side")]
    pub side: u32,
    /// Whether the 257th class, pictures of nothing in particular, is among the classes.
    #[serde(skip_serializing_if = "is_default")]
    pub clutter: bool,
    /// Whether damaged pictures are left out, or are an error.
    #[serde(skip_serializing_if = "is_default")]
    pub skip_damaged: bool,
}

const USUAL_SIDE: u32 = 64;
const CLUTTER: &str = "257.clutter";
/// Of them, 827 show clutter.
const IMAGES: usize = 30_607;
const CLUTTER_IMAGES: usize = 827;

impl Default for Caltech256 {
    fn default() -> Self {
        Self { side: USUAL_SIDE, clutter: false, skip_damaged: false }
    }
}

impl Images for Caltech256 {
    fn about(&self) -> About {
        let Self { side, clutter, .. } = self;
        let (summary, official) = match clutter {
            true => ("30,607", Counts { images: IMAGES, classes: 257 }),
            false => ("29,780", Counts { images: IMAGES - CLUTTER_IMAGES, classes: 256 }),
        };
        About {
            name: "Caltech-256",
            summary: format!(
                "{summary} color {side}x{side} images, {} classes (Griffin et al. 2007)",
                official.classes
            ),
            origin: Origin::Folders(self.folders()),
            official: Some(official),
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
            source_name: "Caltech-256",
            folder: "256_ObjectCategories".into(),
            homepage: Some("https://data.caltech.edu/records/nyy15-4j048"),
            is_class: if self.clutter { is_category } else { |name| is_category(name) && name != CLUTTER },
            // Two folders of the official archive hold copies and scripts in folders of their own.
            nested: false,
            fit: Fit::Padded(self.side),
            skip_damaged: self.skip_damaged,
        }
    }
}

/// `001.ak47` to `257.clutter`.
fn is_category(name: &str) -> bool {
    let number = name.split_once('.').map_or("", |(number, _)| number);
    number.len() == 3 && number.parse().is_ok_and(|number: u16| (1..=257).contains(&number))
}

fn is_usual_side(side: &u32) -> bool {
    *side == USUAL_SIDE
}
