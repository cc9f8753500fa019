//! Free space for files.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access, statvfs};

/// Returns the number of bytes that this user may still write below `folder`, which need not exist yet.
pub fn free(folder: &Path) -> io::Result<u64> {
    let statistics = statvfs(nearest(folder))?;
    Ok(statistics.f_bavail.saturating_mul(statistics.f_frsize))
}

/// Whether this user may write files in `folder`, or create it if it does not exist yet. Tests permissions only.
pub fn may_write(folder: &Path) -> bool {
    let nearest = nearest(folder);
    nearest.is_dir() && access(&nearest, Access::WRITE_OK | Access::EXEC_OK).is_ok()
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
