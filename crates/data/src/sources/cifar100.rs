//! CIFAR-100: small photographs of a hundred things in twenty groups (Krizhevsky 2009, "Learning multiple layers of
//! features from tiny images"), read from the binary version. A record has a group's label, a thing's label and pixels.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{About, Images, Origin};
use crate::cifar::Cifar;
use crate::files::OfficialFiles;
use crate::settings::is_default;
use crate::{Counts, Error, Loaded, Loading};

/// The labels of CIFAR-100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cifar100 {
    /// Whether classes are things or groups of things.
    #[serde(skip_serializing_if = "is_default")]
    pub labels: Cifar100Labels,
}

/// The two kinds of labels that every picture has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cifar100Labels {
    /// A hundred kinds of things.
    #[default]
    Fine,
    /// Twenty groups of five kinds each.
    Coarse,
}

const FILES: OfficialFiles = OfficialFiles {
    folder: "cifar-100-binary",
    names: &["train.bin", "test.bin"],
    checksums: &[],
    homepage: "https://www.cs.toronto.edu/~kriz/cifar.html",
};

impl Images for Cifar100 {
    fn about(&self) -> About {
        let classes = self.collection().class_names.len();
        About {
            name: "CIFAR-100",
            summary: format!("50,000 + 10,000 color 32x32 images, {classes} classes (Krizhevsky 2009)"),
            origin: Origin::Files(FILES),
            official: Some(Counts { images: 60_000, classes }),
        }
    }

    fn load(&self, loading: &Loading<'_>) -> Result<Loaded, Error> {
        self.collection().load(loading.data_dir)
    }

    fn count(&self, data_dir: &Path) -> Result<Option<usize>, Error> {
        self.collection().count_images(data_dir).map(Some)
    }
}

impl Cifar100 {
    fn collection(self) -> Cifar {
        let (label_at, class_names, class_names_file) = match self.labels {
            Cifar100Labels::Coarse => (0, &COARSE_NAMES[..], "coarse_label_names.txt"),
            Cifar100Labels::Fine => (1, &FINE_NAMES[..], "fine_label_names.txt"),
        };
        Cifar { files: FILES, label_bytes: 2, label_at, class_names, class_names_file }
    }
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
