//! Fashion-MNIST: pictures of clothes in the format of MNIST (Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747).

use super::{About, Images, Origin};
use crate::files::OfficialFiles;
use crate::{Counts, Error, ImageShape, Loaded, Loading, idx};

pub(super) struct FashionMnist;

const FILES: OfficialFiles = OfficialFiles {
    folder: "fashion-mnist",
    names: &[
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ],
    homepage: "https://github.com/zalandoresearch/fashion-mnist",
};

const SHAPE: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };

/// As the authors' page lists them.
const CLASS_NAMES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
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
        let [train_images, train_labels, test_images, test_labels] =
            [0, 1, 2, 3].map(|file| FILES.find(loading.data_dir, FILES.names[file]));
        Ok(Loaded {
            shape: SHAPE,
            train: idx::read_part(&train_images, &train_labels, SHAPE, CLASS_NAMES.len())?,
            test: Some(idx::read_part(&test_images, &test_labels, SHAPE, CLASS_NAMES.len())?),
            class_names: CLASS_NAMES.map(str::to_owned).to_vec(),
            skipped: Vec::new(),
            decoded_in: None,
        })
    }
}
