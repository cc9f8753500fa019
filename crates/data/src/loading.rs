use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;

/// The folders, threads and progress callback for loading a source.
#[derive(Clone, Copy)]
pub struct Loading<'a> {
    /// The folder at which the relative paths of sources start.
    pub data_dir: &'a Path,
    /// The folder for files of decoded pictures; `None` to decode pictures each time.
    pub decoded_dir: Option<&'a Path>,
    /// The number of threads that decode.
    pub threads: NonZeroUsize,
    /// Called after each picture by the thread that decoded it.
    pub progress: &'a (dyn Fn(DecodingProgress) + Sync),
}

/// The number of pictures that are decoded, out of `total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodingProgress {
    pub done: usize,
    pub total: usize,
}

impl<'a> Loading<'a> {
    /// Loads from files under `data_dir` and decodes on every core. Nothing is kept or reported.
    pub fn from(data_dir: &'a Path) -> Self {
        Self {
            data_dir,
            decoded_dir: None,
            threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            progress: &|_| (),
        }
    }
}
