//! Free space for files.

use std::{
    ffi::CString,
    io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// Returns the number of bytes that this user may still write below `folder`, which need not exist yet.
///
/// # Errors
/// If the system does not report it.
pub fn free(folder: &Path) -> io::Result<u64> {
    let path = CString::new(nearest(folder).as_os_str().as_bytes())?;
    // SAFETY: a `statvfs` is numbers only, for which zero is a value.
    let mut statistics: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the path ends in 0, and the answer is written into a value that lives longer than the call.
    if unsafe { libc::statvfs(path.as_ptr(), &raw mut statistics) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(wide(statistics.f_bavail).saturating_mul(wide(statistics.f_frsize)))
}

/// Widens a number, because systems differ in its type.
fn wide(number: impl Into<u64>) -> u64 {
    number.into()
}

/// Whether this user may write files in `folder`, or create it if it does not exist yet. Tests permissions only.
#[must_use]
pub fn may_write(folder: &Path) -> bool {
    let nearest = nearest(folder);
    let Ok(path) = CString::new(nearest.as_os_str().as_bytes()) else { return false };
    // SAFETY: the path ends in 0.
    nearest.is_dir() && unsafe { libc::access(path.as_ptr(), libc::W_OK | libc::X_OK) == 0 }
}

/// Returns `path`, or the nearest folder above it that exists.
fn nearest(path: &Path) -> PathBuf {
    let existing = path.ancestors().find(|above| above.exists());
    existing.map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_has_the_room_of_the_one_above() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let below = folder.path().join("not/yet");
        assert_eq!(nearest(&below), folder.path());
        assert_eq!(nearest(Path::new("not here")), Path::new("."));
        assert!(free(&below).expect("the system reports it") > 0);
        assert!(may_write(&below));
        std::fs::write(folder.path().join("not"), "a file").expect("writable");
        assert!(!may_write(&below));
    }
}
