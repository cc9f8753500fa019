//! Where a source is read from, and who is told how far it is.

use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;

/// Where a source is read from, where decoded pictures are kept, and who is told how far decoding is.
#[derive(Clone, Copy)]
pub struct Loading<'a> {
    /// Relative paths of sources start here.
    pub data_dir: &'a Path,
    /// Folder for files of decoded pictures; `None` to decode anew each time.
    pub decoded_dir: Option<&'a Path>,
    /// Threads that decode.
    pub threads: NonZeroUsize,
    /// Called from any of those threads after each picture.
    pub progress: &'a (dyn Fn(DecodingProgress) + Sync),
}

/// How far the decoding of a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodingProgress {
    /// Pictures that are decoded.
    pub done: usize,
    /// Pictures in all.
    pub total: usize,
}

impl<'a> Loading<'a> {
    /// From files under `data_dir`, decoding on every core, keeping and telling nothing.
    #[must_use]
    pub fn from(data_dir: &'a Path) -> Self {
        Self {
            data_dir,
            decoded_dir: None,
            threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            progress: &|_| (),
        }
    }

    /// Keeps decoded pictures in `folder`, and takes them from there when they are.
    #[must_use]
    pub fn keeping_decoded_in(self, folder: &'a Path) -> Self {
        Self { decoded_dir: Some(folder), ..self }
    }
}
