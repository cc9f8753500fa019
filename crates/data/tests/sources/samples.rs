//! Small collections in the official layout of each source.

use std::fs;
use std::io::Write;
use std::path::Path;

use data::{Glyphs, Source};
use flate2::{Compression, write::GzEncoder};

pub const TRAIN: usize = 200;
pub const TEST: usize = 50;

/// Every source in the list, made small; files, where needed, are written under `data_dir`.
pub fn small_sources(data_dir: &Path) -> Vec<Source> {
    data::sources().into_iter().map(|source| small(source, data_dir)).collect()
}

fn small(source: Source, data_dir: &Path) -> Source {
    match source {
        Source::Glyphs(glyphs) => {
            return Source::Glyphs(Glyphs { train: TRAIN as u32, test: TEST as u32, ..glyphs });
        }
        Source::Mnist => write_mnist(&data_dir.join("mnist")),
        Source::FashionMnist => write_mnist(&data_dir.join("fashion-mnist")),
        Source::Cifar10 => write_cifar10(&data_dir.join("cifar-10-batches-bin")),
    }
    source
}

pub fn write_mnist(folder: &Path) {
    for (part, count) in [("train", TRAIN), ("t10k", TEST)] {
        write(&folder.join(format!("{part}-images-idx3-ubyte.gz")), &gzip(&idx_images(count as u32, 28, 28)));
        write(&folder.join(format!("{part}-labels-idx1-ubyte.gz")), &gzip(&idx_labels(&labels(count))));
    }
}

pub fn write_cifar10(folder: &Path) {
    for batch in 1..=5 {
        write(&folder.join(format!("data_batch_{batch}.bin")), &cifar_records(TRAIN / 5));
    }
    write(&folder.join("test_batch.bin"), &cifar_records(TEST));
}

/// Header and pixels that count up.
pub fn idx_images(count: u32, height: u32, width: u32) -> Vec<u8> {
    let header = [2051, count, height, width].into_iter().flat_map(u32::to_be_bytes);
    header.chain((0..count * height * width).map(|pixel| pixel as u8)).collect()
}

pub fn idx_labels(labels: &[u8]) -> Vec<u8> {
    let header = [2049, labels.len() as u32].into_iter().flat_map(u32::to_be_bytes);
    header.chain(labels.iter().copied()).collect()
}

pub fn cifar_records(count: usize) -> Vec<u8> {
    labels(count)
        .into_iter()
        .flat_map(|label| [vec![label], (0..3072).map(|it| it as u8).collect()].concat())
        .collect()
}

pub fn labels(count: usize) -> Vec<u8> {
    (0..count).map(|example| (example % 10) as u8).collect()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

pub fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("the path has a folder")).expect("the folder can be made");
    fs::write(path, bytes).expect("the file can be written");
}
