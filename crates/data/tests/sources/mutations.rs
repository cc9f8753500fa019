//! Files with random damage give an error or complete images, never a panic. `fuzz/` does the same with cargo-fuzz.

use std::fs;

use data::{Cifar100, EuroSat, Idx, ImageFolder, Loaded, Npz, Source};
use random::{Rng, Stream};

use crate::jpeg::jpeg;
use crate::samples::{
    cifar_records, cifar100_records, idx_images, idx_labels, labels, npz, picture, png, write,
};

/// Makes up to eight random changes.
fn mutated(whole: &[u8], stream: &mut Stream) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..1 + stream.next_u32() % 8 {
        let at = stream.next_u64() as usize % bytes.len().max(1);
        match (stream.next_u32() % 6, bytes.get_mut(at)) {
            (_, None) => bytes.push(0),
            (0, Some(byte)) => *byte ^= 1 << (stream.next_u32() % 8),
            (1, Some(byte)) => *byte = stream.next_u32() as u8,
            (2, Some(byte)) => *byte = 0xff,
            (3, _) => bytes.truncate(at),
            // Most formats have headers at the start.
            (4, _) => bytes[at % 64.min(at + 1)] = stream.next_u32() as u8,
            _ => bytes.extend_from_within(at..),
        }
    }
    bytes
}

/// Loads `source` after each of many mutations of the file `name`.
#[track_caller]
fn check(source: &Source, files: &[(&str, Vec<u8>)], name: &str, times: u64) {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    for (name, bytes) in files {
        write(&data_dir.path().join(name), bytes);
    }
    let (_, whole) = files.iter().find(|(known, _)| *known == name).expect("it is among the files");
    check_loaded(&source.load(data_dir.path()).expect("the sample is whole"));
    let mut refused = 0;
    for seed in 0..times {
        let bytes = mutated(whole, &mut random::stream(seed, "mutation", &[]));
        fs::write(data_dir.path().join(name), bytes).expect("it can be written");
        match source.load(data_dir.path()) {
            Ok(loaded) => check_loaded(&loaded),
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty() && !error.hint().is_empty());
            }
        }
    }
    assert!(refused > 0, "no mutation was noticed");
}

#[track_caller]
fn check_loaded(loaded: &Loaded) {
    for part in [Some(&loaded.train), loaded.test.as_ref()].into_iter().flatten() {
        assert_eq!(part.images.len(), part.labels.len() * loaded.shape.pixels());
        assert!(part.labels.iter().all(|label| usize::from(*label) < loaded.class_names.len()));
    }
}

#[test]
fn idx_files() {
    let source = Source::Idx(Idx { images: "images".into(), labels: "labels".into(), test: None });
    let files = [("images", idx_images(20, 4, 4)), ("labels", idx_labels(&labels(20)))];
    check(&source, &files, "images", 500);
    check(&source, &files, "labels", 500);
    let packed = Source::Idx(Idx { images: "images.gz".into(), labels: "labels".into(), test: None });
    let files = [("images.gz", crate::samples::gzip(&files[0].1)), files[1].clone()];
    check(&packed, &files, "images.gz", 500);
}

#[test]
fn cifar_files() {
    let train = |batch: usize| format!("cifar-10-batches-bin/data_batch_{batch}.bin");
    let names: Vec<String> =
        (1..=5).map(train).chain(["cifar-10-batches-bin/test_batch.bin".to_owned()]).collect();
    let files: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (name.as_str(), cifar_records(2))).collect();
    check(&Source::Cifar10, &files, &names[2], 200);
    let files = [
        ("cifar-100-binary/train.bin", cifar100_records(3)),
        ("cifar-100-binary/test.bin", cifar100_records(3)),
        ("cifar-100-binary/fine_label_names.txt", "name\n".repeat(100).into_bytes()),
    ];
    for (name, _) in &files {
        check(&Source::Cifar100(Cifar100::default()), &files, name, 200);
    }
}

#[test]
fn npz_files() {
    check(&Source::Npz(Npz::default()), &[("images.npz", npz(10))], "images.npz", 500);
}

#[test]
fn pictures() {
    let own = Source::ImageFolder(ImageFolder { size: Some(8), ..ImageFolder::default() });
    let encoded = include_bytes!("../gradient.jpg").to_vec();
    let files = [("images/a/1.png", png(&picture(1, 1, 20, 10))), ("images/a/2.jpg", encoded)];
    for (name, _) in &files {
        check(&own, &files, name, 300);
    }
    let name = "EuroSAT/River/River_1.jpg";
    check(&Source::EuroSat(EuroSat::default()), &[(name, jpeg(&picture(1, 1, 64, 64)))], name, 200);
}

#[test]
fn mutations_are_the_same_in_every_run() {
    let mutate = || mutated(b"some bytes", &mut random::stream(3, "mutation", &[]));
    assert_eq!(mutate(), mutate());
}
