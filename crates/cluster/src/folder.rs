//! The folder of a study on a cluster: scripts, logs, the last round, and the reason to stop.
//!
//! ```text
//! <artifacts>/cluster/<study>/worker.sh, last.sh   the scripts
//! <artifacts>/cluster/<study>/cluster.ron          the cluster file of the last round
//! <artifacts>/cluster/programs/bpfree-<hash>       the program of the workers, for all studies
//! <artifacts>/cluster/<study>/logs/                what each job printed
//! <artifacts>/cluster/<study>/round.ron            the last round
//! <artifacts>/cluster/<study>/stop                 why no further worker may begin
//! ```

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};
use store::{
    Key, Store,
    persist::{temporary_name, write_atomically},
};

use crate::{error::Error, settings::Settings, slurm::JobId};

/// The files of a study on a cluster.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    study: String,
}

/// A round of workers. It decides when to give up, and never what is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Round {
    /// The number of the round, from 1.
    pub(crate) number: u32,
    /// The number of rounds before it, without a gap, that brought the study no further.
    pub(crate) fruitless: u32,
    /// The finished trials and the saved epochs of the others, at its start.
    pub(crate) progress: (usize, u64),
    /// The array of its workers; absent if Slurm's answer was lost.
    pub(crate) array: Option<u64>,
}

impl Folder {
    /// Returns the folder of the pipeline `name` with this text, in this store. Its name is that of the study's jobs. The study of
    /// another text, with other `options` that change results, or in another store, has another one.
    pub fn of(store: &Store, name: &str, text: &str, options: &str) -> Self {
        // Links are not followed: they may lead elsewhere on another host.
        let root = std::path::absolute(store.root()).unwrap_or_else(|_| store.root().to_owned());
        let hash = Key::of_bytes(format!("{}\n{options}\n{name}\n{text}", root.display()).as_bytes()).short();
        // Jobs are found by their names, in lists whose separator is a comma.
        let name: String =
            name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
        let study = format!("bpfree-{name}-{hash}");
        Self { path: root.join("cluster").join(&study), study }
    }

    /// Returns the name of the study's jobs.
    pub fn study(&self) -> &str {
        &self.study
    }

    /// Returns the names of the jobs of other versions of this pipeline, with another text or other options.
    pub fn other_versions(&self) -> Vec<String> {
        let beginning = self.study.rsplit_once('-').map_or("", |(beginning, _)| beginning);
        let entries =
            self.path.parent().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let is_version = |name: &String| {
            *name != self.study && name.rsplit_once('-').is_some_and(|(other, _)| other == beginning)
        };
        names.filter(is_version).collect()
    }

    /// Whether the study was ever submitted.
    pub fn exists(&self) -> bool {
        self.path.is_dir()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Creates the folder and that of the logs.
    pub fn create(&self) -> Result<(), Error> {
        let logs = self.logs();
        fs::create_dir_all(&logs).map_err(Error::io("create", &logs))
    }

    pub fn logs(&self) -> PathBuf {
        self.path("logs")
    }

    /// Copies this program to where every node sees it, under a name that changes with its content: a program that runs must not be
    /// replaced.
    pub fn keep_program(&self) -> Result<PathBuf, Error> {
        let here = std::env::current_exe().map_err(Error::io("find", "this program"))?;
        let programs = self.path.with_file_name("programs");
        let kept = programs.join(format!("bpfree-{}", store::running_program()?.short()));
        if kept.exists() {
            return Ok(kept);
        }
        fs::create_dir_all(&programs).map_err(Error::io("create", &programs))?;
        let temporary = temporary_name(&kept);
        fs::copy(&here, &temporary)
            .and_then(|_| fs::set_permissions(&temporary, fs::Permissions::from_mode(0o755)))
            .and_then(|()| fs::rename(&temporary, &kept))
            .map_err(Error::io("write", &kept))?;
        Ok(kept)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, Error> {
        let path = self.path(name);
        write_atomically(&path, text.as_bytes())?;
        Ok(path)
    }

    pub(crate) fn round(&self) -> Option<Round> {
        ron::from_str(&fs::read_to_string(self.path("round.ron")).ok()?).ok()
    }

    pub(crate) fn write_round(&self, round: &Round) -> Result<(), Error> {
        let text = ron::to_string(round).expect("numbers are RON");
        self.write("round.ron", &text).map(drop)
    }

    pub(crate) fn settings_file(&self) -> PathBuf {
        self.path("cluster.ron")
    }

    /// Keeps the cluster file of a round, for its last job.
    pub(crate) fn write_settings(&self, settings: &Settings) -> Result<(), Error> {
        let text = ron::to_string(settings).expect("texts and numbers are RON");
        write_atomically(&self.settings_file(), text.as_bytes())?;
        Ok(())
    }

    /// Returns the cluster file of the last round.
    pub(crate) fn settings(&self) -> Option<Settings> {
        Settings::read(&self.settings_file()).ok()
    }

    /// Returns why no further worker may begin, if so.
    pub fn stopped(&self) -> Option<String> {
        fs::read_to_string(self.path("stop")).ok()
    }

    /// Makes workers that begin later end at once, and the command that waits for the round end with `reason`.
    pub fn stop(&self, reason: &str) -> Result<(), Error> {
        self.write("stop", reason).map(drop)
    }

    /// Removes the reason to stop.
    pub(crate) fn allow(&self) -> Result<(), Error> {
        let path = self.path("stop");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
            _ => Ok(()),
        }
    }

    /// Returns the ends of the workers' logs that were written last, each with its path; equal ones once.
    pub fn last_logs(&self, count: usize, lines: usize) -> Vec<(PathBuf, String)> {
        let mut logs: Vec<(SystemTime, PathBuf)> = fs::read_dir(self.logs())
            .into_iter()
            .flatten()
            .flatten()
            // A last job repeats what the workers' logs say.
            .filter(|entry| !entry.file_name().to_string_lossy().starts_with("last-"))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        logs.sort_by(|one, other| other.cmp(one));
        let mut ends: Vec<(PathBuf, String)> = Vec::new();
        for (_, path) in logs {
            let end = end_of(&path, lines);
            if ends.len() < count && ends.iter().all(|(_, known)| *known != end) {
                ends.push((path, end));
            }
        }
        ends
    }

    /// Returns the number of the array of the last round, if it is known.
    pub(crate) fn last_array(&self) -> Option<JobId> {
        self.round()?.array.map(JobId)
    }
}

fn end_of(path: &Path, lines: usize) -> String {
    let text = String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_study_is_its_text_and_its_store() {
        let [one, other] = [(); 2].map(|()| tempfile::tempdir().expect("a temporary folder"));
        let [store, elsewhere] = [&one, &other].map(|folder| Store::open(folder.path()).expect("fresh"));
        let folder = Folder::of(&store, "my study@epochs=1", "Pipeline()", "cpu");
        assert!(folder.study().starts_with("bpfree-my-study-epochs-1-"), "{}", folder.study());
        assert_eq!(folder.study(), Folder::of(&store, "my study@epochs=1", "Pipeline()", "cpu").study());
        assert_ne!(folder.study(), Folder::of(&store, "my study@epochs=1", "Pipeline( )", "cpu").study());
        assert_ne!(folder.study(), Folder::of(&store, "my study@epochs=1", "Pipeline()", "cuda").study());
        let other = Folder::of(&store, "my study@epochs=1", "Pipeline(())", "cpu");
        other.create().expect("writable");
        Folder::of(&store, "another", "Pipeline()", "cpu").create().expect("writable");
        assert_eq!(folder.other_versions(), [other.study()]);
        assert_ne!(folder.study(), Folder::of(&elsewhere, "my study@epochs=1", "Pipeline()", "cpu").study());
    }

    #[test]
    fn the_reason_to_stop_and_the_round_are_kept() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::of(&Store::open(folder.path()).expect("fresh"), "s", "", "");
        assert!(!folder.exists());
        folder.create().expect("writable");
        assert_eq!((folder.stopped(), folder.round()), (None, None));
        folder.allow().expect("there is nothing to remove");
        folder.stop("no images").expect("writable");
        assert_eq!(folder.stopped().as_deref(), Some("no images"));
        folder.allow().expect("removable");
        assert_eq!(folder.stopped(), None);
        let round = Round { number: 2, fruitless: 1, progress: (3, 40), array: Some(7) };
        folder.write_round(&round).expect("writable");
        assert_eq!((folder.round(), folder.last_array()), (Some(round), Some(JobId(7))));
        let settings = Settings::example();
        folder.write_settings(&settings).expect("writable");
        assert_eq!(folder.settings(), Some(settings));
        // A damaged one is none.
        folder.write("round.ron", "(number:").expect("writable");
        assert_eq!(folder.round(), None);
        fs::write(folder.logs().join("7_0.log"), "one\ntwo\nthree\n").expect("writable");
        fs::write(folder.logs().join("last-8.log"), "four\n").expect("writable");
        assert_eq!(folder.last_logs(3, 2), [(folder.logs().join("7_0.log"), "two\nthree".to_owned())]);
    }
}
