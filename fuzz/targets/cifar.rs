//! Reads the input as every file of CIFAR-10 and CIFAR-100 and as the lists of class names.

#![no_main]

use std::fs;
use std::sync::LazyLock;

use data::{Cifar100, Cifar100Labels, Source};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for name in ["cifar-10-batches-bin", "cifar-100-binary"] {
        fs::create_dir(folder.path().join(name)).expect("a folder can be made");
    }
    folder
});

const FILES: [&str; 10] = [
    "cifar-10-batches-bin/data_batch_1.bin",
    "cifar-10-batches-bin/data_batch_2.bin",
    "cifar-10-batches-bin/data_batch_3.bin",
    "cifar-10-batches-bin/data_batch_4.bin",
    "cifar-10-batches-bin/data_batch_5.bin",
    "cifar-10-batches-bin/test_batch.bin",
    "cifar-100-binary/train.bin",
    "cifar-100-binary/test.bin",
    "cifar-10-batches-bin/batches.meta.txt",
    "cifar-100-binary/coarse_label_names.txt",
];

fuzz_target!(|input: &[u8]| {
    // The first byte says which lists of class names exist.
    let Some((which, content)) = input.split_first() else { return };
    for (at, name) in FILES.iter().enumerate() {
        let path = FOLDER.path().join(name);
        if at < 8 || which >> (at - 8) & 1 == 1 {
            fs::write(path, content).expect("the folder can be written");
        } else {
            drop(fs::remove_file(path));
        }
    }
    let coarse = Cifar100 { labels: Cifar100Labels::Coarse };
    for source in [Source::Cifar10, Source::Cifar100(Cifar100::default()), Source::Cifar100(coarse)] {
        if let Ok(loaded) = source.load(FOLDER.path()) {
            assert_eq!(loaded.train.images.len(), loaded.train.labels.len() * loaded.shape.pixels());
        }
    }
});
