//! One process at a time fetches into a folder.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::{Error, Progress};

/// Held until the file is dropped, also when the process is killed.
pub(crate) fn acquire(path: &Path, progress: &dyn Fn(Progress<'_>)) -> Result<File, Error> {
    let failed = |source| Error::io(path, source);
    let file = File::create(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => progress(Progress::Waiting),
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    file.lock().map_err(failed)?;
    Ok(file)
}
