//! What holds for every source; a new one gets these tests for its line in the list.

use std::path::Path;

use data::{Dataset, DatasetSettings, Scaling, Source, View};

use crate::samples::{TEST, TRAIN, small_sources};

/// Runs `check` on a small version of every source.
fn for_every_source(check: impl Fn(&Source, &Path)) {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    for source in small_sources(data_dir.path()) {
        check(&source, data_dir.path());
    }
}

fn settings(source: &Source) -> DatasetSettings {
    DatasetSettings::of(source.clone())
}

fn load(settings: &DatasetSettings, data_dir: &Path) -> Dataset {
    Dataset::load(settings, data_dir).expect("the sample is whole")
}

/// Every example of the view: `[len, pixels]` and `[len]`.
fn gather_all(view: View<'_>, pixels: usize) -> (Vec<f32>, Vec<u16>) {
    let (mut images, mut labels) = (vec![f32::NAN; view.len() * pixels], vec![u16::MAX; view.len()]);
    view.gather(&(0..view.len() as u32).collect::<Vec<_>>(), &mut images, &mut labels);
    (images, labels)
}

fn examples(view: View<'_>) -> Vec<usize> {
    (0..view.len()).map(|position| view.example(position)).collect()
}

#[test]
fn parts_have_their_counts_and_shapes_and_labels_in_range() {
    for_every_source(|source, data_dir| {
        let loaded = source.load(data_dir).expect("the sample is whole");
        for (part, count) in [(&loaded.train, TRAIN), (&loaded.test, TEST)] {
            assert_eq!(part.labels.len(), count, "{source:?}");
            assert_eq!(part.images.len(), count * loaded.shape.pixels(), "{source:?}");
            assert!(
                part.labels.iter().all(|label| usize::from(*label) < loaded.class_names.len()),
                "{source:?}"
            );
        }
    });
}

#[test]
fn gathered_inputs_equal_the_scaling_of_each_pixel_bit_for_bit_and_lie_in_its_range() {
    for_every_source(|source, data_dir| {
        let loaded = source.load(data_dir).expect("the sample is whole");
        for scaling in [Scaling::Standard, Scaling::ZeroOne, Scaling::Identity] {
            let dataset = load(&DatasetSettings { scaling, ..settings(source) }, data_dir);
            let (images, labels) = gather_all(dataset.train(), dataset.shape().pixels());
            let bits = |image: Vec<f32>| image.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            let expected = loaded.train.images.iter().map(|pixel| scaling.scale(*pixel)).collect();
            let (low, high) = scaling.range();
            assert!(images.iter().all(|input| (low..=high).contains(input)), "{source:?}");
            assert!(bits(images) == bits(expected), "{source:?}");
            assert_eq!(labels, loaded.train.labels, "{source:?}");
        }
    });
}

#[test]
fn positions_are_gathered_in_the_order_they_are_given() {
    for_every_source(|source, data_dir| {
        let dataset = load(&DatasetSettings { fraction: 0.5, holdout: 0.2, ..settings(source) }, data_dir);
        let pixels = dataset.shape().pixels();
        let view = dataset.validation();
        let (all, _) = gather_all(view, pixels);
        let (mut images, mut labels) = (vec![0.0; 3 * pixels], [0; 3]);
        view.gather(&[7, 0, 7], &mut images, &mut labels);
        assert_eq!(labels, [view.label(7), view.label(0), view.label(7)]);
        for (row, position) in [7, 0, 7].into_iter().enumerate() {
            assert!(images[row * pixels..][..pixels] == all[position * pixels..][..pixels], "{source:?}");
        }
    });
}

#[test]
fn without_a_holdout_validation_is_the_test_split_and_there_is_no_test() {
    for_every_source(|source, data_dir| {
        let dataset = load(&settings(source), data_dir);
        assert!(dataset.validation_is_test_split() && dataset.test().is_none());
        assert_eq!((dataset.train().len(), dataset.validation().len()), (TRAIN, TEST), "{source:?}");
    });
}

#[test]
fn with_a_holdout_training_and_validation_share_no_example_and_test_is_the_official_part() {
    for_every_source(|source, data_dir| {
        let dataset = load(&DatasetSettings { holdout: 0.25, ..settings(source) }, data_dir);
        assert!(!dataset.validation_is_test_split());
        let mut all = [examples(dataset.train()), examples(dataset.validation())].concat();
        all.sort_unstable();
        assert_eq!(all, (0..TRAIN).collect::<Vec<_>>(), "{source:?}");
        let test = gather_all(dataset.test().expect("there is a holdout"), dataset.shape().pixels());
        let official = load(&settings(source), data_dir);
        assert!(test == gather_all(official.validation(), official.shape().pixels()), "{source:?}");
    });
}

#[test]
fn splits_are_stratified() {
    for_every_source(|source, data_dir| {
        let dataset = load(&DatasetSettings { fraction: 0.5, holdout: 0.2, ..settings(source) }, data_dir);
        for (view, per_class) in [(dataset.train(), 8), (dataset.validation(), 4)] {
            for class in 0..10 {
                let members = (0..view.len()).filter(|position| view.label(*position) == class).count();
                assert_eq!(members, per_class, "{source:?}, class {class}");
            }
        }
    });
}

#[test]
fn the_holdout_does_not_change_with_the_fraction_or_the_scaling() {
    for_every_source(|source, data_dir| {
        let whole = DatasetSettings { holdout: 0.1, ..settings(source) };
        let part = DatasetSettings { fraction: 0.3, scaling: Scaling::Identity, ..whole.clone() };
        let [whole, part] = [whole, part].map(|settings| examples(load(&settings, data_dir).validation()));
        assert_eq!(whole, part, "{source:?}");
    });
}

#[test]
fn the_same_settings_give_the_same_dataset_and_another_split_seed_another() {
    for_every_source(|source, data_dir| {
        let first = DatasetSettings { fraction: 0.5, holdout: 0.1, ..settings(source) };
        let other = DatasetSettings { split_seed: 1, ..first.clone() };
        let read = |settings| {
            let dataset = load(settings, data_dir);
            (gather_all(dataset.train(), dataset.shape().pixels()), examples(dataset.train()))
        };
        assert!(read(&first) == read(&first), "{source:?}");
        assert_ne!(read(&first).1, read(&other).1, "{source:?}");
    });
}

#[test]
fn fingerprints_repeat_and_tell_sources_apart() {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    let print = |source: &Source| source.fingerprint(data_dir.path()).expect("the sample is whole");
    let mut prints: Vec<_> = small_sources(data_dir.path()).iter().map(print).collect();
    assert!(prints.iter().all(|print| print.as_str().len() == 64));
    assert_eq!(prints, small_sources(data_dir.path()).iter().map(print).collect::<Vec<_>>());
    // The samples of MNIST and Fashion-MNIST are the same bytes under the same names.
    assert_eq!(prints[1], prints[2]);
    prints.dedup();
    assert_eq!(prints.len(), 3);
}

#[test]
fn a_source_is_complete_when_every_file_is_there() {
    for_every_source(|source, data_dir| {
        let presence = source.presence(data_dir);
        assert!(presence.complete && presence.files.iter().all(|(_, is_there)| *is_there), "{presence:?}");
    });
}

#[test]
fn a_source_with_files_is_incomplete_when_one_is_missing() {
    for_every_source(|source, data_dir| {
        for (path, _) in source.presence(data_dir).files {
            let content = std::fs::read(&path).expect("the sample is whole");
            std::fs::remove_file(&path).expect("the sample can be deleted");
            let presence = source.presence(data_dir);
            assert!(!presence.complete && presence.files.contains(&(path.clone(), false)));
            assert!(source.load(data_dir).is_err() && source.fingerprint(data_dir).is_err());
            std::fs::write(&path, content).expect("the sample can be written");
        }
    });
}

#[test]
fn one_changed_byte_in_any_file_changes_the_fingerprint() {
    for_every_source(|source, data_dir| {
        let before = source.fingerprint(data_dir).expect("the sample is whole");
        for (path, _) in source.presence(data_dir).files {
            let content = std::fs::read(&path).expect("the sample is whole");
            let mut changed = content.clone();
            *changed.last_mut().expect("the file is not empty") ^= 1;
            std::fs::write(&path, changed).expect("the sample can be written");
            assert_ne!(
                before,
                source.fingerprint(data_dir).expect("hashing decodes nothing"),
                "{}",
                path.display()
            );
            std::fs::write(&path, content).expect("the sample can be written");
        }
    });
}

#[test]
fn unpacked_files_are_read_when_the_packed_ones_are_absent() {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    small_sources(data_dir.path());
    let packed = Source::Mnist.load(data_dir.path()).expect("the sample is whole");
    for (path, _) in Source::Mnist.presence(data_dir.path()).files {
        let mut reader =
            flate2::read::GzDecoder::new(std::fs::File::open(&path).expect("the sample is whole"));
        let mut unpacked = std::fs::File::create(path.with_extension("")).expect("the folder can be written");
        std::io::copy(&mut reader, &mut unpacked).expect("the sample can be unpacked");
        std::fs::remove_file(&path).expect("the sample can be deleted");
    }
    assert!(Source::Mnist.presence(data_dir.path()).complete);
    assert_eq!(Source::Mnist.load(data_dir.path()).expect("the sample is whole"), packed);
}
