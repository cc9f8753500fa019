//! Tests that run on every source in the list.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use data::{
    Augmentation, AugmentationKey, Counts, Dataset, DatasetSettings, Duplicates, Fill, ImageShape, Loading,
    PerChannel, Scaling, Source, View,
};

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

/// Gathers every example of the view: `[len, pixels]` and `[len]`.
fn gather_all(view: View<'_>, pixels: usize) -> (Vec<f32>, Vec<u16>) {
    let (mut images, mut labels) = (vec![f32::NAN; view.len() * pixels], vec![u16::MAX; view.len()]);
    view.gather(&(0..view.len() as u32).collect::<Vec<_>>(), &mut images, &mut labels);
    (images, labels)
}

fn examples(view: View<'_>) -> Vec<usize> {
    (0..view.len()).map(|position| view.example(position)).collect()
}

/// Returns the input for one pixel of `channel`.
fn scaled(dataset: &Dataset, channel: usize, pixel: u8) -> f32 {
    let (offset, divisor) = dataset.scaler().offset_and_divisor(channel);
    (f32::from(pixel) - offset) / divisor
}

#[test]
fn parts_have_their_counts_and_shapes_and_labels_in_range() {
    for_every_source(|source, data_dir| {
        let loaded = source.load(data_dir).expect("the sample is whole");
        let parts = match &loaded.test {
            Some(test) => vec![(&loaded.train, TRAIN), (test, TEST)],
            None => vec![(&loaded.train, TRAIN + TEST)],
        };
        for (part, count) in parts {
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
fn images_are_as_many_of_the_shape_and_the_classes_that_the_files_say() {
    for_every_source(|source, data_dir| {
        let loaded = source.load(data_dir).expect("the sample is whole");
        let ImageShape { channels, height, width } = loaded.shape;
        // Folders are read class by class. The labels of every other source count up.
        let (expected_shape, first_labels) = match source {
            Source::Glyphs(_) | Source::Mnist | Source::FashionMnist | Source::Idx(_) => {
                ([1, 28, 28], COUNTING)
            }
            Source::Cifar10 | Source::Cifar100(_) => ([3, 32, 32], COUNTING),
            Source::EuroSat(_) => ([3, 64, 64], [0; 10]),
            Source::Caltech256(_) => ([3, 24, 24], [0; 10]),
            Source::ImageFolder(_) => ([3, 7, 9], [0; 10]),
            Source::Npz(_) => ([3, 6, 5], COUNTING),
        };
        assert_eq!([channels, height, width], expected_shape, "{source:?}");
        assert_eq!(loaded.train.labels[..10], first_labels, "{source:?}");
        let dataset = load(&settings(source), data_dir);
        let mut per_class = vec![0; dataset.classes()];
        per_class[..10].fill(TRAIN / 10);
        assert_eq!(dataset.train().count_by_class(dataset.classes()), per_class, "{source:?}");
        per_class[..10].fill(TEST / 10);
        assert_eq!(dataset.validation().count_by_class(dataset.classes()), per_class, "{source:?}");
    });
}

const COUNTING: [u16; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

#[test]
fn gathered_inputs_equal_the_scaling_of_each_pixel_bit_for_bit_and_lie_in_its_range() {
    for_every_source(|source, data_dir| {
        let loaded = source.load(data_dir).expect("the sample is whole");
        let measured = Scaling::PerChannel(PerChannel::Measured);
        for scaling in [Scaling::Standard, Scaling::ZeroOne, Scaling::Identity, measured] {
            let dataset = load(&DatasetSettings { scaling, ..settings(source) }, data_dir);
            let view = dataset.train();
            let (images, labels) = gather_all(view, dataset.shape().pixels());
            let mut inputs = images.into_iter();
            for (position, label) in labels.into_iter().enumerate() {
                let example = view.example(position);
                assert_eq!(label, loaded.train.labels[example], "{source:?}");
                let pixels = &loaded.train.images[example * loaded.shape.pixels()..][..loaded.shape.pixels()];
                for (at, pixel) in pixels.iter().enumerate() {
                    let channel = at / loaded.shape.plane();
                    let input = inputs.next().expect("there is an input for each pixel");
                    assert_eq!(input.to_bits(), scaled(&dataset, channel, *pixel).to_bits(), "{source:?}");
                    let [low, high] = [0, 255].map(|pixel| scaled(&dataset, channel, pixel));
                    assert!((low..=high).contains(&input), "{source:?}");
                }
            }
            assert_eq!(inputs.next(), None, "{source:?}");
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
fn with_a_holdout_no_example_is_on_two_sides_and_the_test_part_stays_the_same() {
    for_every_source(|source, data_dir| {
        let dataset = load(&DatasetSettings { holdout: 0.25, ..settings(source) }, data_dir);
        assert!(!dataset.validation_is_test_split());
        let test = dataset.test().expect("there is a holdout");
        let mut all = [examples(dataset.train()), examples(dataset.validation())].concat();
        if dataset.test_is_drawn() {
            all.extend(examples(test));
        }
        all.sort_unstable();
        let count = if dataset.test_is_drawn() { TRAIN + TEST } else { TRAIN };
        assert_eq!(all, (0..count).collect::<Vec<_>>(), "{source:?}");
        let pixels = dataset.shape().pixels();
        let without_holdout = load(&settings(source), data_dir);
        assert!(gather_all(test, pixels) == gather_all(without_holdout.validation(), pixels), "{source:?}");
    });
}

/// Whether the small version has copies.
fn repeats(source: &Source) -> bool {
    !source.presence(Path::new("")).files.is_empty()
        && !matches!(
            source,
            Source::EuroSat(_) | Source::Caltech256(_) | Source::ImageFolder(_) | Source::Npz(_)
        )
}

#[test]
fn no_image_is_on_two_sides_but_for_copies_that_the_source_contains_and_they_are_counted() {
    for_every_source(|source, data_dir| {
        let dataset = load(&DatasetSettings { holdout: 0.25, ..settings(source) }, data_dir);
        let views = [dataset.train(), dataset.validation(), dataset.test().expect("there is a holdout")];
        let copies = |[of, known]: [usize; 2]| {
            let is_known = |image: &[u8]| (0..views[known].len()).any(|at| views[known].image(at) == image);
            (0..views[of].len()).filter(|position| is_known(views[of].image(*position))).count()
        };
        let [validation_in_train, test_in_train, test_in_validation] = [[1, 0], [2, 0], [2, 1]].map(copies);
        let repeated = |of: usize| {
            let image = |position: usize| views[of].image(position);
            (0..views[of].len()).filter(|at| (0..*at).any(|earlier| image(earlier) == image(*at))).count()
        };
        let [in_train, in_validation, in_test] = [0, 1, 2].map(repeated);
        let counted = Duplicates {
            in_train,
            in_validation,
            in_test,
            validation_in_train,
            test_in_train,
            test_in_validation,
        };
        assert_eq!(dataset.duplicates(), counted, "{source:?}");
        assert_eq!(counted != Duplicates::default(), repeats(source), "{source:?}: {counted:?}");
    });
}

#[test]
fn training_images_change_with_augmentation_from_epoch_to_epoch_and_stay_in_range() {
    for_every_source(|source, data_dir| {
        let augmentations = vec![
            Augmentation::Translation { largest: 0.2 },
            Augmentation::HorizontalFlip,
            Augmentation::RandomCrop { padding: 1, fill: Fill::Reflect },
            Augmentation::Brightness { largest: 0.2 },
        ];
        let scaling = Scaling::PerChannel(PerChannel::Measured);
        let dataset = load(&DatasetSettings { augmentations, scaling, ..settings(source) }, data_dir);
        let (view, pixels) = (dataset.train(), dataset.shape().pixels());
        let gather = |view: View<'_>, epoch, positions: &[u32]| {
            let (mut images, mut labels) =
                (vec![f32::NAN; positions.len() * pixels], vec![0; positions.len()]);
            view.gather_augmented(AugmentationKey { seed: 1, epoch }, positions, &mut images, &mut labels);
            (images, labels)
        };
        let batch = gather(view, 1, &[0, 9, 4]);
        assert!(batch == gather(view, 1, &[0, 9, 4]) && batch != gather(view, 2, &[0, 9, 4]), "{source:?}");
        assert!(batch.0[pixels..2 * pixels] == gather(view, 1, &[9]).0, "{source:?}");
        assert_eq!(batch.1, [view.label(0), view.label(9), view.label(4)]);
        for (at, input) in batch.0.iter().enumerate() {
            let channel = at % pixels / dataset.shape().plane();
            let [low, high] = [0, 255].map(|pixel| scaled(&dataset, channel, pixel));
            assert!((low..=high).contains(input), "{source:?}");
        }
        let validation = dataset.validation();
        assert_eq!([view, validation].map(|view| view.can_augment_on_device()), [false, true]);
        let plain = gather_all(validation, pixels).0;
        assert!(gather(validation, 1, &[0]).0 == plain[..pixels], "{source:?}");
    });
}

#[test]
fn a_crop_s_padding_is_below_the_smaller_side_of_the_images() {
    for_every_source(|source, data_dir| {
        let ImageShape { height, width, .. } = load(&settings(source), data_dir).shape();
        let load = |padding| {
            let augmentations = vec![Augmentation::RandomCrop { padding: padding as u32, fill: Fill::Zero }];
            Dataset::load(&DatasetSettings { augmentations, ..settings(source) }, data_dir)
        };
        let smaller = height.min(width);
        assert!(load(smaller - 1).is_ok(), "{source:?}");
        let refusal = load(smaller).expect_err("the window could miss the image").to_string();
        assert!(
            refusal.contains(&format!("got padding {smaller}, allowed: less than {smaller}")),
            "{refusal}"
        );
    });
}

#[test]
fn decoded_pictures_are_kept_and_the_second_start_decodes_none() {
    let decoded_dir = tempfile::tempdir().expect("a folder can be made");
    for_every_source(|source, data_dir| {
        let decoded = AtomicUsize::new(0);
        let count = |_| {
            decoded.fetch_add(1, Ordering::Relaxed);
        };
        let folder = Some(decoded_dir.path());
        let loading = Loading { decoded_dir: folder, progress: &count, ..Loading::from(data_dir) };
        let plain = source.load(data_dir).expect("the sample is whole");
        let first = source.load_with(&loading).expect("the sample is whole");
        let pictures = decoded.swap(0, Ordering::Relaxed);
        let second = source.load_with(&loading).expect("the sample is whole");
        assert_eq!(decoded.into_inner(), 0, "{source:?}");
        let is_mapped = second.train.images.is_mapped();
        assert_eq!((pictures > 0, first.train.images.is_mapped()), (is_mapped, is_mapped), "{source:?}");
        assert_eq!(first, second, "{source:?}");
        assert_eq!(second, plain, "{source:?}");
    });
}

#[test]
fn a_partial_source_differs_from_the_official_one() {
    for_every_source(|source, data_dir| {
        let dataset = load(&settings(source), data_dir);
        assert_eq!(dataset.counts(), Counts { images: TRAIN + TEST, classes: 10 }, "{source:?}");
        assert_eq!(dataset.partial_of(), source.official(), "{source:?}");
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
    prints.sort();
    prints.dedup();
    assert_eq!(prints.len(), data::sources().len() - 1);
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
        let files = source.presence(data_dir).files;
        for (path, _) in files.into_iter().filter(|(path, _)| path.is_file()) {
            let content = std::fs::read(&path).expect("the sample is whole");
            std::fs::remove_file(&path).expect("the sample can be deleted");
            let presence = source.presence(data_dir);
            assert!(!presence.complete && presence.files.contains(&(path.clone(), false)));
            assert!(source.load(data_dir).is_err() && source.fingerprint(data_dir).is_err());
            std::fs::write(&path, content).expect("the sample can be written");
        }
    });
}

/// Returns every file that is needed; for folders of pictures, two of them.
fn files_of(source: &Source, data_dir: &Path) -> Vec<PathBuf> {
    let paths = source.presence(data_dir).files.into_iter().map(|(path, _)| path);
    paths.flat_map(|path| if path.is_dir() { some_pictures(&path) } else { vec![path] }).collect()
}

fn some_pictures(folder: &Path) -> Vec<PathBuf> {
    let classes = std::fs::read_dir(folder).expect("the sample is whole");
    let mut classes: Vec<PathBuf> = classes.map(|entry| entry.expect("an entry").path()).collect();
    classes.sort();
    let class = classes.into_iter().find(|class| !class.ends_with(".hidden")).expect("there are classes");
    let files = std::fs::read_dir(class).expect("the sample is whole");
    let mut files: Vec<PathBuf> = files.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| {
        path.is_file() && path.file_name().is_some_and(|name| name.as_encoded_bytes()[0] != b'.')
    });
    files.sort();
    files.truncate(2);
    files
}

#[test]
fn a_picture_that_is_taken_away_added_or_renamed_changes_the_fingerprint() {
    for_every_source(|source, data_dir| {
        let folder = source.presence(data_dir).files.first().map(|(path, _)| path.clone());
        let Some(folder) = folder.filter(|folder| folder.is_dir()) else { return };
        let print = || source.fingerprint(data_dir).expect("hashing decodes nothing");
        let (before, picture) = (print(), some_pictures(&folder).remove(0));
        let renamed = picture.with_file_name("0.jpg");
        std::fs::rename(&picture, &renamed).expect("the sample can be renamed");
        let after_rename = print();
        std::fs::remove_file(&renamed).expect("the sample can be deleted");
        let mut prints = [before, after_rename, print()].to_vec();
        prints.sort();
        prints.dedup();
        assert_eq!(prints.len(), 3, "{source:?}");
    });
}

#[test]
fn one_changed_byte_in_any_file_changes_the_fingerprint() {
    for_every_source(|source, data_dir| {
        let before = source.fingerprint(data_dir).expect("the sample is whole");
        for path in files_of(source, data_dir) {
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

#[track_caller]
fn check_fields(fraction: f64, holdout: f64, fields: &[&str]) {
    let settings = DatasetSettings { fraction, holdout, ..DatasetSettings::of(Source::Cifar10) };
    assert_eq!(settings.problems().iter().map(|it| it.field).collect::<Vec<_>>(), fields);
}

#[test]
fn fraction_lies_above_zero_up_to_one_and_holdout_from_zero_below_one() {
    check_fields(1.0, 0.0, &[]);
    check_fields(f64::MIN_POSITIVE, 0.999, &[]);
    check_fields(0.0, -0.1, &["fraction", "holdout"]);
    check_fields(1.001, 1.0, &["fraction", "holdout"]);
    check_fields(f64::NAN, f64::INFINITY, &["fraction", "holdout"]);
}
