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
    let folder = folder(&PIPELINE.replace("Glyphs(train: 100, test: 20)", "FashionMnist"));
    let run = xtask(folder.path(), &["run", "tiny.ron"]);
    assert_eq!(run.status.code(), Some(1));
    let errors = text(&run.stderr);
    assert!(errors.contains("train-images-idx3-ubyte.gz") && errors.contains("hint:"), "{errors}");
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
