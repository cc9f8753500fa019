//! Folders of pictures: how they are read, and the messages about pictures that are missing or damaged.

use std::ffi::OsStr;
use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use data::{Caltech256, Dataset, DatasetSettings, EuroSat, ImageFolder, Loading, Source};
use insta::assert_snapshot;

use crate::damage::shown;
use crate::jpeg::jpeg;
use crate::samples::{picture, png, write, write_caltech256, write_euro_sat, write_image_folder};

const FOREST: &str = "EuroSAT/Forest/Forest_3.jpg";

fn euro_sat() -> Source {
    Source::EuroSat(EuroSat::default())
}

fn own(folder: ImageFolder) -> Source {
    Source::ImageFolder(folder)
}

/// Returns the error of loading valid samples after `break_it` damaged them.
#[track_caller]
fn after(source: &Source, break_it: impl Fn(&Path)) -> String {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    write_euro_sat(&data_dir.path().join("EuroSAT"));
    write_image_folder(&data_dir.path().join("images"));
    break_it(data_dir.path());
    let settings = DatasetSettings::of(source.clone());
    shown(&Dataset::load(&settings, data_dir.path()).expect_err("the sample is broken"), data_dir.path())
}

#[test]
fn a_damaged_picture_is_named() {
    let half = jpeg(&picture(1, 3, 64, 64));
    let half = &half[..half.len() / 2];
    assert_snapshot!(after(&euro_sat(), |data_dir| write(&data_dir.join(FOREST), half)), @r"
    error: <data>/EuroSAT/Forest/Forest_3.jpg: expected a whole picture, found: Format error decoding Jpeg: the file is cut short
    hint: put the official file from https://zenodo.org/records/7711810 in its place, or give the source `skip_damaged: true`
    ");
    assert_snapshot!(after(&euro_sat(), |data_dir| write(&data_dir.join(FOREST), b"")), @r"
    error: <data>/EuroSAT/Forest/Forest_3.jpg: expected a whole picture, found: neither a JPEG nor a PNG file
    hint: put the official file from https://zenodo.org/records/7711810 in its place, or give the source `skip_damaged: true`
    ");
    assert_snapshot!(after(&euro_sat(), |data_dir| write(&data_dir.join(FOREST), b"<html>")), @r"
    error: <data>/EuroSAT/Forest/Forest_3.jpg: expected a whole picture, found: neither a JPEG nor a PNG file
    hint: put the official file from https://zenodo.org/records/7711810 in its place, or give the source `skip_damaged: true`
    ");
    let damaged_png = [&png(&picture(1, 1, 9, 7))[..60], &[7; 40]].concat();
    let text = after(&own(ImageFolder::default()), |data_dir| {
        write(&data_dir.join("images/class 3/deeper/down/2.png"), &damaged_png);
    });
    assert_snapshot!(text, @r"
    error: <data>/images/class 3/deeper/down/2.png: expected a whole picture, found: Format error decoding Png: unexpected end of file
    hint: put a whole file in its place, or give the source `skip_damaged: true`
    ");
}

#[test]
fn a_picture_on_which_the_decoder_panics_is_damaged() {
    let cmyk = include_bytes!("../cmyk.jpg");
    let put = |data_dir: &Path| write(&data_dir.join("images/class 9/z.jpg"), cmyk);
    assert_snapshot!(after(&own(ImageFolder::default()), put), @r"
    error: <data>/images/class 9/z.jpg: expected a whole picture, found: the decoder failed (it does not know this kind of JPEG)
    hint: put a whole file in its place, or give the source `skip_damaged: true`
    ");
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    write_image_folder(&data_dir.path().join("images"));
    put(data_dir.path());
    let source = own(ImageFolder { skip_damaged: true, ..ImageFolder::default() });
    let skipped = source.load(data_dir.path()).expect("damage is skipped").skipped;
    assert_eq!(skipped.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["class 9/z.jpg"]);
}

#[test]
fn of_two_damaged_pictures_the_first_is_named_independently_of_the_threads() {
    for _ in 0..5 {
        let text = after(&euro_sat(), |data_dir| {
            write(&data_dir.join("EuroSAT/River/River_2.jpg"), b"");
            write(&data_dir.join(FOREST), b"");
        });
        assert!(text.contains("Forest_3.jpg"), "{text}");
    }
}

#[test]
fn a_picture_of_another_size_is_named() {
    let large = jpeg(&picture(1, 3, 65, 64));
    assert_snapshot!(after(&euro_sat(), |data_dir| write(&data_dir.join(FOREST), &large)), @r"
    error: <data>/EuroSAT/Forest/Forest_3.jpg: expected a whole picture, found: expected 64x64 pixels, found 65x64
    hint: put the official file from https://zenodo.org/records/7711810 in its place, or give the source `skip_damaged: true`
    ");
    let text = after(&own(ImageFolder::default()), |data_dir| {
        write(&data_dir.join("images/class 9/z.png"), &png(&picture(1, 1, 9, 8)));
    });
    assert_snapshot!(text, @r"
    error: <data>/images/class 9/z.png: expected 9x7 pixels as the first picture has, found 9x8
    hint: give the source a `size`, for example `size: Some(64)`
    ");
}

#[test]
fn missing_and_empty_folders_say_what_belongs_there() {
    let delete = |data_dir: &Path| fs::remove_dir_all(data_dir.join("EuroSAT")).expect("it is there");
    assert_snapshot!(after(&euro_sat(), delete), @r"
    error: EuroSAT is incomplete: 1 of 1 files not found: <data>/EuroSAT
    hint: put the official files from https://zenodo.org/records/7711810 into <data>
    ");
    let empty = |data_dir: &Path| {
        delete(data_dir);
        write(&data_dir.join("EuroSAT/SomethingElse/1.jpg"), &jpeg(&picture(1, 1, 64, 64)));
    };
    assert_snapshot!(after(&euro_sat(), empty), @r"
    error: <data>/EuroSAT: expected folders of pictures (.jpg, .jpeg, .png), one folder per class, found no whole picture
    hint: put the official folders from https://zenodo.org/records/7711810 into <data>/EuroSAT
    ");
    let elsewhere = own(ImageFolder { path: "elsewhere".into(), ..ImageFolder::default() });
    assert_snapshot!(after(&elsewhere, |_| ()), @r"
    error: ImageFolder is incomplete: 1 of 1 files not found: <data>/elsewhere
    hint: check the paths in the source's settings; they start at the data directory
    ");
}

#[test]
fn names_that_are_not_text_are_shown_as_far_as_possible() {
    let text = after(&own(ImageFolder::default()), |data_dir| {
        let name = OsStr::from_bytes(b"caf\xe9.png");
        write(&data_dir.join("images/class 3").join(name), &png(&picture(1, 1, 9, 7)));
    });
    assert_snapshot!(text, @r"
    error: <data>/images/class 3/caf�.png: expected a name in UTF-8, found other bytes
    hint: rename it
    ");
}

#[test]
fn damaged_pictures_are_skipped_and_listed_when_asked_for() {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    write_euro_sat(&data_dir.path().join("EuroSAT"));
    // The shape of images does not depend on the first picture if that is damaged.
    for name in ["EuroSAT/AnnualCrop/AnnualCrop_1.jpg", FOREST] {
        write(&data_dir.path().join(name), b"damaged");
    }
    let source = Source::EuroSat(EuroSat { skip_damaged: true });
    let decoded = tempfile::tempdir().expect("a folder can be made");
    let loading = Loading::from(data_dir.path());
    let keeping = Loading { decoded_dir: Some(decoded.path()), ..loading };
    let [plain, first, second] =
        [loading, keeping, keeping].map(|loading| source.load_with(&loading).expect("damage is skipped"));
    assert_eq!((plain.train.labels.len(), plain.counts().classes), (248, 10));
    assert_eq!(plain.train.labels.iter().filter(|label| **label == 1).count(), 24);
    let names: Vec<&str> = plain.skipped.iter().map(|skipped| skipped.name.as_str()).collect();
    assert_eq!(names, ["AnnualCrop/AnnualCrop_1.jpg", "Forest/Forest_3.jpg"]);
    assert!(first == second && first.skipped == plain.skipped && first.train == plain.train);
    let dataset = Dataset::new(&DatasetSettings::of(source), plain).expect("there are enough");
    assert_eq!((dataset.skipped().len(), dataset.counts().images), (2, 248));
}

#[test]
fn pictures_are_read_in_the_order_of_their_names_and_hidden_and_other_files_are_not() {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    write_image_folder(&data_dir.path().join("images"));
    let loaded = own(ImageFolder::default()).load(data_dir.path()).expect("the sample is whole");
    assert_eq!(loaded.class_names[..2], ["class 0", "class 1"]);
    // 1.png, 10.png, 12.JPEG, 13.png, ... and then the files in the folder `deeper`.
    let pixels = loaded.shape.pixels();
    let numbers: Vec<u8> = (0..25).map(|at| loaded.train.images[at * pixels + pixels - 1] / 9).collect();
    assert_eq!(numbers[..2], [1, 10]);
    assert_eq!(numbers[17..], [11, 14, 17, 2, 20, 23, 5, 8]);
}

#[test]
fn caltech256_leaves_clutter_out_or_takes_it_as_a_class() {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    write_caltech256(&data_dir.path().join("256_ObjectCategories"));
    let load = |clutter| {
        let source = Source::Caltech256(Caltech256 { clutter, ..Caltech256::default() });
        source.load(data_dir.path()).expect("the sample is whole")
    };
    let [without, with] = [false, true].map(load);
    assert_eq!((without.train.labels.len(), without.class_names.len()), (250, 10));
    assert_eq!(
        (with.train.labels.len(), with.class_names.last().map(String::as_str)),
        (251, Some("257.clutter"))
    );
    assert_eq!([without.shape.height, without.shape.width], [64, 64]);
}

#[test]
fn a_size_brings_pictures_of_all_sizes_together() {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    for (number, (width, height)) in [(5, 9), (40, 30), (12, 12), (1, 70)].into_iter().enumerate() {
        write(
            &data_dir.path().join(format!("images/a/{number}.png")),
            &png(&picture(0, number, width, height)),
        );
    }
    let source = own(ImageFolder { size: Some(12), ..ImageFolder::default() });
    let loaded = source.load(data_dir.path()).expect("the sample is whole");
    assert_eq!((loaded.train.images.len(), loaded.shape.plane()), (4 * 3 * 144, 144));
}

#[test]
fn sides_are_limited() {
    let problems = |source: Source| DatasetSettings::of(source).problems();
    let wide = Source::Caltech256(Caltech256 { side: 0, ..Caltech256::default() });
    let huge = own(ImageFolder { size: Some(4096), ..ImageFolder::default() });
    let text = [wide, huge].map(|source| {
        problems(source).iter().map(|it| format!("{}: {}", it.field, it.message)).collect::<String>()
    });
    assert_snapshot!(text.join("\n"), @r"
    source.side: got 0, allowed: 1 to 1024 pixels
    source.size: got 4096, allowed: 1 to 1024 pixels
    ");
}

#[test]
fn a_picture_for_which_there_is_no_memory_is_named_even_where_damaged_ones_are_left_out() {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    write_image_folder(&data_dir.path().join("images"));
    write(&data_dir.path().join("images/class 1/large.png"), &png(&picture(1, 1, 3000, 2000)));
    let source = own(ImageFolder { size: Some(8), skip_damaged: true, ..ImageFolder::default() });
    let loading = |memory| Loading { memory, ..Loading::from(data_dir.path()) };
    let error =
        |memory| shown(&source.load_with(&loading(memory)).expect_err("it is little"), data_dir.path());
    assert_snapshot!(error(20_000_000), @r"
    error: <data>/images/class 1/large.png: decoding this picture needs 26 MB, 20 MB may be used
    hint: store the picture with fewer pixels, or end other programs, or allow more with `run --memory SIZE`
    ");
    assert!(source.load_with(&loading(30_000_000)).is_ok(), "it fits alone");
}

#[test]
fn more_pictures_than_memory_are_refused_before_they_are_decoded() {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    for number in 0..40 {
        write(
            &data_dir.path().join(format!("images/{}/{number}.png", number % 2)),
            &png(&picture(1, 1, 400, 300)),
        );
    }
    let loading = Loading {
        memory: 10_000_000,
        progress: &|_| panic!("nothing is decoded"),
        ..Loading::from(data_dir.path())
    };
    let error = own(ImageFolder::default()).load_with(&loading).expect_err("it is little");
    assert_snapshot!(shown(&error, data_dir.path()), @r"
    error: <data>/images: 40 pictures of 400x300 pixels need 15 MB when they are decoded, 10 MB may be used
    hint: give the source a smaller `size`, or end other programs, or allow more with `run --memory SIZE`
    ");
}

#[test]
fn loading_ends_at_the_picture_at_which_it_is_interrupted() {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    write_euro_sat(&data_dir.path().join("EuroSAT"));
    let decoded = AtomicUsize::new(0);
    let loading = Loading {
        threads: NonZeroUsize::MIN,
        is_interrupted: &|| decoded.load(Ordering::Relaxed) == 3,
        progress: &|progress| decoded.store(progress.done, Ordering::Relaxed),
        ..Loading::from(data_dir.path())
    };
    assert!(matches!(euro_sat().load_with(&loading), Err(data::Error::Interrupted)));
    assert_eq!(decoded.into_inner(), 3);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let hashing = Loading {
        is_interrupted: &|| true,
        decoded_dir: Some(folder.path()),
        ..Loading::from(data_dir.path())
    };
    assert!(matches!(euro_sat().load_with(&hashing), Err(data::Error::Interrupted)));
}
