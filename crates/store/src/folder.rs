//! Folders of files outside the store, for other programs: complete, and never overwritten.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::error::{Result, StoreError};
use super::{disk, persist};

/// The outcome of [`place_folder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    New,
    /// The folder existed, with the same files.
    AlreadyThere,
}

/// Writes the folder `path` with `files`, names and bytes: all of them or none. A folder that exists is left as it is; other
/// files in it do not matter.
///
/// # Errors
/// If the folder exists with other content in a file of these names, or cannot be written.
pub fn place_folder(path: &Path, files: &[(&str, &[u8])]) -> Result<Placed> {
    if is_there(path)? {
        return compare(path, files);
    }
    let parent = path.parent().unwrap_or(path);
    persist::create_folder(parent)?;
    let temporary = persist::temporary_name(path);
    let renamed = fill(&temporary, files)
        .and_then(|()| disk::rename(&temporary, path).map_err(StoreError::io("write", path)));
    match renamed {
        Ok(()) => persist::sync_folder(parent).map(|()| Placed::New),
        Err(error) => {
            // The first error is the one to report.
            let _ = disk::remove_tree(&temporary);
            // Another process may have made it meanwhile.
            if is_there(path)? { compare(path, files) } else { Err(error) }
        }
    }
}

/// Reads a file, if there is one.
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(Some).map_err(StoreError::io("read", path)),
    }
}

fn is_there(path: &Path) -> Result<bool> {
    path.try_exists().map_err(StoreError::io("look up", path))
}

fn fill(folder: &Path, files: &[(&str, &[u8])]) -> Result<()> {
    disk::create_folder(folder).map_err(StoreError::io("create", folder))?;
    for (name, bytes) in files {
        let path = folder.join(name);
        disk::write_new(&path, bytes).map_err(StoreError::io("write", &path))?;
    }
    persist::sync_folder(folder)
}

fn compare(folder: &Path, files: &[(&str, &[u8])]) -> Result<Placed> {
    for (name, bytes) in files {
        if read_if_there(&folder.join(name))?.as_deref() != Some(bytes) {
            return Err(StoreError::OtherContent { folder: folder.to_owned(), file: (*name).to_owned() });
        }
    }
    Ok(Placed::AlreadyThere)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::entries;

    const FILES: [(&str, &[u8]); 2] = [("model.json", b"{}"), ("weights.safetensors", b"0123")];

    #[test]
    fn a_folder_is_placed_once_and_then_left_with_what_others_put_into_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("dfa/seed-0");
        assert_eq!(place_folder(&folder, &FILES).unwrap(), Placed::New);
        fs::write(folder.join("mine.npy"), "").unwrap();
        assert_eq!(place_folder(&folder, &FILES).unwrap(), Placed::AlreadyThere);
        assert_eq!(entries(&folder), ["mine.npy", "model.json", "weights.safetensors"]);
        assert_eq!(entries(&root.path().join("dfa")), ["seed-0"]);
    }

    #[test]
    fn a_folder_with_other_content_or_a_missing_file_is_refused_and_left() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("seed-0");
        place_folder(&folder, &FILES).unwrap();
        for damage in [|path: &Path| fs::write(path, "{ }"), |path: &Path| fs::remove_file(path)] {
            damage(&folder.join("model.json")).unwrap();
            let error = place_folder(&folder, &FILES).unwrap_err();
            let expected =
                format!("{} is there already, with another `model.json` or none", folder.display());
            assert_eq!(error.to_string(), expected);
            assert!(error.hint().unwrap().contains("seed-0.old"));
        }
        assert_eq!(entries(&folder), ["weights.safetensors"]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_whole_is_not_there() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("seed-0");
        let error = place_folder(&folder, &[FILES[0], ("no/such/folder", b"")]).unwrap_err();
        assert!(error.to_string().starts_with("cannot write "), "{error}");
        assert_eq!(entries(root.path()), [""; 0]);
    }
}
