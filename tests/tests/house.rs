//! The rules of the house, held against the code.

use std::{
    fs,
    path::{Path, PathBuf},
};

use spec::Pipeline;
use walkdir::WalkDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rust_files(folder: &str) -> Vec<(PathBuf, String)> {
    let files = WalkDir::new(root().join(folder))
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.expect("an entry"));
    let is_rust = |path: &Path| path.extension().is_some_and(|extension| extension == "rs");
    let files: Vec<(PathBuf, String)> = files
        .map(walkdir::DirEntry::into_path)
        .filter(|path| is_rust(path))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source file");
            (path, text)
        })
        .collect();
    assert!(!files.is_empty(), "{folder} has no source files");
    files
}

/// Lines of code that hold one of `words`, without comments and tests.
fn lines_with(folder: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in rust_files(folder) {
        let code = text.split("#[cfg(test)]\nmod").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}: {}", path.display(), line.trim()));
            }
        }
    }
    found
}

#[test]
fn training_names_no_algorithm_no_dataset_and_no_tracker() {
    let names = ["Backprop", "Dfa", "Drtp", "LocalLoss", "Mnist", "Cifar", "Glyphs", "EventFile"];
    assert_eq!(lines_with("crates/training/src", &names), [""; 0]);
}

#[test]
fn plain_values_know_no_tensors() {
    for manifest in ["settings", "history", "spec", "store", "tuner", "report", "statistics"] {
        let path = root().join("crates").join(manifest).join("Cargo.toml");
        let text = fs::read_to_string(path).expect("a manifest");
        for tensors in ["burn", "kernels", "model", "algorithms", "tracker", "training", "engine"] {
            assert!(!text.contains(&format!("\n{tensors}.workspace")), "{manifest} depends on {tensors}");
        }
    }
}

#[test]
fn the_report_names_no_rule() {
    let names = ["\"dfa", "\"drtp", "\"backprop\"", "\"local-"];
    assert_eq!(lines_with("crates/report/src", &names), [""; 0]);
}

#[test]
fn the_store_names_no_stage() {
    let names = ["stages::", "Dataset", "Grid", "Train", "Summarize", "tuner", "engine"];
    assert_eq!(lines_with("crates/store/src", &names), [""; 0]);
}

#[test]
fn only_readers_and_writers_touch_files() {
    let io = ["std::fs", " fs::", "(fs::", "&fs::", " File::"];
    for folder in [
        "crates/random/src",
        "crates/algorithms/src",
        "crates/training/src",
        "crates/engine/src",
        "crates/kernels/src",
        "crates/model/src",
        "crates/tuner/src",
    ] {
        assert_eq!(lines_with(folder, &io), [""; 0]);
    }
    for (folder, allowed) in [
        ("crates/spec/src", &["/pipeline.rs", "/published.rs"][..]),
        ("crates/results/src", &["/run_tree.rs"]),
        ("crates/runner/src", &[]),
        ("crates/settings/src", &[]),
        ("crates/report/src", &[]),
        ("crates/statistics/src", &[]),
    ] {
        let is_allowed = |line: &String| allowed.iter().any(|file| line.contains(file));
        let found = lines_with(folder, &io);
        assert!(found.iter().all(is_allowed), "{found:?}");
    }
}

#[test]
fn nothing_draws_from_a_global_generator() {
    let names = ["thread_rng", "rand::rng", "from_os_rng", "Tensor::random", "::seed("];
    assert_eq!(lines_with("crates", &names), [""; 0]);
}

#[test]
fn every_file_of_a_folder_stands_in_its_list() {
    for (folder, list) in [
        ("crates/algorithms/src", "lib.rs"),
        ("crates/cluster/src", "lib.rs"),
        ("crates/data/src", "lib.rs"),
        ("crates/data/src/augmentation", "mod.rs"),
        ("crates/data/src/sources", "mod.rs"),
        ("crates/fetch/src", "lib.rs"),
        ("crates/machine/src", "lib.rs"),
        ("crates/machine/src/energy", "mod.rs"),
        ("crates/kernels/src", "lib.rs"),
        ("crates/model/src", "lib.rs"),
        ("crates/tracker/src", "lib.rs"),
        ("crates/tracker/src/trackers", "mod.rs"),
        ("crates/report/src/page/sections", "mod.rs"),
        ("crates/report/src/tables", "mod.rs"),
        ("crates/spec/src/stages", "mod.rs"),
        ("crates/settings/src", "lib.rs"),
        ("crates/history/src", "lib.rs"),
        ("crates/results/src", "lib.rs"),
        ("crates/runner/src", "lib.rs"),
        ("crates/store/src", "lib.rs"),
        ("crates/training/src", "lib.rs"),
        ("xtask/src/commands", "mod.rs"),
        ("xtask/src/commands/cluster", "mod.rs"),
    ] {
        let folder = root().join(folder);
        let list_text = fs::read_to_string(folder.join(list)).expect("the list");
        for entry in fs::read_dir(&folder).expect("the folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            if path.ends_with(list) {
                continue;
            }
            let is_listed = list_text
                .lines()
                .any(|line| line.trim_start_matches("pub ").trim() == format!("mod {name};"));
            assert!(is_listed, "{} is not in {list}", path.display());
        }
    }
}

#[test]
fn every_shipped_pipeline_is_right_and_says_how_to_run_it() {
    let mut count = 0;
    for entry in fs::read_dir(root().join("pipelines")).expect("the pipelines") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "ron") {
            continue;
        }
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a pipeline file");
        let pipeline = Pipeline::parse(&name, &text).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(format!("{}.ron", pipeline.name), name);
        assert!(
            text.starts_with("//") && text.contains(&format!("cargo xtask run pipelines/{name}")),
            "{name}"
        );
        count += 1;
    }
    assert!(count >= 2);
}
