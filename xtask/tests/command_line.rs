//! What a shell sees: exit codes, messages, hints.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

const PIPELINE: &str = r#"Pipeline(
    name: "tiny",
    stages: [
        Dataset(name: "images", source: Glyphs(train: 100, test: 20)),
        Grid(name: "rules", axes: (algorithm: [Dfa, Drtp], hidden: [[6]], learning_rate: [1e-3])),
        Train(name: "trials", dataset: "images", grid: "rules", epochs: 1, batch_size: 10, seeds: 1),
        Summarize(name: "report", of: ["trials"], metric: "error_rate/validation"),
    ],
)"#;

fn xtask(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("BPFREE_DATA")
        .env_remove("BPFREE_ARTIFACTS")
        .output()
        .expect("the program starts")
}

fn folder(pipeline: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("tiny.ron"), pipeline).expect("the folder can be written");
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_run_exits_with_0_and_a_second_one_trains_nothing() {
    let folder = folder(PIPELINE);
    let first = xtask(folder.path(), &["run", "tiny.ron", "--jobs", "1"]);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    assert!(text(&first.stdout).contains("2 trials: 0 were done, 2 trained now, 0 failed"));
    assert!(
        text(&first.stderr).contains("[2/2] drtp 6 tanh lr0.001 seed 0: 1 epochs"),
        "{}",
        text(&first.stderr)
    );
    let second = xtask(folder.path(), &["run", "tiny.ron"]);
    assert_eq!(second.status.code(), Some(0));
    assert!(text(&second.stdout).contains("2 trials: 2 were done, 0 trained now, 0 failed"));
    assert!(text(&second.stdout).contains("| rank | configuration"));
    let plan = xtask(folder.path(), &["plan", "tiny.ron"]);
    let plan = text(&plan.stdout);
    assert!(plan.contains("2 trials: 2 done, 0 to run") && plan.contains("report            done"), "{plan}");
}

#[test]
fn an_unexpected_divergence_exits_with_1() {
    let folder = folder(&PIPELINE.replace("1e-3", "1e38").replace("epochs: 1", "epochs: 2"));
    let run = xtask(folder.path(), &["run", "tiny.ron"]);
    assert_eq!(run.status.code(), Some(1), "{}", text(&run.stderr));
    assert!(text(&run.stderr).contains("diverged: loss/train"), "{}", text(&run.stderr));
    assert!(text(&run.stderr).contains("hint: where divergence is a finding, say `may_diverge: true`"));
}

#[test]
fn a_wrong_file_exits_with_2() {
    let folder = folder(&PIPELINE.replace("Drtp", "Drpt"));
    for command in ["run", "plan", "tensorboard"] {
        let run = xtask(folder.path(), &[command, "tiny.ron"]);
        assert_eq!(run.status.code(), Some(2));
        assert!(
            text(&run.stderr).starts_with("error: tiny.ron:5:53: unknown algorithm `Drpt`"),
            "{}",
            text(&run.stderr)
        );
        assert!(text(&run.stderr).contains("hint: did you mean `Drtp`?"));
    }
}

#[test]
fn missing_images_are_named_with_the_place_they_belong() {
    let other = r#"Dataset(name: "others", source: Cifar10), Grid("#;
    let pipeline = PIPELINE.replace("Glyphs(train: 100, test: 20)", "FashionMnist").replace("Grid(", other);
    let folder = folder(&pipeline);
    let run = xtask(folder.path(), &["run", "tiny.ron", "--offline"]);
    assert_eq!(run.status.code(), Some(1));
    let errors = text(&run.stderr);
    for part in [
        "error: files are missing and the network is not to be used: train-images-idx3-ubyte.gz (26421880 bytes)",
        "t10k-labels-idx1-ubyte.gz (5148 bytes)",
        "hint: put them into data/fashion-mnist (archives unpacked, .gz files as they are), or allow the network",
        "cifar-10-binary.tar.gz (170052171 bytes)",
        "hint: put them into data/cifar-10-batches-bin",
    ] {
        assert!(errors.contains(part), "{errors}");
    }
    assert!(!folder.path().join("data").exists());
}

#[test]
fn a_download_that_fails_says_from_where_and_what_to_do() {
    let folder = folder(&PIPELINE.replace("Glyphs(train: 100, test: 20)", "Mnist"));
    let run = xtask(folder.path(), &["run", "tiny.ron", "--mirror", "file:///nowhere"]);
    assert_eq!(run.status.code(), Some(1));
    let errors = text(&run.stderr);
    assert!(errors.starts_with("MNIST is not in data/mnist: downloading 11.59 MB"), "{errors}");
    assert!(errors.contains("file:///nowhere/train-images-idx3-ubyte.gz: No such file"), "{errors}");
    assert!(errors.contains("hint: try again later"), "{errors}");
    assert!(!folder.path().join("data/mnist").exists());
}

#[test]
fn a_plan_without_images_says_what_the_file_alone_tells() {
    let missing = |source: &str| {
        let folder = folder(&PIPELINE.replace("Glyphs(train: 100, test: 20)", source));
        let plan = xtask(folder.path(), &["plan", "tiny.ron"]);
        (plan.status.code(), text(&plan.stdout) + &text(&plan.stderr))
    };
    let rest = "
Grid       rules             2 configurations
Train      trials            2 trials
Summarize  report            after the trials

what of it is done can be said when the images are there: a result is named by their content
";
    let (code, said) = missing("Mnist");
    let images = "images are not there: `run` downloads 11.59 MB, or `cargo xtask data fetch mnist`";
    assert_eq!((code, said), (Some(0), format!("Dataset    images            {images}{rest}")));
    // Nobody can download those.
    let (code, said) = missing("ImageFolder(path: \"mine\")");
    let images = "images are not there: no data/mine";
    assert_eq!((code, said), (Some(1), format!("Dataset    images            {images}{rest}")));
}

/// Where this machine has the official files beside the workspace.
#[test]
fn a_run_downloads_what_it_needs() {
    let official = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/mnist");
    let Ok(official) = official.canonicalize() else { return };
    let pipeline = PIPELINE.replace("Glyphs(train: 100, test: 20)", "Mnist, fraction: 0.002");
    let folder = folder(&pipeline);
    let mirror = format!("file://{}", official.display());
    let run = xtask(folder.path(), &["run", "tiny.ron", "--jobs", "1", "--mirror", &mirror]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    assert!(
        text(&run.stderr).starts_with("MNIST is not in data/mnist: downloading"),
        "{}",
        text(&run.stderr)
    );
    assert!(folder.path().join("data/mnist/t10k-labels-idx1-ubyte.gz").is_file());
    let again = xtask(folder.path(), &["run", "tiny.ron", "--offline"]);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    assert!(text(&again.stdout).contains("2 trials: 2 were done, 0 trained now, 0 failed"));
}

#[test]
fn info_counts_every_class_and_shows_examples() {
    let folder = folder(PIPELINE);
    let info = xtask(folder.path(), &["data", "info", "glyphs", "--to", "sheets"]);
    assert_eq!(info.status.code(), Some(0), "{}", text(&info.stderr));
    let said = text(&info.stdout);
    for part in [
        "images       12000, each 1x28x28",
        "split        10000 for training, 2000 for testing: the official one",
        "where        nowhere: drawn by this program",
        "       all        10000    2000",
        "contact sheet: sheets/glyphs.png (up to 8 training images of every class",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let sheet = fs::read(folder.path().join("sheets/glyphs.png")).expect("it was written");
    assert_eq!(sheet[..8], *b"\x89PNG\r\n\x1a\n");

    // A user's own pictures: the sheet, many times, and something that is no picture.
    for class in ["cats", "dogs"] {
        let class = folder.path().join("mine").join(class);
        fs::create_dir_all(&class).expect("the folder can be written");
        (0..10).for_each(|number| fs::write(class.join(format!("{number}.png")), &sheet).expect("so can it"));
    }
    fs::write(folder.path().join("mine/dogs/broken.png"), "no picture").expect("the folder can be written");
    let info = xtask(
        folder.path(),
        &["data", "info", "image-folder", "--path", "mine", "--size", "32", "--data", ".", "--to", "sheets"],
    );
    assert_eq!(info.status.code(), Some(0), "{}", text(&info.stderr));
    let said = text(&info.stdout);
    for part in [
        "images       20, each 3x32x32",
        "split        16 for training, 4 for testing: a fifth of each class, drawn by split seed 0",
        "copies       15 training images repeat an earlier one, 3 test images repeat an earlier one, 4 test images \
         are also training images",
        "DAMAGED      1, left out here",
        "dogs/broken.png: ",
        "    0  cats        8       2",
        "contact sheet: sheets/image-folder.png",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn info_says_what_it_needs() {
    let folder = folder(PIPELINE);
    let info = |arguments: &[&str]| {
        let output = xtask(folder.path(), &[&["data", "info"], arguments].concat());
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    let (code, said) = info(&["mnist"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("note: `cargo xtask data fetch mnist` downloads what is missing"), "{said}");
    assert!(said.contains("hint: put the official files from"), "{said}");
    let (code, said) = info(&["image-folder"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("ImageFolder needs a `--path`"), "{said}");
    let (code, said) = info(&["glyphs", "--size", "64"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("error: the images of Glyphs have their size\nhint: leave `--size` out"), "{said}");
}

#[test]
fn a_file_that_is_not_there_is_an_error_with_a_hint() {
    let folder = folder(PIPELINE);
    let run = xtask(folder.path(), &["run", "nowhere.ron"]);
    assert_eq!(run.status.code(), Some(1));
    assert!(text(&run.stderr).starts_with("error: cannot read nowhere.ron"), "{}", text(&run.stderr));
}

#[cfg(not(feature = "cuda"))]
#[test]
fn cuda_without_the_feature_is_an_error_with_a_hint() {
    let folder = folder(PIPELINE);
    let run = xtask(folder.path(), &["run", "tiny.ron", "--device", "cuda"]);
    assert_eq!(run.status.code(), Some(1));
    let errors = text(&run.stderr);
    assert!(
        errors.contains("device `cuda` is not part of this build") && errors.contains("hint:"),
        "{errors}"
    );
    assert!(!errors.contains("panicked"), "{errors}");
}

#[test]
fn the_list_of_datasets_names_every_source() {
    let folder = folder(PIPELINE);
    let list = text(&xtask(folder.path(), &["data"]).stdout);
    for name in ["Glyphs", "MNIST", "Fashion-MNIST", "CIFAR-10"] {
        assert!(list.contains(name), "{list}");
    }
}

#[test]
fn init_writes_a_file_that_plan_understands_and_never_a_second_one() {
    let folder = folder(PIPELINE);
    let init = xtask(folder.path(), &["init", "glyphs"]);
    assert_eq!(init.status.code(), Some(0), "{}", text(&init.stderr));
    assert_eq!(
        text(&init.stdout),
        "pipelines/my-glyphs.ron: 45 trials on Glyphs\nnext: cargo xtask plan pipelines/my-glyphs.ron\n"
    );
    let plan = xtask(folder.path(), &["plan", "pipelines/my-glyphs.ron"]);
    assert_eq!(plan.status.code(), Some(0), "{}", text(&plan.stderr));
    assert!(text(&plan.stdout).contains("45 trials: 0 done, 45 to run"), "{}", text(&plan.stdout));
    assert_eq!(text(&plan.stderr), "");

    let file = folder.path().join("pipelines/my-glyphs.ron");
    fs::write(&file, "mine").expect("the file can be written");
    let again = xtask(folder.path(), &["init", "Glyphs"]);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(
        text(&again.stderr),
        "error: pipelines/my-glyphs.ron is there already, and is never overwritten\n\
         hint: name another file by `--to FILE`, or move this one away\n"
    );
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "mine");
}

#[test]
fn init_asks_for_the_paths_of_own_images_and_says_what_is_missing() {
    let folder = folder(PIPELINE);
    let init = |arguments: &[&str]| {
        let output = xtask(folder.path(), &[&["init"], arguments].concat());
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    let (code, said) = init(&["image-folder"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("where are your own images?") && said.contains("hint: `--path FOLDER`"), "{said}");
    let (code, said) = init(&["image-folder", "--path", "my/pictures", "--to", "a.ron", "--data", "here"]);
    assert_eq!(code, Some(0));
    assert!(said.contains("there is no here/my/pictures yet"), "{said}");
    assert!(said.contains("next: cargo xtask plan a.ron --data here"), "{said}");
    let (_, said) = init(&["idx", "--path", "i.gz", "--path", "l.gz", "--to", "b.ron"]);
    assert!(said.contains("next: cargo xtask plan b.ron"), "{said}");
    let written = fs::read_to_string(folder.path().join("b.ron")).expect("it is there");
    assert!(written.contains("source: Idx(images: \"i.gz\", labels: \"l.gz\"),"), "{written}");
    let (_, said) = init(&["cifar10"]);
    assert!(said.contains("first: cargo xtask data fetch cifar-10"), "{said}");
    let (code, said) = init(&["cifar-10", "--path", "x"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("CIFAR-10 has its place in the data directory"), "{said}");
}

#[test]
fn an_unknown_dataset_exits_with_2_and_a_guess() {
    let folder = folder(PIPELINE);
    let init = xtask(folder.path(), &["init", "cifar-11"]);
    assert_eq!(init.status.code(), Some(2));
    let errors = text(&init.stderr);
    assert!(errors.contains("did you mean `cifar-10`? known: glyphs, mnist"), "{errors}");
}

#[test]
fn a_name_that_no_folder_can_have_is_refused_before_anything_is_written() {
    let folder = folder(PIPELINE);
    let init = xtask(folder.path(), &["init", "glyphs", "--to", "my file.ron"]);
    assert_eq!(init.status.code(), Some(2));
    assert!(text(&init.stderr).contains("`my file` cannot name a folder"), "{}", text(&init.stderr));
    assert!(!folder.path().join("my file.ron").exists());
}

/// The findings of `doctor` with these arguments, in a folder without anything.
fn doctor(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = xtask(folder, &[&["doctor"], arguments].concat());
    assert_eq!(text(&output.stderr), "");
    (output.status.code(), text(&output.stdout))
}

#[test]
fn doctor_says_what_is_there_and_the_way_out_for_the_rest() {
    let folder = folder(PIPELINE);
    let (code, said) = doctor(folder.path(), &[]);
    assert_eq!(code, Some(0), "{said}");
    for topic in ["build", "processor", "memory", "device cuda", "energy", "data", "artifacts", "TensorBoard"]
    {
        let stands_there = |line: &str| line.get(8..).is_some_and(|rest| rest.starts_with(topic));
        assert!(said.lines().any(stands_there), "{topic}: {said}");
    }
    assert!(said.contains("data: without MNIST, Fashion-MNIST, CIFAR-10"), "{said}");
    assert!(said.ends_with("\neverything that training with `--device cpu` needs is there\n"), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    for (line, next) in lines.iter().zip(&lines[1..]).filter(|(line, _)| line.starts_with("no ")) {
        assert!(next.starts_with("                     hint: "), "{line}");
    }
    assert!(!folder.path().join("artifacts").exists(), "it only looks");
}

#[test]
fn doctor_exits_with_1_where_results_cannot_be_written() {
    let folder = folder(PIPELINE);
    let (code, said) = doctor(folder.path(), &["--artifacts", "tiny.ron/results"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("BROKEN  artifacts    tiny.ron/results: cannot be written"), "{said}");
    assert!(said.contains("hint: `--artifacts DIR`"), "{said}");
}

#[cfg(not(feature = "cuda"))]
#[test]
fn doctor_exits_with_1_where_the_device_that_is_asked_for_cannot_be_used() {
    let folder = folder(PIPELINE);
    let (code, said) = doctor(folder.path(), &["--device", "cuda"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("BROKEN  device cuda  device `cuda` is not part of this build"), "{said}");
}

#[test]
fn a_tracker_without_meters_is_told_once_and_trains_all_the_same() {
    let folder = folder(&PIPELINE.replace("seeds: 1", "seeds: 1, trackers: [Energy]"));
    let without_packages = !Path::new("/sys/class/powercap/intel-rapl:0").exists();
    for command in ["plan", "run"] {
        let output = xtask(folder.path(), &[command, "tiny.ron"]);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{errors}");
        if without_packages {
            let warning = "warning: `Energy` gives no machine/energy_cpu_joules here, trials train without: ";
            assert_eq!(errors.matches(warning).count(), 1, "{errors}");
            assert!(errors.contains("hint: `sudo modprobe intel_rapl_msr`"), "{errors}");
        }
    }
}
