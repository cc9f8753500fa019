//! CIFAR-100: small photographs of a hundred things in twenty groups (Krizhevsky 2009, "Learning multiple layers of
//! features from tiny images"), read from the binary version: a group's label, a thing's label, and the pixels.

use serde::{Deserialize, Serialize};

use super::{About, Images, Origin};
use crate::cifar::{self, Records};
use crate::files::OfficialFiles;
use crate::{Counts, Error, Loaded, Loading};

/// Which labels are learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cifar100 {
    /// Things or groups of things.
    #[serde(skip_serializing_if = "is_fine")]
    pub labels: Cifar100Labels,
}

/// The two labels of every picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cifar100Labels {
    /// A hundred things.
    #[default]
    Fine,
    /// Twenty groups of five things each.
    Coarse,
}

const FILES: OfficialFiles = OfficialFiles {
    folder: "cifar-100-binary",
    names: &["train.bin", "test.bin"],
    homepage: "https://www.cs.toronto.edu/~kriz/cifar.html",
};

impl Images for Cifar100 {
    fn about(&self) -> About {
        let classes = self.names().len();
        About {
            name: "CIFAR-100",
            summary: format!("50,000 + 10,000 color 32x32 images, {classes} classes (Krizhevsky 2009)"),
            origin: Origin::Files(FILES),
            official: Some(Counts { images: 60_000, classes }),
        }
    }

    fn load(&self, loading: &Loading<'_>) -> Result<Loaded, Error> {
        let [train, test] = [0, 1].map(|file| FILES.find(loading.data_dir, FILES.names[file]));
        let names_file = FILES.find(loading.data_dir, self.names_file());
        Ok(Loaded {
            shape: cifar::SHAPE,
            class_names: cifar::class_names(&names_file, self.names())?,
            train: self.records().read_part(&[train])?,
            test: Some(self.records().read_part(&[test])?),
            skipped: Vec::new(),
            decoded_in: None,
        })
    }
}

impl Cifar100 {
    fn records(self) -> Records {
        let label_at = match self.labels {
            Cifar100Labels::Coarse => 0,
            Cifar100Labels::Fine => 1,
        };
        Records { label_bytes: 2, label_at, classes: self.names().len() }
    }

    /// Not needed, and not part of the fingerprint: names change no number.
    fn names_file(self) -> &'static str {
        match self.labels {
            Cifar100Labels::Coarse => "coarse_label_names.txt",
            Cifar100Labels::Fine => "fine_label_names.txt",
        }
    }

    fn names(self) -> &'static [&'static str] {
        match self.labels {
            Cifar100Labels::Coarse => &COARSE_NAMES,
            Cifar100Labels::Fine => &FINE_NAMES,
        }
    }
}

fn is_fine(labels: &Cifar100Labels) -> bool {
    *labels == Cifar100Labels::Fine
}

#[rustfmt::skip]
const COARSE_NAMES: [&str; 20] = [
    "aquatic_mammals", "fish", "flowers", "food_containers", "fruit_and_vegetables",
    "household_electrical_devices", "household_furniture", "insects", "large_carnivores",
    "large_man-made_outdoor_things", "large_natural_outdoor_scenes", "large_omnivores_and_herbivores",
    "medium_mammals", "non-insect_invertebrates", "people", "reptiles", "small_mammals", "trees",
    "vehicles_1", "vehicles_2",
];

#[rustfmt::skip]
const FINE_NAMES: [&str; 100] = [
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl",
    "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair",
    "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin",
    "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp",
    "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
    "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck",
    "pine_tree", "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road",
    "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
    "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television",
    "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf",
    "woman", "worm",
];
