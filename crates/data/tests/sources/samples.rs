//! Small versions of all sources in their official layouts.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use crate::jpeg::jpeg;
use data::{Caltech256, Cifar100, EuroSat, Glyphs, Idx, IdxFiles, ImageFolder, Npz, Source};
use flate2::{Compression, write::GzEncoder};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

pub const TRAIN: usize = 200;
pub const TEST: usize = 50;
/// The size of a source without an official test part: a fifth is drawn, which is `TEST`.
const ALL: usize = TRAIN + TEST;

/// Returns a small version of every source in the list and writes its files under `data_dir`.
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
        Source::Cifar100(Cifar100 { .. }) => write_cifar100(&data_dir.join("cifar-100-binary")),
        Source::EuroSat(EuroSat { .. }) => write_euro_sat(&data_dir.join("EuroSAT")),
        Source::Caltech256(caltech256) => {
            write_caltech256(&data_dir.join("256_ObjectCategories"));
            return Source::Caltech256(Caltech256 { side: 24, ..caltech256 });
        }
        Source::ImageFolder(ImageFolder { ref path, .. }) => write_image_folder(&data_dir.join(path)),
        Source::Idx(_) => {
            write_mnist(&data_dir.join("own"));
            let file = |name: &str| Path::new("own").join(name);
            return Source::Idx(Idx {
                images: file("train-images-idx3-ubyte.gz"),
                labels: file("train-labels-idx1-ubyte.gz"),
                test: Some(IdxFiles {
                    images: file("t10k-images-idx3-ubyte.gz"),
                    labels: file("t10k-labels-idx1-ubyte.gz"),
                }),
            });
        }
        Source::Npz(Npz { ref path }) => write(&data_dir.join(path), &npz(ALL)),
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

pub fn write_cifar100(folder: &Path) {
    for (name, count) in [("train.bin", TRAIN), ("test.bin", TEST)] {
        write(&folder.join(name), &cifar100_records(count));
    }
}

pub fn write_euro_sat(folder: &Path) {
    const CLASSES: &str = "AnnualCrop Forest HerbaceousVegetation Highway Industrial Pasture PermanentCrop \
                           Residential River SeaLake";
    for (label, class) in CLASSES.split_whitespace().enumerate() {
        for number in 1..=ALL / 10 {
            write(
                &folder.join(format!("{class}/{class}_{number}.jpg")),
                &jpeg(&picture(label, number, 64, 64)),
            );
        }
    }
}

/// Writes ten classes, the clutter, and other files like those in the official archive.
pub fn write_caltech256(folder: &Path) {
    for label in 0..10 {
        for number in 1..=ALL / 10 {
            let (width, height) = (20 + number as u32 * 3, 30 + (label * 7 + number) as u32 % 40);
            let name = format!("{:03}.thing-{label}/{:03}_{number:04}.jpg", label + 1, label + 1);
            write(&folder.join(name), &jpeg(&picture(label, number, width, height)));
        }
    }
    write(&folder.join("056.dog/greg/056_0001.jpg"), b"no picture, and not to be read");
    write(&folder.join("010.thing-9/RENAME2"), b"a script");
    write(&folder.join("257.clutter/257_0001.jpg"), &jpeg(&picture(10, 1, 30, 30)));
}

/// Writes PNG and JPEG files, some of them hidden and some in inner folders.
pub fn write_image_folder(folder: &Path) {
    for label in 0..10 {
        for number in 1..=ALL / 10 {
            let picture = picture(label, number, 9, 7);
            let class = format!("class {label}");
            match number % 3 {
                0 => write(&folder.join(format!("{class}/{number}.JPEG")), &jpeg(&picture)),
                1 => write(&folder.join(format!("{class}/{number}.png")), &png(&picture)),
                _ => write(&folder.join(format!("{class}/deeper/down/{number}.png")), &png(&picture)),
            }
        }
        write(&folder.join(format!("class {label}/.DS_Store")), b"hidden");
        write(&folder.join(format!("class {label}/._1.png")), b"hidden");
    }
    write(&folder.join(".hidden/1.png"), b"hidden");
    write(&folder.join("empty/readme.txt"), b"no picture");
}

pub struct Picture {
    pub width: u32,
    pub height: u32,
    /// The pixels, `[height, width, 3]`.
    pub bytes: Vec<u8>,
}

/// Returns a picture that differs from the pictures with other labels and numbers.
pub fn picture(label: usize, number: usize, width: u32, height: u32) -> Picture {
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let colors = places.flat_map(|(x, y)| {
        [(x * 200 / width) as u8 + 5 * label as u8, (y * 200 / height) as u8, (number * 9) as u8]
    });
    Picture { width, height, bytes: colors.collect() }
}

pub fn png(picture: &Picture) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().expect("memory can be written");
    writer.write_image_data(&picture.bytes).expect("memory can be written");
    writer.finish().expect("memory can be written");
    file
}

/// Returns color images of 6x5 pixels without a test part, as `numpy.savez_compressed` writes them.
pub fn npz(count: usize) -> Vec<u8> {
    let images: Vec<u8> = (0..count * 6 * 5 * 3).map(|at| (at % 251) as u8).collect();
    let labels: Vec<u8> = labels(count).iter().flat_map(|label| i64::from(*label).to_le_bytes()).collect();
    zip(&[
        ("x_train.npy", npy("|u1", &[count, 6, 5, 3], &images)),
        ("y_train.npy", npy("<i8", &[count], &labels)),
    ])
}

pub fn zip(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, SimpleFileOptions::default()).expect("memory can be written");
        writer.write_all(bytes).expect("memory can be written");
    }
    writer.finish().expect("memory can be written").into_inner()
}

/// Returns an array as NumPy writes it: the header ends with a line break at a multiple of 64 bytes.
pub fn npy(kind: &str, shape: &[usize], numbers: &[u8]) -> Vec<u8> {
    let sides: Vec<String> = shape.iter().map(|side| format!("{side},")).collect();
    let sides = sides.join(" ");
    let dictionary = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({sides}), }}");
    let padding = " ".repeat(63 - (10 + dictionary.len()) % 64);
    let length = ((dictionary.len() + padding.len() + 1) as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], dictionary.as_bytes(), padding.as_bytes(), b"\n", numbers].concat()
}

/// Returns images with pixels that count up.
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

pub fn cifar100_records(count: usize) -> Vec<u8> {
    labels(count)
        .into_iter()
        .enumerate()
        .flat_map(|(example, label)| {
            [vec![label % 2, label], (0..3072).map(|it| (it + example) as u8).collect()].concat()
        })
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
