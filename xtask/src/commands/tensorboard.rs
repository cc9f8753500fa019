//! `tensorboard`: prints the command for a pipeline's trials, and starts it where it is installed.

use std::{
    io::ErrorKind,
    path::Path,
    process::{Command, ExitCode},
};

use anyhow::Context;
use pipeline::{file::Pipeline, run_tree};

use crate::{
    Places,
    terminal::{say, tell},
};

pub fn start(file: &Path, places: &Places) -> anyhow::Result<ExitCode> {
    let pipeline = Pipeline::read(file)?;
    let folder = run_tree::pipeline_folder(&places.artifacts, &pipeline.name);
    say(&format!("tensorboard --logdir {}", folder.display()));
    if !folder.is_dir() {
        tell(&format!("hint: there are no trials yet: `cargo xtask run {}` makes some", file.display()));
        return Ok(ExitCode::FAILURE);
    }
    match Command::new("tensorboard").arg("--logdir").arg(&folder).status() {
        Ok(status) if status.success() => Ok(ExitCode::SUCCESS),
        Ok(_) => Ok(ExitCode::FAILURE),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            tell(
                "hint: TensorBoard is not installed here: `pip install tensorboard`, then run the line above",
            );
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(error).context("cannot start tensorboard"),
    }
}
