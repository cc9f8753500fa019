//! The real files, where this machine has them beside the workspace.

use std::path::{Path, PathBuf};

use data::{Loaded, Source};

/// Loads the real source, or says that it cannot.
#[expect(clippy::print_stderr, reason = "a skipped test says so; nothing else would show it")]
fn real(source: &Source) -> Option<Loaded> {
    let data_dir: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !source.presence(&data_dir).complete {
        eprintln!("skipped: no {} under {}", source.name(), data_dir.display());
        return None;
    }
    Some(source.load(&data_dir).expect("the official files are whole"))
}

#[track_caller]
fn check(source: &Source, counts: [usize; 2], first_labels: [u16; 10]) {
    let Some(loaded) = real(source) else { return };
    assert_eq!([loaded.train.labels.len(), loaded.test.labels.len()], counts);
    assert_eq!(loaded.train.labels[..10], first_labels);
    assert_eq!(loaded.class_names.len(), 10);
}

#[test]
fn mnist_has_its_published_counts_and_first_labels() {
    check(&Source::Mnist, [60_000, 10_000], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
}

#[test]
fn fashion_mnist_has_its_published_counts_and_first_labels() {
    check(&Source::FashionMnist, [60_000, 10_000], [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]);
}

#[test]
fn cifar10_has_its_published_counts_and_first_labels() {
    check(&Source::Cifar10, [50_000, 10_000], [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]);
}

#[test]
fn cifar10_has_as_many_examples_of_every_class() {
    let Some(loaded) = real(&Source::Cifar10) else { return };
    for (part, per_class) in [(loaded.train, 5_000), (loaded.test, 1_000)] {
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
