//! The lock that lets one process at a time fetch into a folder.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::{Error, Progress};

/// Waits for the lock. The lock is released when the file is dropped or the process ends.
pub(crate) fn acquire(path: &Path, progress: &dyn Fn(Progress<'_>)) -> Result<File, Error> {
    let mut options = File::options();
    let options = options.write(true).create(true).truncate(false);
    let file = machine::plain::open(options, path).map_err(|source| Error::io(path, source))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => progress(Progress::Waiting),
        Err(TryLockError::Error(source)) => return Err(Error::io(path, source)),
    }
    file.lock().map_err(|source| Error::io(path, source))?;
    Ok(file)
}
