//! Files and folders that are not reached through a symbolic link. Where several people write into a folder, a link in it could
//! lead to any file of the person who runs this program.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::{fs::OFlags, io::Errno};

/// Opens a file for writing.
///
/// # Errors
/// If `path` is a symbolic link, or anything else that is no plain file.
pub fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    // A pipe must not make the call wait. Plain files ignore this.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    match options.clone().custom_flags(flags.bits().cast_signed()).open(path) {
        Ok(file) if file.metadata()?.is_file() => Ok(file),
        Ok(_) => Err(refused("a device or a pipe")),
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            Err(refused("a symbolic link"))
        }
        Err(error) => Err(error),
    }
}

/// Checks that `path` is a folder or missing.
///
/// # Errors
/// If it is a symbolic link or a file.
pub fn check_folder(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if found.is_symlink() => Err(refused("a symbolic link")),
        Ok(found) if !found.is_dir() => Err(refused("a file")),
        Ok(_) => Ok(()),
    }
}

fn refused(found: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, format!("it is {found}, which is not written to: remove it"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_plain_files_are_opened_and_no_link_is_followed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [file, link, folder_link] = ["file", "link", "folder"].map(|name| folder.path().join(name));
        fs::write(&file, "precious").expect("writable");
        symlink(&file, &link).expect("writable");
        symlink(folder.path(), &folder_link).expect("writable");
        let writing = File::options().write(true).create(true).truncate(true).clone();
        let error = open(&writing, &link).expect_err("it is a link");
        assert_eq!(error.to_string(), "it is a symbolic link, which is not written to: remove it");
        assert!(open(&writing, Path::new("/dev/null")).is_err());
        assert_eq!(fs::read_to_string(&file).expect("readable"), "precious");
        assert!(open(&writing, &file).is_ok() && open(&writing, &folder.path().join("new")).is_ok());
        assert!(check_folder(folder.path()).is_ok() && check_folder(&folder.path().join("missing")).is_ok());
        assert!(check_folder(&folder_link).is_err() && check_folder(&file).is_err());
    }
}
