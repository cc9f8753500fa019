//! `schema`: everything that a pipeline file may hold, as Markdown.

use std::{path::Path, process::ExitCode};

use anyhow::Context;
use schema::Schema;

use crate::terminal::say;

pub fn schema() -> anyhow::Result<ExitCode> {
    // Of the project that this program was built from: that is what it reads.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let schema = Schema::read(&root).context("the sources do not tell the schema")?;
    say(&schema.markdown());
    Ok(ExitCode::SUCCESS)
}
