//! The human view of results: readable names under `runs/` that point into the store.
//!
//! A link that cannot be made or removed is a warning and never an error, because the results are complete without it.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use settings::Trial;
use store::{
    StoreError, links,
    persist::{is_abandoned, is_temporary},
};
use walkdir::WalkDir;

use crate::error::Error;

/// Returns the folder of a pipeline in the run tree, which is also the log directory for TensorBoard.
pub fn pipeline_folder(artifacts: &Path, pipeline: &str) -> PathBuf {
    artifacts.join("runs").join(pipeline)
}

/// The run tree of one pipeline.
pub struct RunTree<'a> {
    artifacts: PathBuf,
    folder: PathBuf,
    /// Receives the first problem with a link. Further ones have the same cause as a rule.
    warn: &'a (dyn Fn(&str) + Sync),
    has_warned: AtomicBool,
}

impl<'a> RunTree<'a> {
    pub fn new(artifacts: &Path, pipeline: &str, warn: &'a (dyn Fn(&str) + Sync)) -> Self {
        let folder = pipeline_folder(artifacts, pipeline);
        Self { artifacts: artifacts.to_owned(), folder, warn, has_warned: AtomicBool::new(false) }
    }

    /// Returns the part of a stage.
    pub fn stage(&self, stage: &str) -> StageTree<'_> {
        StageTree { tree: self, folder: self.folder.join(stage) }
    }

    /// Links the file `target` by the name `file` at the root.
    pub fn show_file(&self, file: &str, target: &Path) {
        self.point(&self.folder.join(file), target);
    }

    /// Removes the links of all stages but those in `names`. Their results stay in the store.
    pub fn keep_stages(&self, names: &[&str]) {
        self.check(self.remove_other_stages(names));
    }

    fn remove_other_stages(&self, names: &[&str]) -> Result<(), Error> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(failed("list", &self.folder))?,
        };
        for entry in entries {
            let name = entry.map_err(failed("list", &self.folder))?.file_name();
            let Some(name) = name.to_str() else { continue };
            if names.contains(&name) || is_temporary(Path::new(name)) {
                continue;
            }
            let folder = self.folder.join(name);
            if kind_of(&folder)?.is_some_and(|kind| kind.is_symlink() || kind.is_dir()) {
                keep(&folder, &HashSet::new())?;
                // Fails, and keeps the folder, if it holds anything but links.
                let _ = fs::remove_dir(&folder);
            }
        }
        Ok(())
    }

    fn point(&self, link: &Path, target: &Path) {
        self.check(links::point(&self.artifacts, link, target).map_err(Error::from));
    }

    /// Warns of the first problem.
    fn check(&self, result: Result<(), Error>) {
        if let Err(error) = result
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            (self.warn)(&problem(&error));
        }
    }
}

/// Returns the warning of links that cannot be made or removed.
fn problem(error: &Error) -> String {
    let source = match error {
        Error::Store(StoreError::Io { source, .. }) | Error::Io { source, .. } => Some(source),
        _ => None,
    };
    let reason = source.map_or(String::new(), |source| format!(": {source}"));
    // sshfs refuses links that contain `..`, unless it is told otherwise.
    let way_out = match source {
        Some(source) if source.kind() == io::ErrorKind::PermissionDenied => {
            "; for a folder on sshfs, mount it with `-o no_contain_symlinks`".to_owned()
        }
        _ => error.hint().map_or(String::new(), |hint| format!("; {hint}")),
    };
    format!("links in runs/ are not complete: {error}{reason} (the results are complete, in store/{way_out})")
}

/// The run tree of one stage.
pub struct StageTree<'a> {
    tree: &'a RunTree<'a>,
    folder: PathBuf,
}

impl StageTree<'_> {
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

    /// Links `trial` to the folder `target`.
    pub fn show(&self, trial: &Trial, target: &Path) {
        self.tree.point(&self.trial(trial), target);
    }

    /// Removes the link to `trial` if it points to `folder`.
    pub fn hide(&self, trial: &Trial, folder: &Path) {
        let link = self.trial(trial);
        let leads_there = fs::read_link(&link).is_ok_and(|target| target.file_name() == folder.file_name());
        if leads_there {
            // The folder stays, empty or not: mounts of other hosts may remember it, and could not link into another one.
            self.tree.check(remove_link(&link));
        }
    }

    /// Links the mean over the seeds of `trial`'s configuration to the folder `target`.
    pub fn show_mean(&self, trial: &Trial, target: &Path) {
        self.tree.point(&self.mean(trial), target);
    }

    /// Removes the link to the mean over the seeds of `trial`'s configuration.
    pub fn hide_mean(&self, trial: &Trial) {
        self.tree.check(remove_link(&self.mean(trial)));
    }

    /// Makes the folder of a stage that has a single result a link to `target`.
    pub fn show_stage(&self, target: &Path) {
        self.tree.check(self.remove_trials());
        self.tree.point(&self.folder, target);
    }

    /// Removes the folder of the trials that a stage of this name had in an earlier version of the file.
    fn remove_trials(&self) -> Result<(), Error> {
        if kind_of(&self.folder)?.is_some_and(|kind| kind.is_dir()) {
            keep(&self.folder, &HashSet::new())?;
            fs::remove_dir(&self.folder).map_err(failed("remove", &self.folder))?;
        }
        Ok(())
    }

    /// Removes all links but those of `trials` and, if `means`, of the means of their configurations. The results stay in the
    /// store.
    pub fn keep(&self, trials: &[&Trial], means: bool) {
        let mut kept: HashSet<PathBuf> = trials.iter().map(|trial| self.trial(trial)).collect();
        if means {
            kept.extend(trials.iter().map(|trial| self.mean(trial)));
        }
        self.tree.check(keep(&self.folder, &kept));
    }
}

/// Removes all links in the folder of a stage but those in `kept`.
fn keep(folder: &Path, kept: &HashSet<PathBuf>) -> Result<(), Error> {
    if is_link(folder)? {
        // In an earlier version of the file, a stage of this name had a single result, which must not be written into.
        remove(folder)?;
    }
    for entry in WalkDir::new(folder).contents_first(true).min_depth(1).max_depth(2) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.io_error().map(io::Error::kind) == Some(io::ErrorKind::NotFound) => {
                continue;
            }
            Err(error) => return Err(failed("list", folder)(error.into())),
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

/// Removes the links in all run trees that lead to one of these folders.
pub fn hide_everywhere(artifacts: &Path, folders: &HashSet<PathBuf>) -> Result<(), Error> {
    let links = WalkDir::new(artifacts.join("runs")).into_iter().flatten();
    for link in links.filter(walkdir::DirEntry::path_is_symlink) {
        if link.path().canonicalize().is_ok_and(|target| folders.contains(&target)) {
            remove_link(link.path())?;
            // Fails unless this was the last link of the configuration.
            let _ = link.path().parent().map(fs::remove_dir);
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

/// Returns the kind of the entry at `path`, which is not followed; none if there is none.
fn kind_of(path: &Path) -> Result<Option<fs::FileType>, Error> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => Ok(Some(found.map_err(failed("look up", path))?.file_type())),
    }
}

fn is_link(path: &Path) -> Result<bool, Error> {
    Ok(kind_of(path)?.is_some_and(|kind| kind.is_symlink()))
}

fn remove_link(link: &Path) -> Result<(), Error> {
    if is_link(link)? {
        remove(link)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn links_that_cannot_be_made_or_removed_are_one_warning() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let artifact = root.path().join("store/summary/ab");
        fs::create_dir_all(&artifact).expect("writable");
        // No link can be made below a file.
        fs::write(root.path().join("runs"), "").expect("writable");
        let warnings: Mutex<Vec<String>> = Mutex::default();
        let warn = |text: &str| warnings.lock().expect("no panic").push(text.to_owned());
        let tree = RunTree::new(root.path(), "cifar10", &warn);
        tree.keep_stages(&[]);
        tree.show_file("events", &artifact);
        tree.stage("report").show_stage(&artifact);
        tree.stage("trials").keep(&[], true);
        let warnings = warnings.lock().expect("no panic");
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("links in runs/ are not complete: cannot "), "{warnings:?}");
    }

    #[test]
    fn a_refused_link_names_the_option_of_sshfs() {
        let error = Error::Store(StoreError::Io {
            action: "read link",
            path: "runs/report".into(),
            source: io::ErrorKind::PermissionDenied.into(),
        });
        assert_eq!(
            problem(&error),
            "links in runs/ are not complete: cannot read link runs/report: permission denied (the results are complete, in \
             store/; for a folder on sshfs, mount it with `-o no_contain_symlinks`)"
        );
    }

    #[test]
    fn a_stage_is_shown_and_removed_with_those_that_the_file_no_longer_has() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let artifact = root.path().join("store/summary/ab");
        fs::create_dir_all(&artifact).expect("writable");
        let warn = |text: &str| panic!("{text}");
        let tree = RunTree::new(root.path(), "cifar10", &warn);
        let stage = tree.stage("report");
        // In an earlier version of the file, it had trials.
        fs::create_dir_all(stage.folder().join("dfa")).expect("writable");
        stage.show_stage(&artifact);
        stage.show_stage(&artifact);
        assert!(stage.folder().join(".").is_dir() && stage.folder().is_symlink());
        tree.keep_stages(&["report"]);
        assert!(stage.folder().is_symlink());
        tree.keep_stages(&[]);
        tree.keep_stages(&[]);
        assert!(!stage.folder().is_symlink());
    }
}
