//! What can go wrong between a data directory and a dataset.

use std::io;
use std::path::{Path, PathBuf};

use crate::{DatasetSettings, Problem, SourceFile};

/// Why there is no dataset. [`hint`](Self::hint) says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Values that are not allowed; all of them.
    #[error("dataset settings are not allowed: {}", list(problems))]
    Settings {
        /// At least one.
        problems: Vec<Problem>,
    },

    /// Official files that are not there; all of them.
    #[error("{source_name} is incomplete: {} of {of} files not found: {}", missing.len(), paths(missing))]
    Missing {
        /// The source's name for people.
        source_name: &'static str,
        /// Where the files were looked for; at least one.
        missing: Vec<PathBuf>,
        /// How many files the source has.
        of: usize,
        /// Where its authors publish them.
        homepage: &'static str,
    },

    /// The operating system refused.
    #[error("cannot read {}", file.path.display())]
    Unreadable {
        /// The file.
        file: SourceFile,
        /// What failed.
        source: io::Error,
    },

    /// A packed file that does not unpack.
    #[error("{}: expected a whole gzip file, found damage after {unpacked_bytes} unpacked bytes", file.path.display())]
    NotUnpacked {
        /// The file.
        file: SourceFile,
        /// How many bytes were unpacked before it failed.
        unpacked_bytes: u64,
        /// What failed.
        source: io::Error,
    },

    /// The bytes are not those of the official format.
    #[error("{}: expected {expected}, found {found}", file.path.display())]
    Damaged {
        /// The file.
        file: SourceFile,
        /// What the format asks for.
        expected: String,
        /// What the file has.
        found: String,
    },

    /// A share so small, or so large, that nothing is left.
    #[error(
        "no {part} examples: a holdout of {:?} and a fraction of {:?} of {of} examples leave none",
        settings.holdout,
        settings.fraction
    )]
    EmptySplit {
        /// `training` or `validation`.
        part: &'static str,
        /// The settings that were split by.
        settings: DatasetSettings,
        /// How many examples the official training part has.
        of: usize,
    },
}

impl Error {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Settings { problems } => {
                let fields: Vec<_> = problems.iter().map(|problem| format!("`{}`", problem.field)).collect();
                format!("change {} in the dataset's settings", fields.join(", "))
            }
            Self::Missing { missing, homepage, .. } => {
                let folder = missing.first().and_then(|path| path.parent()).unwrap_or(Path::new(""));
                format!("put the official files from {homepage} into {}", folder.display())
            }
            Self::Unreadable { file, .. } => {
                format!("check that {} is a file you may read", file.path.display())
            }
            Self::NotUnpacked { file, .. } | Self::Damaged { file, .. } => fetch_again(file),
            Self::EmptySplit { part: "validation", .. } => "raise `holdout`, or set it to 0.0".to_owned(),
            Self::EmptySplit { .. } => "raise `fraction`, or lower `holdout`".to_owned(),
        }
    }
}

fn fetch_again(file: &SourceFile) -> String {
    let SourceFile { path, homepage, .. } = file;
    let official = path.with_file_name(file.name);
    let place = if official == *path {
        "in its place".to_owned()
    } else {
        format!("there as {}", official.display())
    };
    format!("delete {} and put the official file from {homepage} {place}", path.display())
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(|it| format!("{}: {}", it.field, it.message)).collect::<Vec<_>>().join("; ")
}

fn paths(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
