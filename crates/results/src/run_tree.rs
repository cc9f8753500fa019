//! The human view of results: readable names under `runs/` that point into the store.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use settings::Trial;
use store::{
    links,
    persist::{is_abandoned, is_temporary},
};
use walkdir::WalkDir;

use crate::error::Error;

/// Returns the folder of a pipeline in the run tree, which is also the log directory for TensorBoard.
pub fn pipeline_folder(artifacts: &Path, pipeline: &str) -> PathBuf {
    artifacts.join("runs").join(pipeline)
}

/// Removes the links of all stages of `pipeline` but those in `names`. Their results stay in the store.
pub fn keep_stages(artifacts: &Path, pipeline: &str, names: &[&str]) -> Result<(), Error> {
    let folder = pipeline_folder(artifacts, pipeline);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed("list", &folder))?,
    };
    for entry in entries {
        let name = entry.map_err(failed("list", &folder))?.file_name();
        let Some(name) = name.to_str() else { continue };
        if names.contains(&name) || is_temporary(Path::new(name)) {
            continue;
        }
        let tree = RunTree::new(artifacts, pipeline, name);
        if tree.folder.is_symlink() || tree.folder.is_dir() {
            tree.keep(&[], false)?;
            // Fails, and keeps the folder, if it holds anything but links.
            let _ = fs::remove_dir(&tree.folder);
        }
    }
    Ok(())
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Io { action, path, source }
}

/// Removes a link, unless another process has just removed it.
fn remove(link: &Path) -> Result<(), Error> {
    match fs::remove_file(link) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(failed("remove", link)),
    }
}

fn remove_link(link: &Path) -> Result<(), Error> {
    if link.is_symlink() {
        remove(link)?;
        // Fails unless this was the last link of the configuration.
        let _ = link.parent().map(fs::remove_dir);
    }
    Ok(())
}

/// Removes the links in all run trees that lead to one of these folders.
pub fn hide_everywhere(artifacts: &Path, folders: &HashSet<PathBuf>) -> Result<(), Error> {
    let links = WalkDir::new(artifacts.join("runs")).into_iter().flatten();
    for link in links.filter(walkdir::DirEntry::path_is_symlink) {
        if link.path().canonicalize().is_ok_and(|target| folders.contains(&target)) {
            remove_link(link.path())?;
        }
    }
    Ok(())
}

/// Links the file `target` by the name `file` at the root of the run tree of `pipeline`.
pub fn show_file(artifacts: &Path, pipeline: &str, file: &str, target: &Path) -> Result<(), Error> {
    Ok(links::point(artifacts, &pipeline_folder(artifacts, pipeline).join(file), target)?)
}

/// The run tree of one stage.
#[derive(Clone, Debug)]
pub struct RunTree {
    artifacts: PathBuf,
    folder: PathBuf,
}

impl RunTree {
    pub fn new(artifacts: &Path, pipeline: &str, stage: &str) -> Self {
        Self { artifacts: artifacts.to_owned(), folder: pipeline_folder(artifacts, pipeline).join(stage) }
    }

    /// Returns the stage's folder, which is itself a link if the stage has a single result.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the path of the link to `trial`.
    pub fn trial(&self, trial: &Trial) -> PathBuf {
        self.folder.join(trial.configuration.slug()).join(format!("seed-{}", trial.seed))
    }

    fn mean(&self, trial: &Trial) -> PathBuf {
        self.folder.join(trial.configuration.slug()).join("mean")
    }

    /// Links the mean over the seeds of `trial`'s configuration to the folder `target`.
    pub fn show_mean(&self, trial: &Trial, target: &Path) -> Result<(), Error> {
        Ok(links::point(&self.artifacts, &self.mean(trial), target)?)
    }

    /// Removes the link to the mean over the seeds of `trial`'s configuration.
    pub fn hide_mean(&self, trial: &Trial) -> Result<(), Error> {
        remove_link(&self.mean(trial))
    }

    /// Makes the folder of a stage that has a single result a link to `target`.
    pub fn show_stage(&self, target: &Path) -> Result<(), Error> {
        if !self.folder.is_symlink() && self.folder.is_dir() {
            // In an earlier version of the file, a stage of this name had trials.
            self.keep(&[], false)?;
            fs::remove_dir(&self.folder).map_err(failed("remove", &self.folder))?;
        }
        Ok(links::point(&self.artifacts, &self.folder, target)?)
    }

    /// Removes the link to `trial` if it points to `folder`.
    pub fn hide(&self, trial: &Trial, folder: &Path) -> Result<(), Error> {
        let link = self.trial(trial);
        let leads_there = fs::read_link(&link).is_ok_and(|target| target.file_name() == folder.file_name());
        if leads_there { remove_link(&link) } else { Ok(()) }
    }

    /// Removes all links but those of `trials` and, if `means`, of the means of their configurations. The results stay in the
    /// store.
    pub fn keep(&self, trials: &[&Trial], means: bool) -> Result<(), Error> {
        let mut kept: HashSet<PathBuf> = trials.iter().map(|trial| self.trial(trial)).collect();
        if means {
            kept.extend(trials.iter().map(|trial| self.mean(trial)));
        }
        if self.folder.is_symlink() {
            // In an earlier version of the file, a stage of this name had a single result, which must not be written into.
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
            if entry.path_is_symlink() && !kept.contains(entry.path()) {
                // If `runs` is on another disk than `work`, links are made next to their places.
                if !is_temporary(entry.path()) || is_abandoned(entry.path()) {
                    remove(entry.path())?;
                }
            } else if entry.file_type().is_dir() {
                // Fails unless the last link in the folder has just been removed.
                let _ = fs::remove_dir(entry.path());
            }
        }
        Ok(())
    }

    /// Links `trial` to the folder `target`.
    pub fn show(&self, trial: &Trial, target: &Path) -> Result<(), Error> {
        Ok(links::point(&self.artifacts, &self.trial(trial), target)?)
    }
}
