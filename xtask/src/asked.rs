//! The pipeline that a command is about, with the store that holds its results.

use runner::Context;
use spec::Pipeline;
use store::Store;

use crate::{BUILD, PipelineArguments};

/// What the command line names, opened.
pub struct Asked<'a> {
    pub pipeline: Pipeline,
    pub store: Store,
    arguments: &'a PipelineArguments,
    same_build: Option<String>,
}

impl<'a> Asked<'a> {
    /// Reads the file, then opens the store.
    pub fn open(arguments: &'a PipelineArguments) -> anyhow::Result<Self> {
        Self::of(read(arguments)?, arguments)
    }

    /// Opens the store for a file that was read before.
    pub fn of(pipeline: Pipeline, arguments: &'a PipelineArguments) -> anyhow::Result<Self> {
        let store = Store::open(&arguments.places.artifacts)?;
        let same_build = arguments.same_build.then(this_build).transpose()?;
        Ok(Self { pipeline, store, arguments, same_build })
    }

    pub fn context(&self) -> Context<'_> {
        Context {
            store: self.store.clone(),
            data: &self.arguments.places.data,
            device: self.arguments.device,
            same_build: self.same_build.as_deref(),
        }
    }
}

/// The pipeline file, with what the command line changes in it.
pub fn read(arguments: &PipelineArguments) -> anyhow::Result<Pipeline> {
    Ok(Pipeline::read_with(&arguments.file, &arguments.set)?)
}

/// What names this very build.
fn this_build() -> anyhow::Result<String> {
    let program = store::running_program()?;
    Ok(format!("{BUILD}, program {}", program.short()))
}
