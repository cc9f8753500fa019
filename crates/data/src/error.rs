use std::io;
use std::path::{Path, PathBuf};

use machine::memory::in_words;

use crate::{ImageShape, Problem, SourceFile};

/// The reason why there is no dataset. [`hint`](Self::hint) says what to do about it. A `homepage` is `None` for a user's
/// own files.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("dataset settings are not allowed: {}", list(problems))]
    Settings { problems: Vec<Problem> },

    #[error("{source_name} is incomplete: {} of {of} files not found: {}", missing.len(), paths(missing))]
    Missing {
        source_name: &'static str,
        missing: Vec<PathBuf>,
        /// The number of files that the source has.
        of: usize,
        homepage: Option<&'static str>,
    },

    #[error("these are not the official files of {source_name}: other content in {}", paths(files))]
    NotOfficial { source_name: &'static str, files: Vec<PathBuf>, homepage: &'static str },

    #[error("cannot read {}", file.path.display())]
    Unreadable { file: SourceFile, source: io::Error },

    #[error("{}: expected {expected}, found {found}", file.path.display())]
    Damaged { file: SourceFile, expected: String, found: String },

    /// A whole array of another form. The line of Python converts it.
    #[error("{}: expected {expected}, found {found}", path.display())]
    OtherArray { path: PathBuf, expected: String, found: String, line: String },

    #[error("{}: expected folders of pictures (.jpg, .jpeg, .png), one folder per class, found no whole picture", folder.display())]
    NoPictures { folder: PathBuf, homepage: Option<&'static str> },

    #[error("{}: expected a whole picture, found: {reason}", file.path.display())]
    DamagedPicture { file: SourceFile, reason: String },

    /// A folder of pictures that its user has to change, or the settings that name it.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Unsuitable { path: PathBuf, expected: String, found: String, hint: &'static str },

    /// The picture may be whole, so it is not left out: what a dataset holds must not depend on the machine.
    #[error("{}: decoding this picture needs {}, {} may be used", path.display(), in_words(*need), in_words(*limit))]
    PictureTooLarge { path: PathBuf, need: u64, limit: u64 },

    #[error(
        "{}: {pictures} pictures of {}x{} pixels need {} when they are decoded, {} may be used",
        path.display(), shape.width, shape.height, in_words(*need), in_words(*limit)
    )]
    PicturesTooLarge { path: PathBuf, pictures: usize, shape: ImageShape, need: u64, limit: u64 },

    #[error("interrupted")]
    Interrupted,

    #[error("cannot keep decoded pictures in {}", path.display())]
    NotKept { path: PathBuf, source: io::Error },

    /// A metric of the test split, where validation uses the test split.
    #[error("`{metric}` is not measured: the test split is the validation split")]
    NoTestSplit { metric: String },

    /// A task that tells classes apart has nothing to tell apart.
    #[error("all images are of one class, {class}")]
    OneClass { class: String },

    #[error("the largest label is {}: only {with_images} of {classes} classes have an image", classes - 1)]
    FewClassesHaveImages { with_images: usize, classes: usize },

    /// A share of the examples is so small or so large that a split is empty.
    #[error(
        "no {part} examples: a holdout of {holdout:?} and a fraction of {fraction:?} of {of} examples leave none"
    )]
    EmptySplit {
        /// `training`, `validation` or `test`.
        part: &'static str,
        holdout: f64,
        fraction: f64,
        of: usize,
    },
}

impl Error {
    pub fn hint(&self) -> String {
        match self {
            Self::Settings { problems } => {
                let fields: Vec<_> = problems.iter().map(|problem| format!("`{}`", problem.field)).collect();
                format!("change {} in the dataset's settings", fields.join(", "))
            }
            Self::Missing { missing, homepage: Some(homepage), .. } => {
                let folder = missing.first().and_then(|path| path.parent()).unwrap_or(Path::new(""));
                format!("put the official files from {homepage} into {}", folder.display())
            }
            Self::Missing { homepage: None, .. } => {
                "check the paths in the source's settings; they start at the data directory".to_owned()
            }
            Self::NotOfficial { files, homepage, .. } => {
                let folder = files.first().and_then(|path| path.parent()).unwrap_or(Path::new(""));
                format!(
                    "put the official files from {homepage} into {}, or write `official: false` into the Dataset stage: results \
                     then say that the files are other ones",
                    folder.display()
                )
            }
            Self::Unreadable { file, .. } => {
                format!("check that {} is a file you may read", file.path.display())
            }
            Self::Damaged { file, .. } => fetch_again(file),
            Self::OtherArray { line, .. } => format!("convert it and save the file again: `{line}`"),
            Self::NoPictures { folder, homepage: Some(homepage) } => {
                format!("put the official folders from {homepage} into {}", folder.display())
            }
            Self::NoPictures { folder, homepage: None } => {
                format!("put a folder per class, with pictures in it, into {}", folder.display())
            }
            Self::DamagedPicture { file: SourceFile { homepage: Some(homepage), .. }, .. } => format!(
                "put the official file from {homepage} in its place, or give the source `skip_damaged: true`"
            ),
            Self::DamagedPicture { .. } => {
                "put a whole file in its place, or give the source `skip_damaged: true`".to_owned()
            }
            Self::Unsuitable { hint, .. } => (*hint).to_owned(),
            Self::PictureTooLarge { .. } => format!("store the picture with fewer pixels, or {MORE_MEMORY}"),
            Self::PicturesTooLarge { .. } => format!("give the source a smaller `size`, or {MORE_MEMORY}"),
            Self::Interrupted => "the same command starts again".to_owned(),
            Self::NotKept { path, .. } => {
                let folder = path.parent().unwrap_or(Path::new(""));
                format!("check that {} may be written and has room", folder.display())
            }
            Self::NoTestSplit { .. } => {
                "give the dataset a `holdout`, or the files a validation part".to_owned()
            }
            Self::OneClass { .. } => {
                "give each class a folder or a label of its own, or train on `task: Reconstruction`"
                    .to_owned()
            }
            Self::FewClassesHaveImages { .. } => {
                "number the classes from 0 without gaps: `y = numpy.unique(y, return_inverse=True)[1]`"
                    .to_owned()
            }
            Self::EmptySplit { part: "test", .. } => "give the source more images".to_owned(),
            Self::EmptySplit { part: "validation", .. } => "raise `holdout`, or set it to 0.0".to_owned(),
            Self::EmptySplit { .. } => "raise `fraction`, or lower `holdout`".to_owned(),
        }
    }
}

const MORE_MEMORY: &str = "end other programs, or allow more with `run --memory SIZE`";

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
