//! How fast are the images of a dataset there, and what do they hold in memory?
//!
//! Files are made, in the official layout. `cargo run --release -p data --example measure -- DATA_DIRECTORY` does the same
//! with the real CIFAR-10, and decodes as many pictures as Caltech-256 has.

use std::{fs, num::NonZeroUsize, path::Path};

use data::{Dataset, DatasetSettings, ImageFolder, Loading, Source};
use image::{Rgb, RgbImage, codecs::jpeg::JpegEncoder};
use tempfile::TempDir;

use crate::{
    Effort, Group, Unit,
    files::{Named, timed},
    memory::{give_back_freed_memory, status},
};

const CIFAR10_IMAGES: usize = 60_000;
const CIFAR10_PIXELS: usize = 3 * 32 * 32;
const PICTURES: usize = 1_000;

pub(crate) fn measure(effort: &Effort, progress: &dyn Fn(&str)) -> Vec<Group> {
    let mut groups = Vec::new();
    let ready = "60,000 images of CIFAR-10, from binary files to the first batch of 100";
    let memory = "60,000 images of CIFAR-10 in memory";
    if effort.includes(ready) || effort.includes(memory) {
        let folder = TempDir::new().expect("a temporary folder");
        write_cifar10(folder.path());
        if effort.includes(memory) && Path::new("/proc/self/status").is_file() {
            progress(memory);
            groups.push(held(memory, folder.path()));
        }
        if effort.includes(ready) {
            progress(ready);
            let load = |times: usize| (0..times).for_each(|_| drop(first_batch(folder.path())));
            let (names, samples) = timed(effort, &mut [("read, split, gathered", Box::new(load))]);
            groups.push(Group::new(ready.to_owned(), None, names, samples));
        }
    }
    let decoded = format!("{PICTURES} JPEG pictures of 300x250 pixels, brought to 64x64");
    if effort.includes(&decoded) {
        progress(&decoded);
        groups.push(decoding(effort, decoded));
    }
    groups
}

fn first_batch(data_dir: &Path) -> Dataset {
    let dataset =
        Dataset::load(&DatasetSettings::of(Source::Cifar10), data_dir).expect("the files are whole");
    let (mut images, mut labels) = (vec![0.0; 100 * CIFAR10_PIXELS], vec![0; 100]);
    dataset.train().gather(&(0..100).collect::<Vec<_>>(), &mut images, &mut labels);
    dataset
}

/// What the process grows by, beside what the pixels are as bytes.
fn held(title: &str, data_dir: &Path) -> Group {
    give_back_freed_memory();
    let before = status("VmRSS:");
    let dataset = first_batch(data_dir);
    let held = status("VmRSS:") - before;
    drop(dataset);
    let names = ["their pixels as bytes".to_owned(), "the process holds more".to_owned()];
    let values = vec![vec![(CIFAR10_IMAGES * CIFAR10_PIXELS) as f64], vec![held]];
    Group { unit: Unit::Bytes, ..Group::new(title.to_owned(), None, names.to_vec(), values) }
}

/// By one thread, by two, by four, and by none: pictures that were decoded before are only hashed.
fn decoding(effort: &Effort, title: String) -> Group {
    let folder = TempDir::new().expect("a temporary folder");
    write_pictures(&folder.path().join("images"));
    let source = Source::ImageFolder(ImageFolder { size: Some(64), ..ImageFolder::default() });
    let decoded = folder.path().join("decoded");
    let [one, two, four] = [1, 2, 4].map(|threads| {
        let threads = NonZeroUsize::new(threads).expect("it is not zero");
        Loading { threads, ..Loading::from(folder.path()) }
    });
    let load = |loading: Loading<'_>, times: usize| {
        for _ in 0..times {
            drop(source.load_with(&loading).expect("the pictures are whole"));
        }
    };
    let mut work: Vec<Named<'_>> = vec![("1 thread", Box::new(|times| load(one, times)))];
    if effort.threads >= 2 {
        work.push(("2 threads", Box::new(|times| load(two, times))));
    }
    if effort.threads >= 4 {
        work.push(("4 threads", Box::new(|times| load(four, times))));
    }
    let kept = Loading::from(folder.path()).keeping_decoded_in(&decoded);
    work.push(("decoded before: hashed and mapped", Box::new(move |times| load(kept, times))));
    let (names, samples) = timed(effort, &mut work);
    Group::new(title, None, names, samples)
}

fn write_cifar10(data_dir: &Path) {
    let folder = data_dir.join("cifar-10-batches-bin");
    fs::create_dir(&folder).expect("the folder can be written");
    let record = |number: usize| {
        let pixels = (0..CIFAR10_PIXELS).map(move |at| (at * 7 + number * 13) as u8);
        std::iter::once((number % 10) as u8).chain(pixels)
    };
    let records: Vec<u8> = (0..CIFAR10_IMAGES / 6).flat_map(record).collect();
    for name in (1..=5).map(|batch| format!("data_batch_{batch}")).chain(["test_batch".to_owned()]) {
        fs::write(folder.join(name + ".bin"), &records).expect("the folder can be written");
    }
}

/// Ten different pictures, again and again.
fn write_pictures(folder: &Path) {
    let made: Vec<Vec<u8>> = (0..10).map(jpeg).collect();
    for class in ["a", "b"] {
        let folder = folder.join(class);
        fs::create_dir_all(&folder).expect("the folder can be written");
        for number in 0..PICTURES / 2 {
            let path = folder.join(format!("{number}.jpg"));
            fs::write(path, &made[number % made.len()]).expect("the folder can be written");
        }
    }
}

fn jpeg(number: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(300, 250, |x, y| {
        let noise = (x * 7919 + y * 104_729 + number * 31) % 61;
        Rgb([(x * 190 / 300 + noise) as u8, (y * 190 / 250 + noise) as u8, ((x + y) / 3 + noise) as u8])
    });
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 85).encode_image(&picture).expect("memory can be written");
    bytes
}
