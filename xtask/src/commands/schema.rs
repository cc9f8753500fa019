//! `schema`: prints the reference of pipeline files, as Markdown.

use std::process::ExitCode;

use crate::terminal::say;

pub fn schema() -> anyhow::Result<ExitCode> {
    say(include_str!("../../../pipelines/schema.md").trim_end());
    Ok(ExitCode::SUCCESS)
}
