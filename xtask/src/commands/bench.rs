//! `bench`: builds and runs the separate program of that name.

use std::{
    env,
    ffi::OsString,
    path::Path,
    process::{Command, ExitCode},
};

use anyhow::{Context, bail};

/// Runs the program in the root of the checkout, because its default folders are there.
pub fn bench(arguments: &[OsString]) -> anyhow::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if !root.join("Cargo.toml").is_file() {
        bail!(
            "`bench` is built from the sources, which are not in {}: run `cargo build --release --package bench` in a checkout, and \
             copy target/release/bench to this machine",
            root.display()
        );
    }
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["run", "--quiet", "--release", "--package", "bench"]).current_dir(root);
    if cfg!(feature = "cuda") {
        cargo.args(["--features", "cuda"]);
    }
    let status =
        cargo.arg("--").args(arguments).status().context("cannot start cargo, which builds `bench`")?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
