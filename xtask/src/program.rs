//! The command by which a person starts this program.

use std::env;

use clap::Command;

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
