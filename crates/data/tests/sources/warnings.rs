//! The account of a dataset and its warnings, for folders and arrays as people have them.

use std::os::unix::fs::symlink;

use data::{Dataset, DatasetSettings, EuroSat, ImageFolder, Loading, Npz, Source, TestPart};
use insta::assert_snapshot;
use tempfile::TempDir;

use crate::damage::shown;
use crate::jpeg::jpeg;
use crate::samples::{Picture, npy, picture, png, write, write_euro_sat, zip};

const CLASSES: [&str; 3] = ["cat", "dog", "fox"];

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

fn image_folder() -> DatasetSettings {
    DatasetSettings::of(Source::ImageFolder(ImageFolder::default()))
}

fn load(settings: &DatasetSettings, data_dir: &TempDir) -> Dataset {
    let decoded_dir = folder();
    let kept = Loading { decoded_dir: Some(decoded_dir.path()), ..Loading::from(data_dir.path()) };
    let decoded = Dataset::load_with(settings, &kept).expect("the sample is whole");
    let mapped = Dataset::load_with(settings, &kept).expect("the sample is whole");
    for dataset in [&mapped, &Dataset::load(settings, data_dir.path()).expect("the sample is whole")] {
        assert_eq!(stated(dataset), stated(&decoded));
        assert_eq!(dataset.train().pixels(), decoded.train().pixels());
        assert_eq!(dataset.validation().pixels(), decoded.validation().pixels());
    }
    mapped
}

/// Returns the account and all warnings.
fn stated(dataset: &Dataset) -> String {
    let mut lines = vec![dataset.account().to_string()];
    lines.extend(dataset.examine().warnings.iter().map(|warning| format!("warning: {warning}")));
    lines.join("\n")
}

fn refused(data_dir: &TempDir, settings: &DatasetSettings) -> String {
    let error = Dataset::load(settings, data_dir.path()).expect_err("the sample is refused");
    shown(&error, data_dir.path())
}

/// Writes `count` pictures of each class into folders in `part`.
fn write_part(data_dir: &TempDir, part: &str, first: usize, count: usize) {
    for (label, class) in CLASSES.iter().enumerate() {
        for number in first..first + count {
            let path = data_dir.path().join(format!("images/{part}/{class}/{number}.png"));
            write(&path, &png(&picture(label, number, 16, 16)));
        }
    }
}

#[test]
fn folders_for_training_and_testing_are_parts() {
    let data_dir = folder();
    write_part(&data_dir, "pets-master/Training", 0, 10);
    write_part(&data_dir, "pets-master/test", 10, 4);
    let dataset = load(&image_folder(), &data_dir);
    assert_eq!(
        (dataset.class_names(), dataset.test_part()),
        (&CLASSES.map(str::to_owned)[..], TestPart::Test)
    );
    assert_snapshot!(stated(&dataset), @"ImageFolder: 42 color 16x16 images, 3 classes (cat, dog, fox); 30 training images; 12 validation images, the test part in the files");
    write_part(&data_dir, "pets-master/val", 20, 2);
    assert_snapshot!(stated(&load(&image_folder(), &data_dir)), @"ImageFolder: 48 color 16x16 images, 3 classes (cat, dog, fox); 30 training images; 6 validation images, the validation part in the files; 12 test images, the test part in the files");
    let dataset = load(&image_folder(), &data_dir);
    assert_eq!(dataset.validation().count_by_class(3), [2; 3]);
    assert_eq!(dataset.test().expect("it is kept for the end").count_by_class(3), [4; 3]);
    let with_holdout = DatasetSettings { holdout: 0.2, ..image_folder() };
    assert_snapshot!(refused(&data_dir, &with_holdout), @r"
    error: dataset settings are not allowed: holdout: got 0.2, but the files have a validation part; allowed: 0.0
    hint: change `holdout` in the dataset's settings
    ");
}

#[test]
fn a_validation_part_without_a_test_part_is_the_test_part() {
    let data_dir = folder();
    write_part(&data_dir, "train", 0, 10);
    write_part(&data_dir, "valid", 10, 4);
    assert_snapshot!(stated(&load(&image_folder(), &data_dir)), @"ImageFolder: 42 color 16x16 images, 3 classes (cat, dog, fox); 30 training images; 12 validation images, the validation part in the files");
    let with_holdout = DatasetSettings { holdout: 0.2, ..image_folder() };
    assert_snapshot!(stated(&load(&with_holdout, &data_dir)), @"ImageFolder: 42 color 16x16 images, 3 classes (cat, dog, fox); 24 training images; 6 validation images, held out: 0.2 of each class, drawn by split seed 0; 12 test images, the validation part in the files");
}

#[test]
fn parts_next_to_other_folders_are_refused_with_the_layout_that_is_expected() {
    let data_dir = folder();
    write_part(&data_dir, "train", 0, 2);
    write_part(&data_dir, "test", 0, 2);
    write_part(&data_dir, "extra", 0, 2);
    assert_snapshot!(refused(&data_dir, &image_folder()), @r"
    error: <data>/images: expected one folder per class, or `train` and `test` (and `val`) with one folder per class in each, found the folder `extra` next to parts
    hint: put a folder for each class, with its pictures, into each of `train`, `test` and `val`; other folders elsewhere
    ");
    let data_dir = folder();
    write_part(&data_dir, "train", 0, 2);
    write(&data_dir.path().join("images/test/1.png"), &png(&picture(0, 0, 16, 16)));
    assert_snapshot!(refused(&data_dir, &image_folder()), @r"
    error: <data>/images: expected one folder per class, or `train` and `test` (and `val`) with one folder per class in each, found pictures in `test` that are in no folder of a class
    hint: put a folder for each class, with its pictures, into each of `train`, `test` and `val`; other folders elsewhere
    ");
}

#[test]
fn files_that_are_not_read_are_counted_and_empty_folders_and_broken_links_are_named() {
    let data_dir = folder();
    let write = |name: &str, bytes: &[u8]| write(&data_dir.path().join("images").join(name), bytes);
    for number in 0..10 {
        for (label, class) in ["ant.png", "dog.jfif", "elk.JPE"].iter().enumerate() {
            let (class, ending) = class.split_once('.').expect("they are written so");
            let picture = picture(label, number, 16, 16);
            let bytes = if ending == "png" { png(&picture) } else { jpeg(&picture) };
            write(&format!("{class}/{number}.{ending}"), &bytes);
        }
        write(&format!("bee/{number}.webp"), b"RIFF");
        write(&format!("cow/{number}.bmp"), b"BM");
    }
    write("cow/Thumbs.db", b"");
    write("README", b"");
    write("loose.png", &png(&picture(0, 0, 16, 16)));
    write("ant/.hidden.webp", b"");
    let link = |from: &str, to: &str| {
        symlink(to, data_dir.path().join("images").join(from)).expect("a link can be made");
    };
    link("ant/notes.txt", "/nowhere/notes.txt");
    link("dog/again", "..");
    assert_snapshot!(stated(&load(&image_folder(), &data_dir)), @r"
    ImageFolder: 30 color 16x16 images, 3 classes (ant, dog, elk); 24 training images; 6 validation images, a fifth of each class, drawn by split seed 0
    warning: 22 files are not read (10 .bmp, 1 .db, 10 .webp, 1 without an ending): pictures are PNG and JPEG
    warning: 1 picture is not read: in no folder of a class
    warning: 2 folders have no picture: bee, cow
    warning: 2 broken links are passed over: ant/notes.txt, dog/again
    ");
}

#[test]
fn a_folder_without_any_picture_that_is_read_names_the_other_files() {
    let data_dir = folder();
    write(&data_dir.path().join("images/bee/1.webp"), b"RIFF");
    assert_snapshot!(refused(&data_dir, &image_folder()), @r"
    error: <data>/images: expected folders of pictures (PNG or JPEG), one folder per class, found no picture, but other files: 1 .webp
    hint: convert pictures of other formats to PNG, for example with ImageMagick: `mogrify -format png`
    ");
}

#[test]
fn damaged_pictures_that_are_left_out_are_counted_and_one_class_is_named() {
    let data_dir = folder();
    for number in 0..5 {
        let path = data_dir.path().join(format!("images/cat/{number}.png"));
        write(&path, &png(&picture(0, number, 16, 16)));
    }
    write(&data_dir.path().join("images/cat/x.png"), b"no picture");
    let settings = DatasetSettings::of(image_folder().source.skipping_damaged());
    assert_snapshot!(stated(&load(&settings, &data_dir)), @r"
    ImageFolder: 5 color 16x16 images, 1 class (cat); 4 training images; 1 validation image, a fifth of each class, drawn by split seed 0
    warning: 1 damaged picture is left out (`skip_damaged`)
    warning: all images are of one class, cat
    ");
}

/// Returns a JPEG file with the orientation mark of a camera, as phones write it.
fn marked(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let tiff =
        [&b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"[..], &[orientation, 0, 0, 0, 0, 0, 0]].concat();
    let content = [b"Exif\0\0", &tiff[..]].concat();
    let length = (content.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], b"\xff\xe1", &length, &content, &jpeg[2..]].concat()
}

#[test]
fn own_pictures_are_turned_as_their_mark_says_and_official_ones_are_not() {
    let data_dir = folder();
    // A bar at the top, and the same picture as a camera that lies on its side stores it: the bar is at the left.
    let bar = |is_upright: bool| {
        let bytes = (0..16 * 16).flat_map(|at| [if is_upright { at / 16 } else { at % 16 } < 8; 3]);
        Picture {
            width: 16,
            height: 16,
            bytes: bytes.map(|is_bright| 40 + 200 * u8::from(is_bright)).collect(),
        }
    };
    for number in 0..10 {
        let path = |class: &str| data_dir.path().join(format!("images/{class}/{number}.jpg"));
        write(&path("upright"), &jpeg(&bar(true)));
        write(&path("same-by-mark"), &marked(&jpeg(&bar(false)), 6));
    }
    let loaded = image_folder().source.load(data_dir.path()).expect("the sample is whole");
    let first = &loaded.train.images[..loaded.shape.pixels()];
    assert!(loaded.train.images.chunks_exact(loaded.shape.pixels()).all(|image| image == first));
    assert_eq!([first[0], first[15], first[255]], [240, 240, 40]);

    let official = Source::EuroSat(EuroSat::default());
    write_euro_sat(&data_dir.path().join("EuroSAT"));
    let before = official.load(data_dir.path()).expect("the sample is whole");
    let path = data_dir.path().join("EuroSAT/Forest/Forest_3.jpg");
    write(&path, &marked(&jpeg(&picture(1, 3, 64, 64)), 6));
    let after = official.load(data_dir.path()).expect("the sample is whole");
    assert_eq!(before.train, after.train);
}

/// Writes images with the value `largest` at most, and these labels for each part.
fn write_npz(data_dir: &TempDir, largest: u8, parts: &[(&str, Vec<u16>)]) {
    let mut arrays = Vec::new();
    for (part, labels) in parts {
        let count = labels.len();
        let pixels: Vec<u8> = (0..count * 16).map(|at| (at % (largest as usize + 1)) as u8).collect();
        let labels: Vec<u8> = labels.iter().flat_map(|label| label.to_le_bytes()).collect();
        arrays.push((format!("x_{part}.npy"), npy("|u1", &[count, 4, 4], &pixels)));
        arrays.push((format!("y_{part}.npy"), npy("<u2", &[count], &labels)));
    }
    let arrays: Vec<(&str, Vec<u8>)> =
        arrays.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    write(&data_dir.path().join("images.npz"), &zip(&arrays));
}

fn arrays() -> DatasetSettings {
    DatasetSettings::of(Source::Npz(Npz::default()))
}

#[test]
fn labels_from_one_and_values_of_a_sliver_of_the_range_are_warned_of() {
    let data_dir = folder();
    write_npz(&data_dir, 1, &[("train", (0..200).map(|at| at % 4 + 1).collect())]);
    assert_snapshot!(stated(&load(&arrays(), &data_dir)), @r"
    Npz: 200 grey 4x4 images, 5 classes; 160 training images; 40 validation images, a fifth of each class, drawn by split seed 0
    warning: 1 of 5 classes has no image: 0
    warning: the largest value of all training pixels is 1, of 255 possible: scale the images to 0 to 255
    warning: 40 validation images are also trained on
    warning: 159 of 160 training images repeat an earlier one
    ");
    let labels = (0..200).map(|at| [0, 1, 2, 65_535][at % 4]).collect();
    write_npz(&data_dir, 250, &[("train", labels)]);
    assert_snapshot!(refused(&data_dir, &arrays()), @r"
    error: the largest label is 65535: only 4 of 65536 classes have an image
    hint: number the classes from 0 without gaps: `y = numpy.unique(y, return_inverse=True)[1]`
    ");
}

#[test]
fn arrays_of_a_validation_part_are_the_validation_part_and_other_arrays_are_named() {
    let data_dir = folder();
    let labels = |count| (0..count).map(|at| at % 4).collect();
    write_npz(
        &data_dir,
        250,
        &[("train", labels(120)), ("val", labels(40)), ("test", labels(20)), ("extra", labels(4))],
    );
    assert_snapshot!(stated(&load(&arrays(), &data_dir)), @r"
    Npz: 180 grey 4x4 images, 4 classes; 120 training images; 40 validation images, the validation part in the files; 20 test images, the test part in the files
    warning: 2 arrays are not read: x_extra, y_extra
    warning: 40 validation images are also trained on
    warning: 20 test images are also trained on
    ");
}

#[test]
fn copies_across_splits_are_counted() {
    let data_dir = folder();
    for (label, class) in CLASSES.iter().enumerate() {
        for number in 0..60 {
            let path = data_dir.path().join(format!("images/{class}/{number}.png"));
            write(&path, &png(&picture(label, number / 6, 16, 16)));
        }
    }
    assert_snapshot!(stated(&load(&image_folder(), &data_dir)), @r"
    ImageFolder: 180 color 16x16 images, 3 classes (cat, dog, fox); 144 training images; 36 validation images, a fifth of each class, drawn by split seed 0
    warning: 36 validation images are also trained on
    warning: 114 of 144 training images repeat an earlier one
    ");
}

#[test]
fn other_files_are_named_as_such_and_only_sources_with_official_files_may_have_them() {
    let data_dir = folder();
    write_euro_sat(&data_dir.path().join("EuroSAT"));
    let settings = |source| DatasetSettings { official: false, ..DatasetSettings::of(source) };
    let dataset = load(&settings(Source::EuroSat(EuroSat::default())), &data_dir);
    assert_snapshot!(stated(&dataset), @r"
    EuroSAT (not the official files): 250 color 64x64 images, 10 classes (AnnualCrop, Forest, HerbaceousVegetation, Highway, Industrial, Pasture, PermanentCrop, Residential, River, SeaLake); 200 training images; 50 validation images, a fifth of each class, drawn by split seed 0
    warning: these are not the official files of EuroSAT
    warning: PARTIAL: 250 of 27,000 images, 10 of 10 classes
    ");
    let text = refused(&data_dir, &settings(image_folder().source));
    assert_snapshot!(text, @r"
    error: dataset settings are not allowed: official: got false, but ImageFolder has no official files
    hint: change `official` in the dataset's settings
    ");
}
