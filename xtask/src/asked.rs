//! The pipeline of a command, with the store of its results.

use std::path::Path;

use data::Source;
use results::known_images;
use runner::Context;
use spec::{Pipeline, Stage};
use store::Store;

use crate::{BUILD, PipelineArguments, terminal::tell};

/// A pipeline file that was read, and the opened store.
pub struct Asked<'a> {
    pub pipeline: Pipeline,
    pub store: Store,
    arguments: &'a PipelineArguments,
    same_build: Option<String>,
}

impl<'a> Asked<'a> {
    /// Reads the pipeline file, then opens the store. Says which images are missing and known from an earlier run.
    pub fn open(arguments: &'a PipelineArguments) -> anyhow::Result<Self> {
        let asked = Self::of(read(arguments)?, arguments)?;
        for stage in &asked.pipeline.stages {
            if let Stage::Dataset(dataset) = stage
                && asked.has_remembered(&dataset.settings.source)
            {
                tell(&format!(
                    "note: the images of `{}` are missing: finished results are found by the content that an earlier run saw",
                    dataset.name
                ));
            }
        }
        Ok(asked)
    }

    /// Whether the images of a source are missing, but known from an earlier run.
    pub fn has_remembered(&self, source: &Source) -> bool {
        let data = &self.arguments.places.images.data;
        known_images::remembered_fingerprint(&self.store, source, data).is_some()
    }

    /// Opens the store for a pipeline that was read before.
    pub fn of(pipeline: Pipeline, arguments: &'a PipelineArguments) -> anyhow::Result<Self> {
        let store = Store::open(&arguments.places.results.artifacts)?;
        let same_build = arguments.same_build.then(this_build).transpose()?;
        Ok(Self { pipeline, store, arguments, same_build })
    }

    /// Returns the path of the pipeline file.
    pub fn file(&self) -> &Path {
        &self.arguments.file
    }

    pub fn context(&self) -> Context<'_> {
        Context {
            store: self.store.clone(),
            data: &self.arguments.places.images.data,
            device: self.arguments.device,
            same_build: self.same_build.as_deref(),
        }
    }
}

/// Reads the pipeline file and applies `--set`.
pub fn read(arguments: &PipelineArguments) -> anyhow::Result<Pipeline> {
    let pipeline = Pipeline::read(&arguments.file, &arguments.set)?;
    for note in &pipeline.notes {
        tell(&format!("note: {note}"));
    }
    Ok(pipeline)
}

/// Returns a text that differs between any two builds.
fn this_build() -> anyhow::Result<String> {
    let program = store::running_program()?;
    Ok(format!("{BUILD}, program {}", program.short()))
}
