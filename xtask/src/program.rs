//! The commands that hints name: how a person starts this program, and with which options.

use std::{env, path::Path};

use clap::Command;
use settings::Device;

use crate::{ArtifactsFolder, DataFolder, PipelineArguments, Places};

/// Returns the command for hints: `cargo xtask` in a checkout, `bpfree` where the program is installed.
pub fn program() -> &'static str {
    // Cargo names the folder of a package to the program that it runs.
    let runs_by_cargo =
        env::var_os("CARGO_MANIFEST_DIR").is_some_and(|folder| folder == env!("CARGO_MANIFEST_DIR"));
    match (runs_by_cargo, cfg!(feature = "cuda")) {
        (true, false) => "cargo xtask",
        (true, true) => "cargo xtask-cuda",
        (false, _) => "bpfree",
    }
}

/// Replaces `cargo xtask`, which the libraries' texts contain, by the command of this program.
pub fn with_program(text: &str) -> String {
    text.replace("cargo xtask ", &format!("{} ", program()))
}

/// Names the program in usage lines and examples, also in those of subcommands.
pub fn name_in_help(command: Command) -> Command {
    name_in_examples(command).bin_name(program())
}

fn name_in_examples(command: Command) -> Command {
    let command = command.mut_subcommands(name_in_examples);
    match command.get_after_help().map(|text| with_program(&text.to_string())) {
        Some(text) => command.after_help(text),
        None => command,
    }
}

/// Returns the command line of this run, to be pasted.
pub fn command_line() -> String {
    let words: Vec<String> = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    format!("{} {}", program(), quoted(words.iter().map(String::as_str)))
}

/// Joins words so that a shell takes them apart again.
fn quoted<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_.,:=+/@%".contains(letter);
    // A shell would split other words, or take brackets for a pattern.
    let quoted = words.map(|word| match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Returns the pipeline file with the options that name the study.
pub fn study_in_words(about: &PipelineArguments) -> String {
    let mut words = vec![about.file.display().to_string()];
    for given in &about.set {
        words.extend(["--set".to_owned(), given.to_string()]);
    }
    if about.device != Device::Cpu {
        words.extend(["--device".to_owned(), about.device.to_string()]);
    }
    words.extend(about.same_build.then(|| "--same-build".to_owned()));
    let Places { images: DataFolder { data }, results: ArtifactsFolder { artifacts } } = &about.places;
    for (flag, path, usual) in [("--data", data, "data"), ("--artifacts", artifacts, "artifacts")] {
        if path != Path::new(usual) {
            words.extend([flag.to_owned(), path.display().to_string()]);
        }
    }
    quoted(words.iter().map(String::as_str))
}
