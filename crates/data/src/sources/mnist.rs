//! MNIST: handwritten digits (LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document
//! recognition").

use super::{About, Images, Origin, known_files};
use crate::files::OfficialFiles;
use crate::{Counts, Error, Loaded, Loading, idx};

pub(super) struct Mnist;

const FILES: OfficialFiles = OfficialFiles {
    folder: "mnist",
    names: &idx::OFFICIAL_NAMES,
    checksums: &known_files::MNIST_FILES,
    homepage: "http://yann.lecun.com/exdb/mnist",
};

impl Images for Mnist {
    fn about(&self) -> About {
        About {
            name: "MNIST",
            summary: "60,000 + 10,000 grey 28x28 images, 10 classes (LeCun et al. 1998)".to_owned(),
            origin: Origin::Files(FILES),
            official: Some(Counts { images: 70_000, classes: 10 }),
        }
    }

    fn load(&self, loading: &Loading<'_>) -> Result<Loaded, Error> {
        let class_names = (0..10).map(|digit| digit.to_string()).collect();
        idx::load_official(&FILES, loading.data_dir, class_names)
    }
}
