//! CIFAR-10: small photographs (Krizhevsky 2009, "Learning multiple layers of features from tiny images"), read from
//! the binary version.

use super::{About, Images, Origin, known_files};
use crate::cifar::Cifar;
use crate::files::OfficialFiles;
use crate::{Counts, Error, Loaded, Loading};

pub(super) struct Cifar10;

const FILES: OfficialFiles = OfficialFiles {
    folder: "cifar-10-batches-bin",
    names: &[
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
        "test_batch.bin",
    ],
    checksums: &known_files::CIFAR10_FILES,
    homepage: "https://www.cs.toronto.edu/~kriz/cifar.html",
};

const CIFAR: Cifar = Cifar {
    files: FILES,
    label_bytes: 1,
    label_at: 0,
    class_names: &["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
    class_names_file: "batches.meta.txt",
};

impl Images for Cifar10 {
    fn about(&self) -> About {
        About {
            name: "CIFAR-10",
            summary: "50,000 + 10,000 color 32x32 images, 10 classes (Krizhevsky 2009)".to_owned(),
            origin: Origin::Files(FILES),
            official: Some(Counts { images: 60_000, classes: 10 }),
        }
    }

    fn load(&self, loading: &Loading<'_>) -> Result<Loaded, Error> {
        CIFAR.load(loading.data_dir)
    }
}
