//! The messages about files that are missing, cut short or damaged.

use std::error::Error as _;
use std::fs;
use std::path::Path;

use data::{Dataset, DatasetSettings, Error, Glyphs, Source};
use insta::assert_snapshot;

use crate::samples::{
    cifar_records, gzip, idx_images, idx_labels, labels, write, write_cifar10, write_mnist,
};

const IMAGES: &str = "fashion-mnist/train-images-idx3-ubyte.gz";
const LABELS: &str = "fashion-mnist/train-labels-idx1-ubyte.gz";
const BATCH: &str = "cifar-10-batches-bin/data_batch_2.bin";

/// Returns message, source and hint, with the data directory written as `<data>`.
pub fn shown(error: &Error, data_dir: &Path) -> String {
    let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    let text = format!("error: {error}{source}\nhint: {}", error.hint());
    text.replace(data_dir.to_str().expect("the folder's name is text"), "<data>")
}

/// Returns the error of loading valid samples after `break_it` damaged them.
#[track_caller]
fn after(source: &Source, break_it: impl Fn(&Path)) -> String {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    write_mnist(&data_dir.path().join("fashion-mnist"));
    write_cifar10(&data_dir.path().join("cifar-10-batches-bin"));
    break_it(data_dir.path());
    let settings = DatasetSettings::of(source.clone());
    shown(&Dataset::load(&settings, data_dir.path()).expect_err("the sample is broken"), data_dir.path())
}

/// Returns the error of loading when the file `name` has other content.
#[track_caller]
fn with(name: &str, content: &[u8]) -> String {
    let source = if name == BATCH { Source::Cifar10 } else { Source::FashionMnist };
    after(&source, |data_dir| write(&data_dir.join(name), content))
}

/// Packs `bytes` with one word of the header replaced.
fn gzip_with_word(mut bytes: Vec<u8>, word: usize, value: u32) -> Vec<u8> {
    bytes[4 * word..][..4].copy_from_slice(&value.to_be_bytes());
    gzip(&bytes)
}

#[test]
fn missing_files_are_all_named() {
    let text = after(&Source::FashionMnist, |data_dir| {
        fs::remove_file(data_dir.join(IMAGES)).expect("the sample can be deleted");
        fs::remove_file(data_dir.join(LABELS)).expect("the sample can be deleted");
    });
    assert_snapshot!(text, @r"
    error: Fashion-MNIST is incomplete: 2 of 4 files not found: <data>/fashion-mnist/train-images-idx3-ubyte.gz, <data>/fashion-mnist/train-labels-idx1-ubyte.gz
    hint: put the official files from https://github.com/zalandoresearch/fashion-mnist into <data>/fashion-mnist
    ");
}

#[test]
fn a_folder_in_place_of_a_file_is_a_missing_file() {
    let text = after(&Source::Cifar10, |data_dir| {
        fs::remove_file(data_dir.join(BATCH)).expect("the sample can be deleted");
        fs::create_dir(data_dir.join(BATCH)).expect("the folder can be made");
    });
    assert_snapshot!(text, @r"
    error: CIFAR-10 is incomplete: 1 of 6 files not found: <data>/cifar-10-batches-bin/data_batch_2.bin
    hint: put the official files from https://www.cs.toronto.edu/~kriz/cifar.html into <data>/cifar-10-batches-bin
    ");
}

#[test]
fn a_file_that_is_not_gzip_is_refused() {
    assert_snapshot!(with(IMAGES, b"<html>404 not found</html>"), @r"
    error: <data>/fashion-mnist/train-images-idx3-ubyte.gz: expected a whole gzip file, found damage after 0 unpacked bytes: invalid gzip header
    hint: delete <data>/fashion-mnist/train-images-idx3-ubyte.gz and put the official file from https://github.com/zalandoresearch/fashion-mnist in its place
    ");
}

#[test]
fn an_empty_file_is_refused() {
    assert_snapshot!(with(IMAGES, b""), @r"
    error: <data>/fashion-mnist/train-images-idx3-ubyte.gz: expected a whole gzip file, found damage after 0 unpacked bytes: unexpected end of file
    hint: delete <data>/fashion-mnist/train-images-idx3-ubyte.gz and put the official file from https://github.com/zalandoresearch/fashion-mnist in its place
    ");
}

#[test]
fn a_truncated_gzip_file_is_refused() {
    let whole = gzip(&idx_images(200, 28, 28));
    assert_snapshot!(with(IMAGES, &whole[..whole.len() / 2]), @r"
    error: <data>/fashion-mnist/train-images-idx3-ubyte.gz: expected a whole gzip file, found damage after 48926 unpacked bytes: incomplete deflate stream
    hint: delete <data>/fashion-mnist/train-images-idx3-ubyte.gz and put the official file from https://github.com/zalandoresearch/fashion-mnist in its place
    ");
}

#[test]
fn a_gzip_file_without_its_checksum_is_refused() {
    let whole = gzip(&idx_images(200, 28, 28));
    assert_snapshot!(with(IMAGES, &whole[..whole.len() - 8]), @r"
    error: <data>/fashion-mnist/train-images-idx3-ubyte.gz: expected a whole gzip file, found damage after 156816 unpacked bytes: unexpected end of file
    hint: delete <data>/fashion-mnist/train-images-idx3-ubyte.gz and put the official file from https://github.com/zalandoresearch/fashion-mnist in its place
    ");
}

#[test]
fn a_gzip_file_with_a_wrong_checksum_is_refused() {
    let mut whole = gzip(&idx_images(200, 28, 28));
    let checksum = whole.len() - 8;
    whole[checksum] ^= 1;
    assert_snapshot!(with(IMAGES, &whole), @r"
    error: <data>/fashion-mnist/train-images-idx3-ubyte.gz: expected a whole gzip file, found damage after 156816 unpacked bytes: corrupt gzip stream does not have a matching checksum
    hint: delete <data>/fashion-mnist/train-images-idx3-ubyte.gz and put the official file from https://github.com/zalandoresearch/fashion-mnist in its place
    ");
}

#[test]
fn labels_in_place_of_images_are_refused() {
    assert_snapshot!(with(IMAGES, &gzip(&[idx_labels(&labels(200)), vec![0; 100]].concat())), @r"
    error: <data>/fashion-mnist/train-images-idx3-ubyte.gz: expected magic number 2051 (IDX images), found 2049
    hint: delete <data>/fashion-mnist/train-images-idx3-ubyte.gz and put the official file from https://github.com/zalandoresearch/fashion-mnist in its place
    ");
}

#[test]
fn images_in_place_of_labels_are_refused() {
    assert_snapshot!(with(LABELS, &gzip(&idx_images(200, 28, 28))), @r"
    error: <data>/fashion-mnist/train-labels-idx1-ubyte.gz: expected magic number 2049 (IDX labels), found 2051
    hint: delete <data>/fashion-mnist/train-labels-idx1-ubyte.gz and put the official file from https://github.com/zalandoresearch/fashion-mnist in its place
    ");
}

#[test]
fn images_of_another_size_are_refused() {
    assert_snapshot!(with(IMAGES, &gzip(&idx_images(200, 32, 32))), @r"
    error: <data>/fashion-mnist/train-images-idx3-ubyte.gz: expected images of 28x28 pixels, found 32x32
    hint: delete <data>/fashion-mnist/train-images-idx3-ubyte.gz and put the official file from https://github.com/zalandoresearch/fashion-mnist in its place
    ");
}

#[test]
fn a_file_that_ends_in_its_header_is_refused() {
    assert_snapshot!(with(LABELS, &gzip(&[0, 0, 8, 1, 0])), @r"
    error: <data>/fashion-mnist/train-labels-idx1-ubyte.gz: expected a header of 8 bytes, found 5 bytes
    hint: delete <data>/fashion-mnist/train-labels-idx1-ubyte.gz and put the official file from https://github.com/zalandoresearch/fashion-mnist in its place
    ");
}

#[test]
fn fewer_pixels_than_the_header_says_are_refused() {
    assert_snapshot!(with(IMAGES, &gzip_with_word(idx_images(200, 28, 28), 1, 201)), @r"
    error: <data>/fashion-mnist/train-images-idx3-ubyte.gz: expected 157584 bytes after the header (201 items), found 156800 bytes
    hint: delete <data>/fashion-mnist/train-images-idx3-ubyte.gz and put the official file from https://github.com/zalandoresearch/fashion-mnist in its place
    ");
}

#[test]
fn more_pixels_than_the_header_says_are_refused() {
    assert_snapshot!(with(IMAGES, &gzip_with_word(idx_images(200, 28, 28), 1, 199)), @r"
    error: <data>/fashion-mnist/train-images-idx3-ubyte.gz: expected 156016 bytes after the header (199 items), found more
    hint: delete <data>/fashion-mnist/train-images-idx3-ubyte.gz and put the official file from https://github.com/zalandoresearch/fashion-mnist in its place
    ");
}

#[test]
fn a_header_that_claims_terabytes_is_refused_before_anything_is_allocated() {
    assert_snapshot!(with(IMAGES, &gzip_with_word(idx_images(200, 28, 28), 1, u32::MAX)), @r"
    error: <data>/fashion-mnist/train-images-idx3-ubyte.gz: expected a count from 1 to 1369568, found a count of 4294967295
    hint: delete <data>/fashion-mnist/train-images-idx3-ubyte.gz and put the official file from https://github.com/zalandoresearch/fashion-mnist in its place
    ");
}

#[test]
fn a_file_of_no_images_is_refused() {
    assert_snapshot!(with(IMAGES, &gzip(&idx_images(0, 28, 28))), @r"
    error: <data>/fashion-mnist/train-images-idx3-ubyte.gz: expected a count from 1 to 1369568, found a count of 0
    hint: delete <data>/fashion-mnist/train-images-idx3-ubyte.gz and put the official file from https://github.com/zalandoresearch/fashion-mnist in its place
    ");
}

#[test]
fn fewer_labels_than_images_are_refused() {
    assert_snapshot!(with(LABELS, &gzip(&idx_labels(&labels(199)))), @r"
    error: <data>/fashion-mnist/train-labels-idx1-ubyte.gz: expected 200 labels, one for each image in <data>/fashion-mnist/train-images-idx3-ubyte.gz, found 199 labels
    hint: delete <data>/fashion-mnist/train-labels-idx1-ubyte.gz and put the official file from https://github.com/zalandoresearch/fashion-mnist in its place
    ");
}

#[test]
fn a_label_out_of_range_is_refused() {
    let labels = [labels(199), vec![10]].concat();
    assert_snapshot!(with(LABELS, &gzip(&idx_labels(&labels))), @r"
    error: <data>/fashion-mnist/train-labels-idx1-ubyte.gz: expected labels from 0 to 9, found label 10 at position 199
    hint: delete <data>/fashion-mnist/train-labels-idx1-ubyte.gz and put the official file from https://github.com/zalandoresearch/fashion-mnist in its place
    ");
}

#[test]
fn an_unpacked_file_cut_short_is_refused_and_the_packed_one_asked_for() {
    let text = after(&Source::FashionMnist, |data_dir| {
        fs::remove_file(data_dir.join(IMAGES)).expect("the sample can be deleted");
        write(&data_dir.join(IMAGES).with_extension(""), &idx_images(200, 28, 28)[..1000]);
    });
    assert_snapshot!(text, @r"
    error: <data>/fashion-mnist/train-images-idx3-ubyte: expected 156800 bytes after the header (200 items), found 984 bytes
    hint: delete <data>/fashion-mnist/train-images-idx3-ubyte and put the official file from https://github.com/zalandoresearch/fashion-mnist there as <data>/fashion-mnist/train-images-idx3-ubyte.gz
    ");
}

#[test]
fn a_cifar_file_cut_short_is_refused() {
    assert_snapshot!(with(BATCH, &cifar_records(40)[..100_000]), @r"
    error: <data>/cifar-10-batches-bin/data_batch_2.bin: expected whole records of 3073 bytes, 1 to 349411 of them, found 100000 bytes
    hint: delete <data>/cifar-10-batches-bin/data_batch_2.bin and put the official file from https://www.cs.toronto.edu/~kriz/cifar.html in its place
    ");
}

#[test]
fn an_empty_cifar_file_is_refused() {
    assert_snapshot!(with(BATCH, b""), @r"
    error: <data>/cifar-10-batches-bin/data_batch_2.bin: expected whole records of 3073 bytes, 1 to 349411 of them, found 0 bytes
    hint: delete <data>/cifar-10-batches-bin/data_batch_2.bin and put the official file from https://www.cs.toronto.edu/~kriz/cifar.html in its place
    ");
}

#[test]
fn a_cifar_label_out_of_range_is_refused() {
    let mut records = cifar_records(40);
    records[7 * 3073] = 77;
    assert_snapshot!(with(BATCH, &records), @r"
    error: <data>/cifar-10-batches-bin/data_batch_2.bin: expected labels from 0 to 9, found label 77 in record 7
    hint: delete <data>/cifar-10-batches-bin/data_batch_2.bin and put the official file from https://www.cs.toronto.edu/~kriz/cifar.html in its place
    ");
}

#[test]
fn cifar_class_names_of_another_number_are_refused() {
    let text = after(&Source::Cifar10, |data_dir| {
        write(&data_dir.join("cifar-10-batches-bin/batches.meta.txt"), b"airplane\nautomobile\n\n");
    });
    assert_snapshot!(text, @r"
    error: <data>/cifar-10-batches-bin/batches.meta.txt: expected 10 class names, one per line, found 2
    hint: delete <data>/cifar-10-batches-bin/batches.meta.txt and put the official file from https://www.cs.toronto.edu/~kriz/cifar.html in its place
    ");
}

#[test]
fn cifar_class_names_that_are_not_text_are_refused() {
    let text = after(&Source::Cifar10, |data_dir| {
        write(&data_dir.join("cifar-10-batches-bin/batches.meta.txt"), &[0xff; 20]);
    });
    assert_snapshot!(text, @r"
    error: <data>/cifar-10-batches-bin/batches.meta.txt: expected text, found bytes that are not UTF-8
    hint: delete <data>/cifar-10-batches-bin/batches.meta.txt and put the official file from https://www.cs.toronto.edu/~kriz/cifar.html in its place
    ");
}

#[test]
fn settings_that_are_not_allowed_are_all_named_before_files_are_looked_for() {
    let settings = DatasetSettings { fraction: 0.0, holdout: 1.5, ..DatasetSettings::of(Source::Cifar10) };
    let nowhere = Path::new("/nowhere");
    let error = Dataset::load(&settings, nowhere).expect_err("the settings are not allowed");
    assert_snapshot!(shown(&error, nowhere), @r"
    error: dataset settings are not allowed: fraction: got 0.0, allowed: more than 0.0, at most 1.0; holdout: got 1.5, allowed: at least 0.0, less than 1.0
    hint: change `fraction`, `holdout` in the dataset's settings
    ");
}

/// Returns the error of splitting twenty glyphs.
#[track_caller]
fn splitting(fraction: f64, holdout: f64) -> String {
    let source = Source::Glyphs(Glyphs { train: 20, test: 10, seed: 0 });
    let settings = DatasetSettings { fraction, holdout, ..DatasetSettings::of(source) };
    let error = Dataset::load(&settings, Path::new("")).expect_err("nothing is left");
    format!("error: {error}\nhint: {}", error.hint())
}

#[test]
fn a_fraction_that_leaves_no_training_example_is_refused() {
    assert_snapshot!(splitting(0.01, 0.5), @r"
    error: no training examples: a holdout of 0.5 and a fraction of 0.01 of 20 examples leave none
    hint: raise `fraction`, or lower `holdout`
    ");
}

#[test]
fn a_holdout_that_holds_no_example_is_refused() {
    assert_snapshot!(splitting(1.0, 0.01), @r"
    error: no validation examples: a holdout of 0.01 and a fraction of 1.0 of 20 examples leave none
    hint: raise `holdout`, or set it to 0.0
    ");
}
