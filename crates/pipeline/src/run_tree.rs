//! The human view of results: readable names under `runs/` that point into the store.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use tuner::Trial;
use walkdir::WalkDir;

use crate::{Error, store::links};

/// The folder of a pipeline in the run tree; also the folder to give TensorBoard.
#[must_use]
pub fn pipeline_folder(artifacts: &Path, pipeline: &str) -> PathBuf {
    artifacts.join("runs").join(pipeline)
}

/// The run tree of one stage.
#[derive(Clone, Debug)]
pub struct RunTree {
    folder: PathBuf,
}

impl RunTree {
    /// Of the stage `stage` of `pipeline`.
    #[must_use]
    pub fn new(artifacts: &Path, pipeline: &str, stage: &str) -> Self {
        Self { folder: pipeline_folder(artifacts, pipeline).join(stage) }
    }

    /// The stage's folder, which is itself a link where the stage has a single result.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where `trial` is shown.
    #[must_use]
    pub fn trial(&self, trial: &Trial) -> PathBuf {
        self.folder.join(trial.configuration.slug()).join(format!("seed-{}", trial.seed))
    }

    /// Shows only `trials`: links of trials that the pipeline file no longer asks for go, their results stay.
    ///
    /// # Errors
    /// If the folder cannot be read or changed.
    pub fn keep(&self, trials: &[&Trial]) -> Result<(), Error> {
        let wanted: HashSet<PathBuf> = trials.iter().map(|trial| self.trial(trial)).collect();
        let failed = |action, path: &Path| {
            let path = path.to_path_buf();
            move |source| Error::Io { action, path, source }
        };
        for entry in WalkDir::new(&self.folder).contents_first(true).min_depth(1).max_depth(2) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if error.io_error().map(io::Error::kind) == Some(io::ErrorKind::NotFound) => {
                    continue;
                }
                Err(error) => return Err(failed("list", &self.folder)(error.into())),
            };
            if entry.path_is_symlink() && !wanted.contains(entry.path()) {
                fs::remove_file(entry.path()).map_err(failed("remove", entry.path()))?;
            } else if entry.file_type().is_dir() {
                // Only succeeds on a folder whose last link has just gone.
                let _ = fs::remove_dir(entry.path());
            }
        }
        Ok(())
    }

    /// Shows `trial` at its name: the folder `target`.
    ///
    /// # Errors
    /// If the link cannot be made.
    pub fn show(&self, trial: &Trial, target: &Path) -> Result<(), Error> {
        Ok(links::point(&self.trial(trial), target)?)
    }
}
