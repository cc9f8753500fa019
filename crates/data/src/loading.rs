use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;

/// The folders, limits and callbacks for loading a source.
#[derive(Clone, Copy)]
pub struct Loading<'a> {
    /// The folder at which the relative paths of sources start.
    pub data_dir: &'a Path,
    /// The folder for files of decoded pictures; `None` to decode pictures each time.
    pub decoded_dir: Option<&'a Path>,
    /// The number of threads that decode.
    pub threads: NonZeroUsize,
    /// The bytes that decoded images and decoders may use together. Decoders wait for each other.
    pub memory: u64,
    /// Asked before each picture. If it is true, loading ends with [`Error::Interrupted`](crate::Error::Interrupted).
    pub is_interrupted: &'a (dyn Fn() -> bool + Sync),
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
    /// Loads from files under `data_dir` and decodes on every core, in most of the memory that is free now. Nothing is kept,
    /// reported or interrupted.
    pub fn from(data_dir: &'a Path) -> Self {
        Self {
            data_dir,
            decoded_dir: None,
            threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            memory: machine::memory::usable(),
            is_interrupted: &|| false,
            progress: &|_| (),
        }
    }
}
