//! A user's own arrays: how they are read, and the messages about arrays that do not fit.

use std::path::Path;

use data::{Dataset, DatasetSettings, Idx, IdxFiles, Npz, Source};
use insta::assert_snapshot;

use crate::damage::shown;
use crate::samples::{gzip, idx_images, idx_labels, labels, npy, write, zip};

/// Returns the error of loading an NPZ file with these arrays.
#[track_caller]
fn refused(arrays: &[(&str, Vec<u8>)]) -> String {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    write(&data_dir.path().join("images.npz"), &zip(arrays));
    let settings = DatasetSettings::of(Source::Npz(Npz::default()));
    let error = Dataset::load(&settings, data_dir.path()).expect_err("the sample is broken");
    shown(&error, data_dir.path())
}

fn images(shape: &[usize]) -> Vec<u8> {
    npy("|u1", shape, &vec![7; shape.iter().product()])
}

#[test]
fn arrays_are_named_when_they_are_missing_or_do_not_fit() {
    let labels = |count| npy("|u1", &[count], &labels(count));
    assert_snapshot!(refused(&[("y_train.npy", labels(9))]), @r#"
    error: <data>/images.npz: expected an array `x_train`, found `y_train`
    hint: convert it and save the file again: `a = numpy.load("images.npz"); numpy.savez("renamed-images.npz", x_train=a["IMAGES"], y_train=a["LABELS"])`
    "#);
    let floats = npy("<f4", &[10, 2, 2], &[0; 160]);
    assert_snapshot!(refused(&[("x_train.npy", floats), ("y_train.npy", labels(10))]), @r#"
    error: <data>/images.npz: expected whole numbers, little-endian (u1, i8, ...) in `x_train`, found `<f4`
    hint: convert it and save the file again: `x_train = numpy.rint(255 * x_train).astype("uint8")  # values from 0 to 1`
    "#);
    assert_snapshot!(refused(&[("x_train.npy", images(&[10, 4])), ("y_train.npy", labels(10))]), @r"
    error: <data>/images.npz: expected `x_train` of bytes (u1), [examples, height, width] or [examples, height, width, 1 or 3], found shape [10, 4] of u1
    hint: convert it and save the file again: `x_train = x_train.reshape(-1, 2, 2)`
    ");
    assert_snapshot!(refused(&[("x_train.npy", images(&[10, 4, 4])), ("y_train.npy", labels(9))]), @r"
    error: <data>/images.npz: expected `y_train` with 10 labels, one for each image, found shape [9]
    hint: put a whole file in place of <data>/images.npz
    ");
    let negative = npy("<i4", &[2], &[[0; 4], [255; 4]].concat());
    assert_snapshot!(refused(&[("x_train.npy", images(&[2, 4, 4])), ("y_train.npy", negative)]), @r"
    error: <data>/images.npz: expected labels from 0 to 65535 in `y_train`, found label -1
    hint: put a whole file in place of <data>/images.npz
    ");
    let whole = [("x_train.npy", images(&[10, 4, 4])), ("y_train.npy", labels(10))];
    let test = [("x_test.npy", images(&[10, 5, 4])), ("y_test.npy", labels(10))];
    assert_snapshot!(refused(&[whole, test].concat()), @r"
    error: <data>/images.npz: expected `x_test` of 4x4 pixels, 1 channels as `x_train`, found 5x4 pixels, 1 channels
    hint: put a whole file in place of <data>/images.npz
    ");
}

#[test]
fn a_file_that_is_no_archive_is_refused() {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    write(&data_dir.path().join("images.npz"), b"no archive");
    let settings = DatasetSettings::of(Source::Npz(Npz::default()));
    let error = Dataset::load(&settings, data_dir.path()).expect_err("the sample is broken");
    assert_snapshot!(shown(&error, data_dir.path()), @r"
    error: <data>/images.npz: expected a whole NPZ file, found invalid Zip archive: Could not find EOCD
    hint: put a whole file in place of <data>/images.npz
    ");
}

#[test]
fn colors_become_planes_and_a_column_of_labels_counts_as_labels() {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    let pixels = [1, 10, 100, 2, 20, 200];
    let arrays = [
        ("x_train.npy", npy("|u1", &[1, 1, 2, 3], &pixels)),
        ("y_train.npy", npy("<i8", &[1, 1], &3_i64.to_le_bytes())),
        ("x_test.npy", npy("|u1", &[1, 1, 2, 3], &pixels)),
        ("y_test.npy", npy("<u2", &[1], &[4, 0])),
    ];
    write(&data_dir.path().join("images.npz"), &zip(&arrays));
    let loaded = Source::Npz(Npz::default()).load(data_dir.path()).expect("the sample is whole");
    assert_eq!(loaded.train.images[..], [1, 2, 10, 20, 100, 200]);
    assert_eq!((loaded.train.labels, loaded.class_names.len()), (vec![3], 5));
    assert_eq!(loaded.test.expect("there is a test part").labels, [4]);
}

#[test]
fn idx_files_have_any_shape_and_as_many_classes_as_their_labels_say() {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    let write = |name: &str, bytes: &[u8]| write(&data_dir.path().join(name), bytes);
    write("a", &idx_images(30, 5, 3));
    write("b", &idx_labels(&[200; 30]));
    write("c", &idx_images(4, 5, 4));
    write("d", &idx_labels(&[0; 4]));
    let source = |test| Source::Idx(Idx { images: "a".into(), labels: "b".into(), test });
    let loaded = source(None).load(data_dir.path()).expect("the sample is whole");
    assert_eq!((loaded.class_names.len(), loaded.shape.height, loaded.shape.width), (201, 5, 3));
    assert_eq!((loaded.counts().classes, loaded.test), (1, None));
    let test = Some(IdxFiles { images: "c".into(), labels: "d".into() });
    let error = source(test).load(data_dir.path()).expect_err("the shapes differ");
    assert_snapshot!(shown(&error, data_dir.path()), @r"
    error: <data>/c: expected images of 5x3 pixels, found 5x4
    hint: put a whole file in place of <data>/c
    ");
}

#[test]
fn missing_files_of_one_s_own_are_looked_for_where_the_settings_say() {
    let error = Source::Idx(Idx::default()).load(Path::new("/nowhere")).expect_err("nothing is there");
    assert_snapshot!(shown(&error, Path::new("/nowhere")), @r"
    error: Idx is incomplete: 2 of 2 files not found: <data>/images.idx, <data>/labels.idx
    hint: check the paths in the source's settings; they start at the data directory
    ");
}

#[test]
fn packed_files_are_read_whatever_their_names_are() {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    let (images, labels) = (idx_images(20, 4, 3), idx_labels(&labels(20)));
    let load = |pack: fn(&[u8]) -> Vec<u8>| {
        write(&data_dir.path().join("images"), &pack(&images));
        write(&data_dir.path().join("labels"), &pack(&labels));
        let (images, labels) = ("images".into(), "labels".into());
        let loaded = Source::Idx(Idx { images, labels, test: None }).load(data_dir.path());
        loaded.expect("the files are whole").train
    };
    let (plain, packed) = (load(<[u8]>::to_vec), load(gzip));
    assert_eq!((&packed.images[..], &packed.labels), (&plain.images[..], &plain.labels));
}
