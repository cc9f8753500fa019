//! `schema`: every field and value of a pipeline file, as Markdown.

use std::process::ExitCode;

use crate::terminal::say;

pub fn schema() -> anyhow::Result<ExitCode> {
    say(include_str!("../../../pipelines/schema.md").trim_end());
    Ok(ExitCode::SUCCESS)
}
