//! What can go wrong between a data directory and a dataset.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Problem, SourceFile};

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
        /// Where its authors publish them; `None` for a user's own.
        homepage: Option<&'static str>,
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

    /// A folder of folders in which there is no picture.
    #[error("{}: expected folders of pictures (.jpg, .jpeg, .png), one folder per class, found no whole picture", folder.display())]
    NoPictures {
        /// Where they were looked for.
        folder: PathBuf,
        /// Where their authors publish them; `None` for a user's own.
        homepage: Option<&'static str>,
    },

    /// More folders than labels.
    #[error("{}: expected at most {most} folders of pictures, found more", folder.display())]
    TooManyClasses {
        /// Where they are.
        folder: PathBuf,
        /// How many may be.
        most: usize,
    },

    /// A name that cannot be written in a report.
    #[error("{}: expected a name in UTF-8, found other bytes", path.display())]
    NameNotText {
        /// The file or folder; what is no text in it is shown as `\u{fffd}`.
        path: PathBuf,
    },

    /// A picture that cannot be decoded or is not what it should be.
    #[error("{}: expected a whole picture, found: {reason}", path.display())]
    DamagedPicture {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
        /// Where its authors publish it; `None` for a user's own.
        homepage: Option<&'static str>,
    },

    /// A picture of another size, where all must have one.
    #[error("{}: expected {}x{} pixels as the first picture has, found {width}x{height}", path.display(), expected.0, expected.1)]
    MixedSizes {
        /// The file.
        path: PathBuf,
        /// Pixels from left to right.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
        /// Of the first picture, width first.
        expected: (usize, usize),
    },

    /// Decoded pictures that could not be written or mapped.
    #[error("cannot keep decoded pictures in {}", path.display())]
    NotKept {
        /// The file that would hold them.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },

    /// A share so small, or so large, that nothing is left.
    #[error(
        "no {part} examples: a holdout of {holdout:?} and a fraction of {fraction:?} of {of} examples leave none"
    )]
    EmptySplit {
        /// `training`, `validation` or `test`.
        part: &'static str,
        /// The share that was to be held out.
        holdout: f64,
        /// The share of the rest that was to be used.
        fraction: f64,
        /// How many examples were split.
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
                match homepage {
                    Some(homepage) => {
                        format!("put the official files from {homepage} into {}", folder.display())
                    }
                    None => "check the paths in the source's settings; they start at the data directory"
                        .to_owned(),
                }
            }
            Self::Unreadable { file, .. } => {
                format!("check that {} is a file you may read", file.path.display())
            }
            Self::NotUnpacked { file, .. } | Self::Damaged { file, .. } => fetch_again(file),
            Self::NoPictures { folder, homepage } => match homepage {
                Some(homepage) => {
                    format!("put the official folders from {homepage} into {}", folder.display())
                }
                None => format!("put a folder per class, with pictures in it, into {}", folder.display()),
            },
            Self::TooManyClasses { .. } => "check that the path is that of a folder of classes".to_owned(),
            Self::NameNotText { .. } => "rename it".to_owned(),
            Self::DamagedPicture { homepage, .. } => {
                let replace = match homepage {
                    Some(homepage) => format!("put the official file from {homepage} in its place"),
                    None => "put a whole file in its place".to_owned(),
                };
                format!("{replace}, or give the source `skip_damaged: true`")
            }
            Self::MixedSizes { .. } => "give the source a `size`, for example `size: Some(64)`".to_owned(),
            Self::NotKept { path, .. } => {
                let folder = path.parent().unwrap_or(Path::new(""));
                format!("check that {} may be written and has room", folder.display())
            }
            Self::EmptySplit { part: "test", .. } => "give the source more images".to_owned(),
            Self::EmptySplit { part: "validation", .. } => "raise `holdout`, or set it to 0.0".to_owned(),
            Self::EmptySplit { .. } => "raise `fraction`, or lower `holdout`".to_owned(),
        }
    }
}

fn fetch_again(file: &SourceFile) -> String {
    let SourceFile { path, name, homepage } = file;
    let Some(homepage) = homepage else { return format!("put a whole file in place of {}", path.display()) };
    let official = path.with_file_name(name);
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
