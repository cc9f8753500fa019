//! Fashion-MNIST: pictures of clothes in the format of MNIST (Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747).

use super::{About, Images, Origin, known_files};
use crate::files::OfficialFiles;
use crate::{Counts, Error, Loaded, Loading, idx};

pub(super) struct FashionMnist;

const FILES: OfficialFiles = OfficialFiles {
    folder: "fashion-mnist",
    names: &idx::OFFICIAL_NAMES,
    checksums: &known_files::FASHION_MNIST_FILES,
    homepage: "https://github.com/zalandoresearch/fashion-mnist",
};

/// The names on the authors' page.
#[rustfmt::skip]
const CLASS_NAMES: [&str; 10] = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
];

impl Images for FashionMnist {
    fn about(&self) -> About {
        About {
            name: "Fashion-MNIST",
            summary: "60,000 + 10,000 grey 28x28 images, 10 classes (Xiao et al. 2017)".to_owned(),
            origin: Origin::Files(FILES),
            official: Some(Counts { images: 70_000, classes: 10 }),
        }
    }

    fn load(&self, loading: &Loading<'_>) -> Result<Loaded, Error> {
        idx::load_official(&FILES, loading.data_dir, CLASS_NAMES.map(str::to_owned).to_vec())
    }
}
