//! The description and the split of a dataset, as text files.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use runner::{
    Context,
    progress::{Progress, Reporter},
};
use tests::{Bench, SMALL_PIPELINE as PIPELINE, Witness};

#[test]
fn a_dataset_lists_its_split_and_two_machines_list_the_same() {
    let [one, other] = [Bench::new(2, 1), Bench::new(1, 1)];
    let stated = |bench: &Bench, pipeline: &str| {
        bench.run(pipeline);
        let read = |name: &str| {
            fs::read_to_string(bench.path("runs/small/images").join(name)).expect("it is in the artifact")
        };
        [read("dataset.ron"), read("split.ron")]
    };
    let [description, split] = stated(&one, PIPELINE);
    assert!(
        description.contains(
            "validation: (\n        images: 40,\n        per_class: [4, 4, 4, 4, 4, 4, 4, 4, 4, 4],\n    )"
        ),
        "{description}"
    );
    assert!(split.contains("of: \"the official test part\",\n        images: \"0-49\""), "{split}");
    assert_eq!(stated(&other, PIPELINE), [description.clone(), split.clone()]);
    let other_seed = PIPELINE.replace("holdout: 0.2", "holdout: 0.2, split_seed: 1");
    let [same_counts, other_split] = stated(&other, &other_seed);
    assert!(same_counts.replace("split seed 1", "split seed 0") == description && other_split != split);
}

/// Writes 60 grey images of 4x4 pixels, of which each is there six times, and their labels, in the format of MNIST.
fn write_copies(bench: &Bench) -> [String; 2] {
    write_images(bench, 4, |image, pixel| (image / 6 * 17 + pixel) as u8, |image| (image / 6 % 2) as u8)
}

/// Writes 60 grey square images and their labels in the format of MNIST.
fn write_images(
    bench: &Bench,
    side: u32,
    pixel: impl Fn(u32, u32) -> u8,
    label: impl Fn(u32) -> u8,
) -> [String; 2] {
    let header = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let pixels = (0..60 * side * side).map(|at| pixel(at / (side * side), at % (side * side)));
    let images = header(&[2051, 60, side, side]).into_iter().chain(pixels).collect::<Vec<u8>>();
    let labels = header(&[2049, 60]).into_iter().chain((0..60).map(label)).collect::<Vec<u8>>();
    [("images.idx", images), ("labels.idx", labels)].map(|(name, bytes)| {
        let path = bench.path(name);
        fs::write(&path, bytes).expect("the folder can be written");
        path.display().to_string()
    })
}

#[test]
fn tables_and_report_say_how_the_splits_came_about_and_that_test_images_are_trained_on() {
    let bench = Bench::new(2, 1);
    let [images, labels] = write_copies(&bench);
    let source = format!("Idx(images: \"{images}\", labels: \"{labels}\")");
    let text = PIPELINE
        .replace("Glyphs(train: 200, test: 50), holdout: 0.2", &source)
        .replace("batch_size: 20", "batch_size: 8")
        .replace("error_rate/test", "error_rate/validation");
    let (_, tables) = bench.run(&text);
    let account = "Idx: 60 grey 4x4 images, 2 classes; 48 training images; 12 validation images, a fifth of each class, \
                   drawn by split seed 0";
    let warning = "12 validation images are also trained on";
    let folder = bench.path("runs/small/report");
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("it is in the report");
    for text in [tables[0].clone(), read("table.tex"), read("report.html")] {
        assert!(text.contains(account) && text.contains(warning), "{text}");
        assert!(!text.contains("official test split"), "{text}");
    }
}

#[test]
fn labels_that_leave_no_pixel_are_refused_with_the_way_out() {
    let bench = Bench::new(1, 1);
    let [images, labels] =
        write_images(&bench, 2, |image, pixel| (image + pixel) as u8, |image| (image % 4) as u8);
    let text = |settings: &str| {
        format!(
            r#"Pipeline(name: "tiny", stages: [
                Dataset(name: "images", source: Idx(images: "{images}", labels: "{labels}")),
                Grid(name: "rules", axes: (
                    algorithm: [ForwardForward], hidden: [[6]], activation: [Relu], learning_rate: [1e-3], forward_forward: [{settings}],
                )),
                Train(name: "trials", dataset: "images", grid: "rules", epochs: 1, batch_size: 8, seeds: 1),
            ])"#
        )
    };
    let run = bench.try_run(&bench.context(), &text("()"), &AtomicBool::new(false), &Witness::new(None));
    let error = run.expect_err("four labels in four pixels");
    assert_eq!(error.to_string(), "`trials`: labels of 4 classes leave none of an image's 4 values");
    assert!(error.hint().is_some_and(|hint| hint.contains("label: Appended")));
    bench.run(&text("(label: Appended)"));
}

#[test]
fn images_of_one_class_are_reconstructed_and_not_classified() {
    let bench = Bench::new(1, 1);
    let [images, labels] = write_copies(&bench);
    let mut bytes = fs::read(&labels).expect("it was written");
    bytes[8..].fill(0);
    fs::write(&labels, bytes).expect("the folder can be written");
    let source = format!("Idx(images: \"{images}\", labels: \"{labels}\")");
    let text = PIPELINE
        .replace("Glyphs(train: 200, test: 50), holdout: 0.2", &source)
        .replace("batch_size: 20", "batch_size: 8")
        .replace("error_rate/test", "error_rate/validation");
    let run = bench.try_run(&bench.context(), &text, &AtomicBool::new(false), &Witness::new(None));
    let error = run.expect_err("it is refused");
    assert_eq!(error.to_string(), "dataset `images`: all images are of one class, 0");
    let hint = error.hint().expect("there is a way out");
    assert!(hint.contains("task: Reconstruction"), "{hint}");
}

/// Two of the ten classes of EuroSAT lie next to the project.
#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn a_published_value_is_not_compared_with_results_on_a_part_of_the_images() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !data.join("EuroSAT").is_dir() {
        eprintln!("skipped: the images are not next to the project");
        return;
    }
    let text = r#"Pipeline(name: "partial", stages: [
        Dataset(name: "d", source: EuroSat),
        Grid(name: "g", axes: (algorithm: [Dfa], hidden: [[16]], learning_rate: [1e-3])),
        Train(name: "t", dataset: "d", grid: "g", epochs: 1, batch_size: 16, seeds: 2),
        Summarize(
            name: "s", of: ["t"], metric: "error_rate/validation",
            expect: [(of: (algorithm: Dfa), value: 15.0, within: 0.1, source: "a paper on all ten classes")],
        ),
    ])"#;
    let bench = Bench::new(1, 1);
    let context = Context { data: &data, ..bench.context() };
    let witness = Witness::new(None);
    let run = bench.try_run(&context, text, &AtomicBool::new(false), &witness);
    let report = run.expect("the run is possible");
    assert_eq!(report.missed, [""; 0]);
    let table = fs::read_to_string(bench.path("runs/partial/s/table.md")).expect("a table");
    assert!(table.contains("NOT RUN: PARTIAL: 120 of 27,000 images, 2 of 10 classes"), "{table}");
}

/// Replaces a picture before it is read, and puts it back after all pictures were decoded.
struct Swapper {
    picture: PathBuf,
    other: PathBuf,
}

impl Swapper {
    fn swap(&self) {
        let aside = self.other.with_extension("aside");
        for (from, to) in [(&self.picture, &aside), (&self.other, &self.picture), (&aside, &self.other)] {
            fs::rename(from, to).expect("the folder can be written");
        }
    }
}

impl Reporter for Swapper {
    fn report(&self, progress: &Progress<'_>) {
        match progress {
            Progress::LoadingDataset { .. } => self.swap(),
            Progress::Decoding { done, total, .. } if done == total => self.swap(),
            _ => (),
        }
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn images_that_were_others_while_they_were_read_are_not_trained_on() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/EuroSAT");
    if !data.is_dir() {
        eprintln!("skipped: the images are not next to the project");
        return;
    }
    let bench = Bench::new(1, 1);
    let own = bench.path("own");
    for class in ["Industrial", "Residential"] {
        fs::create_dir_all(own.join(class)).expect("the folder can be written");
        let mut pictures: Vec<PathBuf> = fs::read_dir(data.join(class))
            .expect("the folder can be listed")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        pictures.sort();
        for (number, picture) in pictures.iter().take(10).enumerate() {
            fs::copy(picture, own.join(class).join(format!("{number}.jpg"))).expect("it can be copied");
        }
        fs::copy(&pictures[10], bench.path("other.jpg")).expect("it can be copied");
    }
    let text = PIPELINE
        .replace(
            "Glyphs(train: 200, test: 50), holdout: 0.2",
            &format!("ImageFolder(path: \"{}\")", own.display()),
        )
        .replace("batch_size: 20", "batch_size: 2")
        .replace("error_rate/test", "error_rate/validation");
    let run = bench.try_run(
        &bench.context(),
        &text,
        &AtomicBool::new(false),
        &Swapper { picture: own.join("Industrial/3.jpg"), other: bench.path("other.jpg") },
    );
    let error = run.expect_err("they changed");
    assert_eq!(error.to_string(), "`images`: the image files changed while the run started");
}
