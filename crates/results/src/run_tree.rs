//! The human view of results: readable names under `runs/` that point into the store.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use settings::Trial;
use walkdir::WalkDir;

use crate::Error;
use store::links;

/// The folder of a pipeline in the run tree; also the folder to give TensorBoard.
#[must_use]
pub fn pipeline_folder(artifacts: &Path, pipeline: &str) -> PathBuf {
    artifacts.join("runs").join(pipeline)
}

/// Shows only the stages `names` of `pipeline`: links of stages that its file no longer has go, their results stay.
///
/// # Errors
/// If a folder cannot be read or changed.
pub fn keep_stages(artifacts: &Path, pipeline: &str, names: &[&str]) -> Result<(), Error> {
    let folder = pipeline_folder(artifacts, pipeline);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed("list", &folder))?,
    };
    for entry in entries {
        let name = entry.map_err(failed("list", &folder))?.file_name();
        // Another process may be about to put its own link into place.
        let is_being_made = |name: &&str| name.starts_with('.') && name.ends_with(".tmp");
        let Some(name) = name.to_str().filter(|name| !names.contains(name) && !is_being_made(name)) else {
            continue;
        };
        let tree = RunTree::new(artifacts, pipeline, name);
        if tree.folder.is_symlink() || tree.folder.is_dir() {
            tree.keep(&[], false)?;
            // Stays if it holds something that is no link.
            let _ = fs::remove_dir(&tree.folder);
        }
    }
    Ok(())
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Io { action, path, source }
}

/// Removes a link, which another process may just have removed.
fn remove(link: &Path) -> Result<(), Error> {
    match fs::remove_file(link) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(failed("remove", link)),
    }
}

/// Is it a link that another process is about to put into its place?
fn is_being_made(entry: &walkdir::DirEntry) -> bool {
    /// Nobody takes that long between two system calls.
    const LONG: Duration = Duration::from_secs(60);
    let name = entry.file_name().to_string_lossy();
    let made = entry.metadata().ok().and_then(|metadata| metadata.modified().ok());
    let age = made.and_then(|made| made.elapsed().ok()).unwrap_or_default();
    name.starts_with('.') && name.ends_with(".tmp") && age < LONG
}

fn remove_link(link: &Path) -> Result<(), Error> {
    if link.is_symlink() {
        remove(link)?;
        // Only succeeds on a configuration whose last link has just gone.
        let _ = link.parent().map(fs::remove_dir);
    }
    Ok(())
}

/// Shows the file `target` by the name `file` at the root of the run tree of `pipeline`.
///
/// # Errors
/// If the link cannot be made.
pub fn show_file(artifacts: &Path, pipeline: &str, file: &str, target: &Path) -> Result<(), Error> {
    Ok(links::point(&pipeline_folder(artifacts, pipeline).join(file), target)?)
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

    /// Where the mean over the seeds of `trial`'s configuration is shown.
    fn mean(&self, trial: &Trial) -> PathBuf {
        self.folder.join(trial.configuration.slug()).join("mean")
    }

    /// Shows the mean over the seeds of `trial`'s configuration: the folder `target`.
    ///
    /// # Errors
    /// If the link cannot be made.
    pub fn show_mean(&self, trial: &Trial, target: &Path) -> Result<(), Error> {
        Ok(links::point(&self.mean(trial), target)?)
    }

    /// Shows no mean over the seeds of `trial`'s configuration.
    ///
    /// # Errors
    /// If the link cannot be removed.
    pub fn hide_mean(&self, trial: &Trial) -> Result<(), Error> {
        remove_link(&self.mean(trial))
    }

    /// Shows a stage that has a single result: its folder becomes a link to `target`.
    ///
    /// # Errors
    /// If the folder cannot be changed, or holds something else than links.
    pub fn show_stage(&self, target: &Path) -> Result<(), Error> {
        if !self.folder.is_symlink() && self.folder.is_dir() {
            // A stage of this name had trials once.
            self.keep(&[], false)?;
            fs::remove_dir(&self.folder).map_err(failed("remove", &self.folder))?;
        }
        Ok(links::point(&self.folder, target)?)
    }

    /// Shows nothing at the name of `trial`, if it leads to `folder`.
    ///
    /// # Errors
    /// If the link cannot be removed.
    pub fn hide(&self, trial: &Trial, folder: &Path) -> Result<(), Error> {
        let link = self.trial(trial);
        let leads_there = fs::read_link(&link).is_ok_and(|target| target.file_name() == folder.file_name());
        if leads_there { remove_link(&link) } else { Ok(()) }
    }

    /// Shows only `trials`, and the `means` of their configurations: links of trials that the pipeline file no longer asks
    /// for go, their results stay.
    ///
    /// # Errors
    /// If the folder cannot be read or changed.
    pub fn keep(&self, trials: &[&Trial], means: bool) -> Result<(), Error> {
        let links = |trial: &&Trial| [Some(self.trial(trial)), means.then(|| self.mean(trial))];
        let wanted: HashSet<PathBuf> = trials.iter().flat_map(links).flatten().collect();
        if self.folder.is_symlink() {
            // A stage of this name had a single result once, which must not be written into.
            remove(&self.folder)?;
        }
        for entry in WalkDir::new(&self.folder).contents_first(true).min_depth(1).max_depth(2) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if error.io_error().map(io::Error::kind) == Some(io::ErrorKind::NotFound) => {
                    continue;
                }
                Err(error) => return Err(failed("list", &self.folder)(error.into())),
            };
            if entry.path_is_symlink() && !wanted.contains(entry.path()) {
                if !is_being_made(&entry) {
                    remove(entry.path())?;
                }
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
