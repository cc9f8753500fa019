//! The official files, where this machine has them next to the workspace.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use data::{
    Caltech256, Cifar100, Cifar100Labels, Counts, Dataset, DatasetSettings, Duplicates, EuroSat, ImageShape,
    Loaded, Source,
};

use crate::damage::shown;
use crate::samples::{write, write_cifar100, write_mnist};

/// Loads the official files, or prints that the test is skipped.
#[expect(clippy::print_stderr, reason = "a skipped test says so; nothing else would show it")]
fn real(source: &Source) -> Option<Loaded> {
    let data_dir = official_dir();
    if !source.presence(&data_dir).complete {
        eprintln!("skipped: no {} under {}", source.name(), data_dir.display());
        return None;
    }
    Some(source.load(&data_dir).expect("the official files are whole"))
}

fn official_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data")
}

/// The known properties of a source's files.
struct Known<'a> {
    /// The numbers of training and test images; 0 test images if there is no official test part.
    counts: [usize; 2],
    /// `[channels, height, width]` of an image.
    shape: [usize; 3],
    first_labels: [u16; 10],
    classes: usize,
    /// The numbers of training examples of the first classes; empty if they are not known.
    per_class: &'a [usize],
}

#[track_caller]
fn check(source: &Source, known: &Known<'_>) {
    let Some(loaded) = real(source) else { return };
    let test = loaded.test.as_ref().map_or(0, |test| test.labels.len());
    assert_eq!([loaded.train.labels.len(), test], known.counts);
    let ImageShape { channels, height, width } = loaded.shape;
    assert_eq!([channels, height, width], known.shape);
    assert_eq!(loaded.train.labels[..10], known.first_labels);
    assert_eq!(loaded.class_names.len(), known.classes);
    let count =
        |class: usize| loaded.train.labels.iter().filter(|label| usize::from(**label) == class).count();
    let per_class: Vec<usize> = (0..known.per_class.len()).map(count).collect();
    assert_eq!(per_class, known.per_class);
    check_sides(source, loaded);
}

/// Checks that no two splits share an index or an image.
#[track_caller]
fn check_sides(source: &Source, loaded: Loaded) {
    let settings = DatasetSettings { holdout: 0.2, ..DatasetSettings::of(source.clone()) };
    let dataset = Dataset::new(&settings, loaded).expect("there are enough images");
    let indices = |view: data::View<'_>| (0..view.len()).map(|at| view.example(at)).collect::<BTreeSet<_>>();
    let (train, validation) = (indices(dataset.train()), indices(dataset.validation()));
    assert!(train.is_disjoint(&validation));
    if dataset.test_is_drawn() {
        let test = indices(dataset.test().expect("there is a holdout"));
        assert!(train.is_disjoint(&test) && validation.is_disjoint(&test));
    }
    // None of these collections has an image twice, pixel by pixel.
    assert_eq!(dataset.duplicates(), Duplicates::default());
}

#[test]
fn mnist_has_its_published_counts_and_first_labels() {
    let known = Known {
        counts: [60_000, 10_000],
        shape: [1, 28, 28],
        first_labels: [5, 0, 4, 1, 9, 2, 1, 3, 1, 4],
        classes: 10,
        per_class: &[5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    };
    check(&Source::Mnist, &known);
}

#[test]
fn fashion_mnist_has_its_published_counts_and_first_labels() {
    let known = Known {
        counts: [60_000, 10_000],
        shape: [1, 28, 28],
        first_labels: [9, 0, 0, 3, 0, 2, 7, 2, 5, 5],
        classes: 10,
        per_class: &[6000; 10],
    };
    check(&Source::FashionMnist, &known);
}

#[test]
fn cifar10_has_its_published_counts_and_first_labels() {
    let known = Known {
        counts: [50_000, 10_000],
        shape: [3, 32, 32],
        first_labels: [6, 9, 9, 4, 1, 1, 2, 7, 8, 3],
        classes: 10,
        per_class: &[5000; 10],
    };
    check(&Source::Cifar10, &known);
}

/// A subset: the first records of each official file.
#[test]
fn cifar100_reads_fine_and_coarse_labels() {
    let fine = Known {
        counts: [2_500, 1_000],
        shape: [3, 32, 32],
        first_labels: [19, 29, 0, 11, 1, 86, 90, 28, 23, 31],
        classes: 100,
        per_class: &[],
    };
    check(&Source::Cifar100(Cifar100::default()), &fine);
    let coarse = Known { first_labels: [11, 15, 4, 14, 1, 5, 18, 3, 10, 11], classes: 20, ..fine };
    check(&Source::Cifar100(Cifar100 { labels: Cifar100Labels::Coarse }), &coarse);
}

#[test]
fn cifar100_class_names_are_the_same_with_and_without_their_files() {
    for labels in [Cifar100Labels::Fine, Cifar100Labels::Coarse] {
        let source = Source::Cifar100(Cifar100 { labels });
        let Some(loaded) = real(&source) else { return };
        let without = tempfile::tempdir().expect("a folder can be made");
        crate::samples::write_cifar100(&without.path().join("cifar-100-binary"));
        let sample = source.load(without.path()).expect("the sample is whole");
        assert_eq!(loaded.class_names, sample.class_names);
    }
}

/// A subset: two of ten classes.
#[test]
fn euro_sat_loads_the_classes_that_are_there_and_reports_that_others_are_missing() {
    let source = Source::EuroSat(EuroSat::default());
    let known = Known {
        counts: [120, 0],
        shape: [3, 64, 64],
        first_labels: [0; 10],
        classes: 2,
        per_class: &[60, 60],
    };
    check(&source, &known);
    check_partial(&source, Counts { images: 120, classes: 2 });
}

/// A subset: twelve of 256 classes.
#[test]
fn caltech256_brings_every_picture_to_one_size() {
    let source = Source::Caltech256(Caltech256::default());
    let known = Known {
        counts: [294, 0],
        shape: [3, 64, 64],
        first_labels: [0; 10],
        classes: 12,
        per_class: &[24, 24, 23, 23, 25, 25, 24, 26, 25, 25, 26, 24],
    };
    check(&source, &known);
    check_partial(&source, Counts { images: 294, classes: 12 });
}

#[track_caller]
fn check_partial(source: &Source, counts: Counts) {
    let Some(loaded) = real(source) else { return };
    let dataset =
        Dataset::new(&DatasetSettings::of(source.clone()), loaded).expect("there are enough images");
    assert_eq!((dataset.counts(), dataset.partial_of()), (counts, source.official()));
    assert!(dataset.partial_of().is_some());
}

#[test]
fn cifar10_has_as_many_examples_of_every_class() {
    let Some(loaded) = real(&Source::Cifar10) else { return };
    let test = loaded.test.expect("there is an official test part");
    for (part, per_class) in [(loaded.train, 5_000), (test, 1_000)] {
        for class in 0..10 {
            assert_eq!(part.labels.iter().filter(|label| **label == class).count(), per_class);
        }
    }
}

#[test]
fn cifar10_class_names_are_the_same_with_and_without_their_file() {
    let Some(loaded) = real(&Source::Cifar10) else { return };
    let without = tempfile::tempdir().expect("a folder can be made");
    crate::samples::write_cifar10(&without.path().join("cifar-10-batches-bin"));
    let sample = Source::Cifar10.load(without.path()).expect("the sample is whole");
    assert_eq!(loaded.class_names, sample.class_names);
}

#[test]
fn files_with_an_official_name_and_other_content_are_refused_unless_the_settings_allow_them() {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    write_mnist(&data_dir.path().join("mnist"));
    write_cifar100(&data_dir.path().join("cifar-100-binary"));
    let settings = DatasetSettings::of(Source::Mnist);
    let error = settings.fingerprint(data_dir.path()).expect_err("the images count up");
    let text = shown(&error, data_dir.path());
    assert!(
        text.starts_with(
            "error: these are not the official files of MNIST: other content in <data>/mnist/train"
        ),
        "{text}"
    );
    assert!(text.contains("`official: false`"), "{text}");
    let allowed = DatasetSettings { official: false, ..settings.clone() };
    let fingerprint = allowed.fingerprint(data_dir.path()).expect("the settings allow it");
    assert_eq!(fingerprint, settings.source.fingerprint(data_dir.path()).expect("nothing is compared"));
    assert_eq!(allowed.name(), "MNIST (not the official files)");
    let warnings = |source: Source| {
        let warnings = source.warnings_of_files(data_dir.path()).expect("the files are there");
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(warnings(Source::Mnist), ["these are not the official files of MNIST"]);
    // The checksums of CIFAR-100's files are not published, so only a smaller number of images is noticed.
    let cifar100 = Source::Cifar100(Cifar100::default());
    assert!(DatasetSettings::of(cifar100.clone()).fingerprint(data_dir.path()).is_ok());
    assert_eq!(warnings(cifar100), ["PARTIAL: 250 of 60,000 images, 100 of 100 classes"]);
}

#[test]
fn official_files_are_known_packed_and_unpacked() {
    if real(&Source::Mnist).is_none() {
        return;
    }
    let (settings, data_dir) = (DatasetSettings::of(Source::Mnist), official_dir());
    assert!(settings.fingerprint(&data_dir).is_ok());
    let unpacked = tempfile::tempdir().expect("a folder can be made");
    for known in settings.source.known_files() {
        let packed = std::fs::File::open(data_dir.join("mnist").join(known.name)).expect("it is there");
        let mut bytes = Vec::new();
        let mut reader = flate2::read::GzDecoder::new(packed);
        std::io::Read::read_to_end(&mut reader, &mut bytes).expect("it is whole");
        write(&unpacked.path().join("mnist").join(known.name.trim_end_matches(".gz")), &bytes);
    }
    assert!(settings.fingerprint(unpacked.path()).is_ok());
}
