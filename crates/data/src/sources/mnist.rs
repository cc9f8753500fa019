//! MNIST: handwritten digits (LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document
//! recognition").

use super::{About, Images, Origin};
use crate::files::OfficialFiles;
use crate::{Counts, Error, ImageShape, Loaded, Loading, idx};

pub(super) struct Mnist;

const FILES: OfficialFiles = OfficialFiles {
    folder: "mnist",
    names: &[
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ],
    homepage: "http://yann.lecun.com/exdb/mnist",
};

const SHAPE: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };

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
        let [train_images, train_labels, test_images, test_labels] =
            [0, 1, 2, 3].map(|file| FILES.find(loading.data_dir, FILES.names[file]));
        let class_names: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
        Ok(Loaded {
            shape: SHAPE,
            train: idx::read_part(&train_images, &train_labels, SHAPE, class_names.len())?,
            test: Some(idx::read_part(&test_images, &test_labels, SHAPE, class_names.len())?),
            class_names,
            skipped: Vec::new(),
            decoded_in: None,
        })
    }
}
